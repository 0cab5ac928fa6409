"""What makes two messages the same: the hash of their content in canonical form (RFC 8785)."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import rfc8785

from shared.wire.messages import Message

_NESTING: Final = frozenset({dict, list})
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def content_hash(message: Message) -> str:
    """Return the SHA-256 (hex) of the canonical lane, sequence, type, time, subject and data."""
    content = {
        "lane": message.lane,
        "sequence": message.sequence,
        "type": message.type,
        "time": message.time,
        "subject": message.subject,
        "data": message.data,
    }
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(value: dict[str, Any]) -> bytes:
    """Return the RFC 8785 form of a decoded JSON object.

    The C encoder of the standard library writes the same bytes, several times faster, unless there are fractions or
    characters outside the basic plane (whose names sort by UTF-16). Integers beyond 2**53, for which RFC 8785 has no
    form, are written digit by digit.
    """
    text = _encode(value)
    if not _has_fraction(value) and _in_basic_plane(text):
        return text.encode()
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return text.encode()


def _has_fraction(value: dict[str, Any] | list[Any]) -> bool:
    members: Iterable[Any] = value.values() if isinstance(value, dict) else value
    kinds = set(map(type, members))
    if float in kinds:
        return True
    return not kinds.isdisjoint(_NESTING) and any(_has_fraction(one) for one in members if type(one) in _NESTING)


def _in_basic_plane(text: str) -> bool:
    return text.isascii() or len(text.encode("utf-16-le")) == 2 * len(text)
