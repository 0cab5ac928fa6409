"""base64url without padding, in its one canonical spelling (RFC 4648 section 5, RFC 7515 section 2)."""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def to_base64url(raw: bytes) -> str:
    """Spell ``raw`` in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Read base64url; raise `ValueError` for padding, foreign characters and second spellings of the same bytes."""
    if _ALPHABET.fullmatch(text) is None:
        raise ValueError("not base64url without padding")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url of whole bytes") from error
    if to_base64url(raw) != text:
        raise ValueError("not the canonical base64url spelling")
    return raw
