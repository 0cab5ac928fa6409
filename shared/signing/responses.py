"""Signed responses, bound to the request they answer (design: protocol.md, *Signature profile*).

A response is fresh because it covers the nonce of its request; ``created`` only tells how far the clocks are apart.
The ladder: size → header form → tag → parameters → echo → coverage → key → digest → signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.signing import layout
from shared.signing.base import signature_base
from shared.signing.errors import BodyTooLarge, HeaderMalformed, KeyUnknown, NotCovered, WrongEcho
from shared.signing.headers import RawHeaders, check_body_headers, check_digest, check_target, digest_of, read_headers
from shared.signing.keys import Algorithm, PrivateKey, PublicKey
from shared.signing.layout import Lines
from shared.wire.version import (
    BYTES_PER_REQUEST,
    CONNECTION_HEADER,
    IDEMPOTENCY_HEADER,
    JSON_TYPE,
    NONCE_HEADER,
    PROBLEM_TYPE,
    SIGNATURE_TAG,
)

_CONTENT_TYPES: Final = (JSON_TYPE, PROBLEM_TYPE)


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """What a response covers of its request, signed or (discovery) unsigned."""

    method: str
    target_uri: str
    nonce: str
    """The signed request's nonce, or the unsigned request's ``exchange-request-nonce``."""
    content_digest: str | None
    connection_id: str | None

    @classmethod
    def sent(
        cls, *, method: str, target_uri: str, nonce: str, body: bytes | None, connection_id: str | None
    ) -> "AnsweredRequest":
        """The same value on the side that sent the request."""
        digest = None if body is None else digest_of(body)
        return cls(method, target_uri, nonce, digest, connection_id)


@dataclass(frozen=True, slots=True)
class VerifiedResponse:
    """A response that the named key made to exactly this request."""

    status: int
    content_type: str
    body: bytes
    key_id: str
    created: int
    """Unix seconds, by the peer's clock."""
    skew: int
    """Seconds by which the peer's clock is ahead of ours, the journey included."""


def sign_response(
    key: PrivateKey, *, status: int, content_type: str, body: bytes, request: AnsweredRequest, now: int
) -> list[tuple[str, str]]:
    """All headers that the signature covers or consists of; ``now`` in unix seconds.

    Every response of the profile has a body. Raises `HeaderMalformed` for one a verifier would not accept, and
    `KeyUnknown` for a key of the other algorithm.
    """
    if key.algorithm is not Algorithm.ED25519:
        raise KeyUnknown("Responses are signed by Ed25519 keys")
    check_target(request.method, request.target_uri)
    pairs = [("content-type", content_type), ("content-digest", digest_of(body)), (NONCE_HEADER, request.nonce)]
    found = read_headers([(name.encode(), value.encode()) for name, value in pairs])
    _check_form(status, found, body)
    parameters = f';created={now};keyid="{key.kid}";tag="{SIGNATURE_TAG}"'
    return pairs + layout.sign(key, _lines(status, found, request), parameters)


def verify_response(
    keys: Mapping[str, PublicKey],
    *,
    status: int,
    headers: RawHeaders,
    body: bytes,
    request: AnsweredRequest,
    now: int,
    max_body: int = BYTES_PER_REQUEST,
) -> VerifiedResponse:
    """Walk the whole ladder; ``keys`` are the peer's usable http keys by key id, ``now`` is in unix seconds.

    Raises, in this order, `BodyTooLarge`, `HeaderMalformed` or `SignatureMissing`, `WrongTag`, `WrongParameters`,
    `WrongEcho`, `NotCovered`, `KeyUnknown`, `DigestMismatch`, `SignatureInvalid`.
    """
    if len(body) > max_body:
        raise BodyTooLarge(f"The body has more than {max_body} bytes", extra={"limit": max_body})
    found = read_headers(headers)
    layout.check_signed(found)
    _check_form(status, found, body)
    signed = layout.read(found, layout.RESPONSE_INPUT, layout.RESPONSE_PARAMETERS)
    if found.get(NONCE_HEADER) != request.nonce:
        raise WrongEcho(cause="The response was made for another request, or replayed")
    lines = _lines(status, found, request)
    if signed.components != " ".join(identifier for identifier, _ in lines):
        raise NotCovered("The covered components are not exactly those of the profile, in its order")
    key = keys.get(signed.key_id)
    if key is None or key.kid != signed.key_id or key.algorithm is not Algorithm.ED25519:
        raise KeyUnknown("The peer has no usable key of this id")
    check_digest(found["content-digest"], body)
    key.verify(signed.signature, signature_base(lines, signed.parameters_line))
    return VerifiedResponse(
        status=status,
        content_type=found["content-type"],
        body=body,
        key_id=key.kid,
        created=signed.created,
        skew=signed.created - now,
    )


def _check_form(status: int, found: Mapping[str, str], body: bytes) -> None:
    if not 200 <= status <= 599 or not body:
        raise HeaderMalformed("A signed response has a final status and a body")
    if CONNECTION_HEADER in found or IDEMPOTENCY_HEADER in found:
        raise HeaderMalformed(f"{CONNECTION_HEADER} and {IDEMPOTENCY_HEADER} are headers of requests")
    check_body_headers(found, has_body=True)
    if found["content-type"] not in _CONTENT_TYPES:
        raise HeaderMalformed(f"A signed answer is {' or '.join(_CONTENT_TYPES)}")


def _lines(status: int, found: Mapping[str, str], request: AnsweredRequest) -> Lines:
    lines = [
        ('"@status"', str(status)),
        ('"content-type"', found["content-type"]),
        ('"content-digest"', found["content-digest"]),
        ('"@method";req', request.method),
        ('"@target-uri";req', request.target_uri),
    ]
    if request.content_digest is not None:
        lines.append(('"content-digest";req', request.content_digest))
    if request.connection_id is not None:
        lines.append((f'"{CONNECTION_HEADER}";req', request.connection_id))
    return [*lines, (f'"{NONCE_HEADER}"', found[NONCE_HEADER])]
