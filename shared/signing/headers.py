"""The headers a signature depends on, read from raw pairs so that nothing has been merged or dropped before."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from shared.signing.errors import DigestMismatch, HeaderMalformed
from shared.signing.profile import CONNECTION_ID, CONTENT_TYPE, DIGEST, IDEMPOTENCY_KEY, METHODS, NONCE, TARGET
from shared.wire.version import CONNECTION_HEADER, IDEMPOTENCY_HEADER, NONCE_HEADER

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Header lines as the server received them (ASGI), or as the client did."""

_FORMS: Final = {
    "content-type": CONTENT_TYPE,
    "content-digest": DIGEST,
    IDEMPOTENCY_HEADER: IDEMPOTENCY_KEY,
    CONNECTION_HEADER: CONNECTION_ID,
    NONCE_HEADER: NONCE,
}
"""The one spelling of every header that a signature may cover."""

_SIGNATURES: Final = ("signature-input", "signature")
_FORBIDDEN: Final = ("content-encoding", "trailer")
"""Whoever changes the bytes of a body after it was signed, or sends more after it, is refused."""

_RELEVANT: Final = frozenset({*_FORMS, *_SIGNATURES, *_FORBIDDEN, "transfer-encoding"})
_RELEVANT_RAW: Final = {name.encode("ascii"): name for name in _RELEVANT}
_HEADER_BYTES: Final = 2048
"""Length of one relevant header, at most; the longest of the profile has below 600."""


def read_headers(pairs: RawHeaders) -> dict[str, str]:
    """The relevant headers by lower-case name; raises `HeaderMalformed` for duplicates and any second spelling."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = _RELEVANT_RAW.get(raw_name.lower())
        if name is None:
            continue
        if name in found:
            raise HeaderMalformed(f"The header {name} stands twice", fix="Send every header once")
        found[name] = _text(name, raw_value)
    _refuse_forbidden(found)
    for name, form in _FORMS.items():
        if name in found and form.fullmatch(found[name]) is None:
            raise HeaderMalformed(f"The header {name} is not in its one form")
    return found


def check_target(method: str, target_uri: str) -> None:
    """Raise `HeaderMalformed` unless method and target are ones of the profile."""
    if method not in METHODS:
        raise HeaderMalformed("The method is not one of the profile")
    if TARGET.fullmatch(target_uri) is None:
        raise HeaderMalformed("The target is not in its one form", fix="Use paths of letters, digits and . _ / - only")


def check_body_headers(found: Mapping[str, str], *, has_body: bool) -> None:
    """A body comes with its type and digest, and neither comes without a body; raises `HeaderMalformed`."""
    for name in ("content-type", "content-digest"):
        if has_body is not (name in found):
            raise HeaderMalformed(f"The header {name} stands exactly where a body is")


def digest_of(body: bytes) -> str:
    """The ``Content-Digest`` of ``body``: one member, SHA-256 (RFC 9530 section 2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def check_digest(stated: str, body: bytes) -> None:
    """Raise `DigestMismatch` unless ``stated`` is the digest of ``body``."""
    if not hmac.compare_digest(stated, digest_of(body)):
        raise DigestMismatch(cause="The body was changed on the way, or the digest was taken of other bytes")


def _refuse_forbidden(found: Mapping[str, str]) -> None:
    for name in _FORBIDDEN:
        if name in found:
            raise HeaderMalformed(f"The header {name} is not allowed", fix=f"Send the message without {name}")
    if found.get("transfer-encoding", "chunked") != "chunked":
        raise HeaderMalformed("The only transfer-encoding is chunked")


def _text(name: str, value: bytes) -> str:
    if len(value) > _HEADER_BYTES or not value.isascii():
        raise HeaderMalformed(f"The header {name} is too long or not ASCII")
    return value.decode("ascii")
