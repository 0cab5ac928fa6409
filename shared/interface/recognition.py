"""Finds the sentence of a catalogue that a finished text was made from, and says it in the catalogue's language.

Use cases put English sentences together (``The contact Ann is not active``) and do not know who will read them; they
are stored, logged and sent to peers as they are. Where a page shows one, the sentence and its values are read back from
the text. Pieces are looked for from left to right without going back, so a hostile peer's text costs no more than its
length.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

TEXT_LIMIT: Final = 2_000
"""Characters; a longer text is no sentence of ours."""

NESTED: Final = 2
"""A value may be a sentence itself (what a peer refused with), whose value may be one again."""

STATES: Final = frozenset({"state", "status"})
"""Blanks filled with a word of ours: a value of any other name is somebody's own and stays as it is."""

_BLANK: Final = re.compile(r"{(\w+)}")
_SENTENCE_WORDS: Final = 3
_OWN_TEXT: Final = 5
"""Characters that make a sentence ours; one with fewer ("{number} is {state}") must have a state we have a word for."""


class Sentence(NamedTuple):
    """A catalogue's sentence with blanks, taken apart."""

    pieces: tuple[str, ...]
    """The text around the blanks: one more than there are names."""
    names: tuple[str, ...]
    translated: str


class Recogniser:
    """The sentences of one catalogue, the most specific first."""

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        found = [_taken_apart(text, said) for text, said in catalogue.items() if _BLANK.search(text)]
        self._sentences = sorted(found, key=lambda sentence: -sum(map(len, sentence.pieces)))
        self.said = lru_cache(maxsize=4096)(self._say)

    def _say(self, text: str) -> str:
        """Return the text in the catalogue's language, or as it is where no sentence fits."""
        return self._told(text, NESTED) if len(text) <= TEXT_LIMIT else text

    def _told(self, text: str, depth: int) -> str:
        exact = self._catalogue.get(text)
        if exact is not None:
            return exact
        for sentence in self._sentences:
            values = _values(text, sentence.pieces)
            named = {} if values is None else dict(zip(sentence.names, values, strict=True))
            if named and self._ours(sentence, named):
                return _filled(sentence.translated, {name: self._value(name, named[name], depth) for name in named})
        return text

    def _ours(self, sentence: Sentence, named: Mapping[str, str]) -> bool:
        own = sum(map(len, sentence.pieces))
        return own >= _OWN_TEXT or any(name in STATES and word in self._catalogue for name, word in named.items())

    def _value(self, name: str, value: str, depth: int) -> str:
        if name in STATES:
            return self._catalogue.get(value, value)
        if depth and len(value.split()) >= _SENTENCE_WORDS:
            return self._told(value, depth - 1)
        return value


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda blank: values.get(blank[1], blank[0]), text)


def _taken_apart(text: str, said: str) -> Sentence:
    parts = _BLANK.split(text)
    return Sentence(tuple(parts[::2]), tuple(parts[1::2]), said)


def _values(text: str, pieces: tuple[str, ...]) -> list[str] | None:
    """Return what stands between the pieces, or None where they are not all there in this order."""
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last):
        return None
    at, end, values = len(first), len(text) - len(last), []
    for piece in middle:
        found = text.find(piece, at + 1, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(piece)
    return [*values, text[at:end]] if at < end else None
