"""Signed requests and answers in one fixed layout: Content-Digest, Ed25519, covered header by header."""

import base64
import hashlib
import re
import secrets
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_REQUEST = '("@method" "@target-uri" "content-type" "content-digest")'
_ANSWER = '("@status" "content-type" "content-digest" "content-digest";req)'
_INPUT = re.compile(r'sx=(\([^)]*\));created=(\d+);nonce="([\w-]{22})"')
_AGE_SECONDS = 60


class Refused(Exception):
    """A digest, a signature or its form is wrong."""


def digest(body: bytes) -> str:
    """Return the ``Content-Digest`` of a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(key: Ed25519PrivateKey, target: str, body: bytes) -> dict[str, str]:
    """Return the headers of a signed POST of JSON."""
    parameters = f'{_REQUEST};created={int(time.time())};nonce="{secrets.token_urlsafe(16)}"'
    content = digest(body)
    signature = key.sign(_request_base(target, content, parameters))
    return _headers(content, parameters, signature)


def verify_request(key: Ed25519PublicKey, target: str, headers: dict[bytes, bytes], body: bytes) -> tuple[str, str]:
    """Check digest, signature and age; return the digest and the nonce the answer has to name."""
    parameters, nonce = _parameters(headers, _REQUEST)
    content = _checked_digest(headers, body)
    _verify(key, headers, _request_base(target, content, parameters))
    return content, nonce


def sign_answer(key: Ed25519PrivateKey, body: bytes, request_digest: str, nonce: str) -> dict[str, str]:
    """Return the headers of a signed answer, bound to its request."""
    parameters = f'{_ANSWER};created={int(time.time())};nonce="{nonce}"'
    content = digest(body)
    signature = key.sign(_answer_base(content, request_digest, parameters))
    return _headers(content, parameters, signature)


def verify_answer(key: Ed25519PublicKey, headers: dict[bytes, bytes], body: bytes, sent: dict[str, str]) -> None:
    """Check that the answer is the peer's, whole, and made to the request with the headers ``sent``."""
    parameters, nonce = _parameters(headers, _ANSWER)
    if f'nonce="{nonce}"' not in sent["signature-input"]:
        raise Refused("answer to another request")
    content = _checked_digest(headers, body)
    _verify(key, headers, _answer_base(content, sent["content-digest"], parameters))


def _headers(content: str, parameters: str, signature: bytes) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "content-digest": content,
        "signature-input": f"sx={parameters}",
        "signature": f"sx=:{base64.b64encode(signature).decode()}:",
    }


def _parameters(headers: dict[bytes, bytes], components: str) -> tuple[str, str]:
    text = headers[b"signature-input"].decode()
    match = _INPUT.fullmatch(text)
    if match is None or match[1] != components:
        raise Refused("coverage")
    if abs(time.time() - int(match[2])) > _AGE_SECONDS:
        raise Refused("age")
    return text[3:], match[3]


def _checked_digest(headers: dict[bytes, bytes], body: bytes) -> str:
    content = headers[b"content-digest"].decode()
    if content != digest(body):
        raise Refused("digest")
    return content


def _verify(key: Ed25519PublicKey, headers: dict[bytes, bytes], base: bytes) -> None:
    key.verify(base64.b64decode(headers[b"signature"][4:-1]), base)


def _request_base(target: str, content: str, parameters: str) -> bytes:
    return (
        f'"@method": POST\n"@target-uri": {target}\n"content-type": application/json\n'
        f'"content-digest": {content}\n"@signature-params": {parameters}'
    ).encode()


def _answer_base(content: str, request_digest: str, parameters: str) -> bytes:
    return (
        f'"@status": 200\n"content-type": application/json\n"content-digest": {content}\n'
        f'"content-digest";req: {request_digest}\n"@signature-params": {parameters}'
    ).encode()
