"""The strict JSON decoder: every byte from outside passes here before anything else looks at it.

RFC 8259 narrowed to I-JSON (RFC 7493): UTF-8 without a byte order mark, no duplicate names, no ``NaN`` or ``Infinity``,
numbers within what a double holds, no lone surrogates, no NUL, bounded depth (design: architecture.md, fact 8).
"""

import json
import math
import re
from typing import Any, NoReturn, TypeAlias

from shared.wire.errors import MalformedJson

JsonValue: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | None"

MAX_DEPTH = 32
"""Nested objects and arrays, at most."""

MAX_INTEGER_DIGITS = 20
"""Digits of an integer, at most; larger ones belong in strings."""

_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes of NUL and of surrogates; only a body with one of them is searched string by string."""


def decode(raw: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value that ``raw`` spells; raise `MalformedJson` naming what is wrong with it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson("The body is not UTF-8", fix="Encode the body as UTF-8") from error
    if text.startswith("\ufeff"):
        raise MalformedJson("The body begins with a byte order mark", fix="Send UTF-8 without a byte order mark")
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"The body is not JSON: {error}") from error
    _check_depth(value, max_depth)
    if _SUSPECT_ESCAPE.search(text):
        _check_strings(value)
    return value


def _check_depth(value: Any, max_depth: int) -> None:
    """Descend level by level, which is far cheaper than counting brackets outside strings.

    The parser stops on its own long before depth can hurt it (`RecursionError`).
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        if not level:
            return
        level = [
            member
            for container in level
            for member in (container.values() if type(container) is dict else container)
            if type(member) is dict or type(member) is list
        ]
    if level:
        raise MalformedJson(f"The body nests deeper than {max_depth} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJson("An object names a member twice", fix="Send every member name once")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise MalformedJson(f"An integer has more than {MAX_INTEGER_DIGITS} digits", fix="Send it as a string")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise MalformedJson("A number is larger than a double can hold")
    return value


def _check_strings(value: Any) -> None:
    """Escapes can smuggle in what UTF-8 decoding already refused: lone surrogates and NUL."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise MalformedJson("A string holds a lone surrogate or NUL")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_strings(name)
            _check_strings(member)
    elif isinstance(value, list):
        for member in value:
            _check_strings(member)
