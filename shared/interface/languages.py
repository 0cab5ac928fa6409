"""Which language a page speaks. The English sentence itself is the key, so English needs no catalogue."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from shared.interface.german import GERMAN

Catalogues = Mapping[str, Mapping[str, str]]
"""Language tag (lower case, for instance ``de``) to English sentence to sentence."""

ENGLISH = "en"
OWN_CATALOGUES: Catalogues = {"de": GERMAN}
"""The words of the shell and the components."""

# Macros imported without context cannot see the page's variables, and rendering is synchronous: a context variable
# reaches them all.
_sentences: ContextVar[Mapping[str, str]] = ContextVar("interface_sentences", default={})  # noqa: B039 - never mutated


def translate(text: str, /, **values: object) -> str:
    """The sentence in the language being rendered, ``{name}`` replaced by values; English where no other is known."""
    sentence = _sentences.get().get(text, text)
    for name, value in values.items():
        sentence = sentence.replace("{" + name + "}", str(value))
    return sentence


class Languages:
    """The shell's catalogues and a service's own, merged; the service's words win."""

    def __init__(self, catalogues: Catalogues | None = None) -> None:
        given = catalogues or {}
        tags = {*OWN_CATALOGUES, *given}
        self._catalogues = {tag: {**OWN_CATALOGUES.get(tag, {}), **given.get(tag, {})} for tag in tags}

    @property
    def available(self) -> tuple[str, ...]:
        """English first, then the others in alphabetical order."""
        return (ENGLISH, *sorted(self._catalogues))

    def preferred(self, chosen: str | None, accept_language: str | None) -> str:
        """The person's own choice if we speak it, else the best of Accept-Language (RFC 9110 12.5.4), else English."""
        if chosen in self.available:
            return str(chosen)
        ranked = sorted(_ranges(accept_language or ""), key=lambda pair: -pair[1])
        return next((tag for tag, quality in ranked if tag in self.available and quality > 0), ENGLISH)

    @contextmanager
    def speaking(self, tag: str) -> Iterator[None]:
        """Render in this language inside the block."""
        token = _sentences.set(self._catalogues.get(tag, {}))
        try:
            yield
        finally:
            _sentences.reset(token)


def _ranges(accept_language: str) -> Iterator[tuple[str, float]]:
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        _, _, quality = parameter.partition("q=")
        try:
            yield tag.strip().lower().partition("-")[0], float(quality or 1)
        except ValueError:
            continue
