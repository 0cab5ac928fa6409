"""Which language a page speaks. The English sentence itself is the key, so English needs no catalogue.

A catalogue is a JSON file ``locales/<language>.json`` of the shell and of each service; adding it adds the language.
The shell's says at ``". "`` how sentences are ended and joined: Japanese has a full stop of its own and no blank.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from shared.interface.recognition import Recogniser

Catalogues = Mapping[str, Mapping[str, str]]
"""Language tag (lower case, for instance ``de``) to English sentence to sentence."""

ENGLISH = "en"
_JOINT = ". "


def catalogues_in(folder: Path) -> Catalogues:
    """Return the catalogues of a folder, by the names of its files. Raises ValueError for one that is not JSON."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


OWN_CATALOGUES: Catalogues = catalogues_in(Path(__file__).parent / "locales")
"""The words of the shell and the components, and the sentences of what both services share."""

# Macros imported without context cannot see the page's variables, and rendering is synchronous: a context variable
# reaches them all.
_PLAIN = Recogniser({})
_speaker: ContextVar[Recogniser] = ContextVar("interface_speaker", default=_PLAIN)


class Told(str):
    """Several finished sentences as one text, each of which is translated by itself."""

    __slots__ = ("sentences",)
    sentences: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[str]) -> "Told":
        """Return the sentences one after the other, each with its full stop; empty ones are left out."""
        given = tuple(sentence for sentence in sentences if sentence)
        told = cls(" ".join(sentence.rstrip(".") + "." for sentence in given))
        told.sentences = given
        return told


def translate(text: str, /, **values: object) -> str:
    """The sentence in the language being rendered, ``{name}`` replaced by values; English where no other is known.

    ``text`` may be finished already, as errors and findings are: its values are then found in it. A value that is
    `Told` is translated too, any other is somebody's own.
    """
    if isinstance(text, Told):
        joint = translate(_JOINT)
        end = joint.rstrip()
        return joint.join(translate(sentence).rstrip("." + end) for sentence in text.sentences) + end
    sentence = _speaker.get().said(text)
    for name, value in values.items():
        sentence = sentence.replace("{" + name + "}", translate(value) if isinstance(value, Told) else str(value))
    return sentence


class Languages:
    """The shell's catalogues and a service's own, merged; the service's words win."""

    def __init__(self, catalogues: Catalogues | None = None) -> None:
        given = catalogues or {}
        tags = {*OWN_CATALOGUES, *given}
        self._speakers = {tag: Recogniser({**OWN_CATALOGUES.get(tag, {}), **given.get(tag, {})}) for tag in tags}

    @property
    def available(self) -> tuple[str, ...]:
        """English first, then the others in alphabetical order."""
        return (ENGLISH, *sorted(self._speakers))

    def preferred(self, chosen: str | None, accept_language: str | None) -> str:
        """The person's own choice if we speak it, else the best of Accept-Language (RFC 9110 12.5.4), else English.

        A choice that a directory made may name a region (``ja-JP``).
        """
        own = (chosen or "").lower().partition("-")[0]
        if own in self.available:
            return own
        ranked = sorted(_ranges(accept_language or ""), key=lambda pair: -pair[1])
        return next((tag for tag, quality in ranked if tag in self.available and quality > 0), ENGLISH)

    @contextmanager
    def speaking(self, tag: str) -> Iterator[None]:
        """Render in this language inside the block."""
        token = _speaker.set(self._speakers.get(tag, _PLAIN))
        try:
            yield
        finally:
            _speaker.reset(token)


def _ranges(accept_language: str) -> Iterator[tuple[str, float]]:
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        _, _, quality = parameter.partition("q=")
        try:
            yield tag.strip().lower().partition("-")[0], float(quality or 1)
        except ValueError:
            continue
