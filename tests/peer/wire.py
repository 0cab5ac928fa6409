"""Bytes of the protocol (section 2): strict JSON, content hashes, ids, and problem documents (section 12)."""

import base64
import hashlib
import json
import math
import re
import secrets
from typing import Any

import rfc8785

Document = dict[str, Any]

MAX_BODY = 1_048_576
MAX_DEPTH = 32
NONCE = re.compile(r"[A-Za-z0-9_-]{22,64}\Z")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_HASHED = ("lane", "sequence", "type", "time", "subject", "data")


class Problem(Exception):
    """A refusal: thrown where it is decided, sent as ``application/problem+json``."""

    def __init__(self, status: int, code: str, detail: str = "", **extra: Any) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail, self.extra = status, code, detail, extra

    def document(self) -> Document:
        """The members of section 12."""
        return {
            "type": f"urn:service-exchange:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "cause": self.detail,
            "fix": "",
            "errors": [],
            "request_id": new_id(0),
            **self.extra,
        }


class PeerLied(Exception):
    """The other side's answer must not be believed; ``why`` is a stable word a test may assert."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}")
        self.why = why


def b64u(data: bytes) -> str:
    """base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """The bytes behind base64url; ValueError unless it is the one canonical spelling."""
    if not isinstance(text, str) or not _BASE64URL.match(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(data) != text:
        raise ValueError("not canonical base64url")
    return data


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def new_nonce() -> str:
    """128 random bits as base64url."""
    return b64u(secrets.token_bytes(16))


def new_id(unix_seconds: float) -> str:
    """A UUIDv7 (RFC 9562 section 5.7) in lower case."""
    bits = (int(unix_seconds * 1000) & (2**48 - 1)) << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0b11 << 62) | 0b10 << 62
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def encode(document: Any) -> bytes:
    """Any compact JSON; nothing depends on the order of members."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(raw: bytes) -> Any:
    """The document in ``raw``, or Problem ``malformed``."""
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
        _walk(document, 1)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed", str(error)) from error
    return document


def decode_object(raw: bytes) -> Document:
    """As ``decode``, and an object."""
    document = decode(raw)
    if not isinstance(document, dict):
        raise Problem(400, "malformed", "an object is expected")
    return document


def content_hash(message: Document) -> str:
    """What makes two messages the same message (section 8)."""
    try:
        return b64u(sha256(rfc8785.dumps({name: message.get(name) for name in _HASHED})))
    except rfc8785.CanonicalizationError as error:
        raise Problem(400, "malformed", str(error)) from error


def _members(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member name appears twice")
    return document


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond a double")
    return number


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > 20:
        raise ValueError("an integer of more than 20 digits")
    return int(text)


def _walk(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("NUL in a string")
        value.encode()  # a lone surrogate has no UTF-8; UnicodeEncodeError is a ValueError
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    for name in value if isinstance(value, dict) else ():
        _walk(name, depth)
    for item in value.values() if isinstance(value, dict) else value:
        _walk(item, depth + 1)
