"""Signed requests (design: protocol.md, *Signature profile*).

The verifier owns the policy and walks one ladder: size → header form → tag → parameters → age → coverage in
`read_request`; then the caller looks up the key; digest → signature in `UnverifiedRequest.verify`; then the caller
remembers the nonce. Each rung raises its own error of `shared.signing.errors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.signing import layout
from shared.signing.base import signature_base
from shared.signing.errors import (
    BodyTooLarge,
    FromFuture,
    HeaderMalformed,
    KeyUnknown,
    NotCovered,
    SignatureRefused,
    TooOld,
    WrongParameters,
)
from shared.signing.headers import RawHeaders, check_body_headers, check_digest, check_target, digest_of, read_headers
from shared.signing.keys import Algorithm, PrivateKey, PublicKey
from shared.signing.layout import Lines, SignatureInput
from shared.signing.profile import FUTURE_SECONDS, LIFETIME_SECONDS, UNSAFE_METHODS
from shared.signing.responses import AnsweredRequest
from shared.wire.version import (
    BYTES_PER_REQUEST,
    CONNECTION_HEADER,
    IDEMPOTENCY_HEADER,
    JSON_TYPE,
    NONCE_HEADER,
    SIGNATURE_TAG,
)

_COVERED: Final = ("content-type", "content-digest", IDEMPOTENCY_HEADER, CONNECTION_HEADER)
"""Headers that are covered wherever they stand, in this order."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request whose sender is known. What stands here was covered by the signature."""

    method: str
    target_uri: str
    key_id: str
    nonce: str
    created: int
    """Unix seconds, by the sender's clock."""
    expires: int
    """Unix seconds, by the sender's clock; the nonce must be remembered for longer."""
    connection_id: str | None
    idempotency_key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedRequest:
    """A request in the right form. Nothing here may be believed before `verify`."""

    method: str
    target_uri: str
    body: bytes
    signed: SignatureInput
    covered: Mapping[str, str]
    """The covered headers."""

    @property
    def key_id(self) -> str:
        """Which key to look up."""
        return self.signed.key_id

    @property
    def nonce(self) -> str:
        """At least 128 bits, base64url."""
        return self.signed.nonce

    @property
    def created(self) -> int:
        """Unix seconds, by the sender's clock."""
        return self.signed.created

    @property
    def expires(self) -> int:
        """Unix seconds, by the sender's clock."""
        return self.signed.expires

    @property
    def connection_id(self) -> str | None:
        """The connection the sender means, once onboarded."""
        return self.covered.get(CONNECTION_HEADER)

    @property
    def idempotency_key(self) -> str | None:
        """The sender's name for this operation."""
        return self.covered.get(IDEMPOTENCY_HEADER)

    @property
    def content_digest(self) -> str | None:
        """The ``Content-Digest`` header, where there is a body."""
        return self.covered.get("content-digest")

    @property
    def answered(self) -> AnsweredRequest:
        """What a response to this request must cover."""
        return AnsweredRequest(self.method, self.target_uri, self.nonce, self.content_digest, self.connection_id)

    def verify(self, key: PublicKey) -> VerifiedRequest:
        """Walk the rungs digest and signature; raise `KeyUnknown`, `DigestMismatch` or `SignatureInvalid`."""
        if key.kid != self.key_id or key.algorithm is not Algorithm.ED25519:
            raise KeyUnknown("The key is not the one that signs requests under this id")
        if self.content_digest is not None:
            check_digest(self.content_digest, self.body)
        lines = _lines(self.method, self.target_uri, self.covered)
        key.verify(self.signed.signature, signature_base(lines, self.signed.parameters_line))
        return VerifiedRequest(
            method=self.method,
            target_uri=self.target_uri,
            key_id=self.key_id,
            nonce=self.nonce,
            created=self.created,
            expires=self.expires,
            connection_id=self.connection_id,
            idempotency_key=self.idempotency_key,
            body=self.body,
        )


def sign_request(
    key: PrivateKey,
    *,
    method: str,
    target_uri: str,
    body: bytes | None,
    content_type: str | None,
    idempotency_key: str | None,
    connection_id: str | None,
    nonce: str,
    now: int,
) -> list[tuple[str, str]]:
    """All headers that the signature covers or consists of, lower-case, in the order of the layout.

    ``nonce`` is at least 128 random bits in base64url, used once; ``now`` is in unix seconds. An unsafe method needs a
    body of JSON and its content type, GET takes none. Raises `HeaderMalformed` or `WrongParameters` for what a
    verifier would not accept, and `KeyUnknown` for a key of the other algorithm.
    """
    if key.algorithm is not Algorithm.ED25519:
        raise KeyUnknown("Requests are signed by Ed25519 keys")
    stated = {
        "content-type": content_type,
        "content-digest": None if body is None else digest_of(body),
        IDEMPOTENCY_HEADER: idempotency_key,
        CONNECTION_HEADER: connection_id,
    }
    pairs = [(name, value) for name, value in stated.items() if value is not None]
    found = read_headers([(name.encode(), value.encode()) for name, value in pairs])
    _check_form(method, target_uri, found, body or b"")
    parameters = (
        f';created={now};expires={now + LIFETIME_SECONDS};nonce="{nonce}";keyid="{key.kid}";tag="{SIGNATURE_TAG}"'
    )
    signature = layout.sign(key, _lines(method, target_uri, found), parameters)
    layout.read(dict(signature), layout.REQUEST_INPUT, layout.REQUEST_PARAMETERS)
    return pairs + signature


def read_request(
    *,
    method: str,
    target_uri: str,
    headers: RawHeaders,
    body: bytes,
    now: int,
    requires_idempotency_key: bool,
    max_body: int = BYTES_PER_REQUEST,
) -> UnverifiedRequest:
    """Walk the rungs from size to coverage.

    ``target_uri`` is built from the configured issuer and the raw path and query; ``now`` is the instant the headers
    arrived, in unix seconds. An idempotency key that is there is always covered; ``requires_idempotency_key`` refuses
    an unsafe call without one. Raises, in this order, `BodyTooLarge`, `HeaderMalformed` or `SignatureMissing`,
    `WrongTag`, `WrongParameters`, `TooOld` or `FromFuture`, `NotCovered`.
    """
    if len(body) > max_body:
        raise BodyTooLarge(f"The body has more than {max_body} bytes", extra={"limit": max_body})
    found = read_headers(headers)
    layout.check_signed(found)
    _check_form(method, target_uri, found, body)
    signed = layout.read(found, layout.REQUEST_INPUT, layout.REQUEST_PARAMETERS)
    if not 0 < signed.expires - signed.created <= LIFETIME_SECONDS:
        raise WrongParameters(f"expires must be 1 to {LIFETIME_SECONDS} seconds after created")
    _check_age(signed, now)
    if requires_idempotency_key and method in UNSAFE_METHODS and IDEMPOTENCY_HEADER not in found:
        raise NotCovered("This call needs an idempotency key", fix=f"Send and cover {IDEMPOTENCY_HEADER}")
    lines = _lines(method, target_uri, found)
    if signed.components != " ".join(identifier for identifier, _ in lines):
        raise NotCovered("The covered components are not exactly those of the profile, in its order")
    return UnverifiedRequest(method, target_uri, body, signed, found)


def answerable(*, method: str, target_uri: str, headers: RawHeaders) -> AnsweredRequest | None:
    """What a signed refusal may cover of a request that was refused, or None where even its form is not known.

    Nothing of it is verified: a signed refusal says who refuses, not that the sender is known.
    """
    try:
        found = read_headers(headers)
        layout.check_signed(found)
        check_target(method, target_uri)
        signed = layout.read(found, layout.REQUEST_INPUT, layout.REQUEST_PARAMETERS)
    except SignatureRefused:
        return None
    connection_id = found.get(CONNECTION_HEADER)
    return AnsweredRequest(method, target_uri, signed.nonce, found.get("content-digest"), connection_id)


def _check_form(method: str, target_uri: str, found: Mapping[str, str], body: bytes) -> None:
    check_target(method, target_uri)
    unsafe = method in UNSAFE_METHODS
    if unsafe is not bool(body):
        raise HeaderMalformed("GET has no body, every other method has one")
    if NONCE_HEADER in found or (IDEMPOTENCY_HEADER in found and not unsafe):
        raise HeaderMalformed(f"{NONCE_HEADER} is for unsigned requests and {IDEMPOTENCY_HEADER} for unsafe ones")
    check_body_headers(found, has_body=unsafe)
    if found.get("content-type", JSON_TYPE) != JSON_TYPE:
        raise HeaderMalformed(f"The body of a signed request is {JSON_TYPE}")


def _check_age(signed: SignatureInput, now: int) -> None:
    if signed.created > now + FUTURE_SECONDS:
        raise FromFuture(fix="Set the clock of the sender", extra={"server_time": now})
    if signed.expires < now:
        raise TooOld(fix="Sign again; if it persists, set the clock of the sender", extra={"server_time": now})


def _lines(method: str, target_uri: str, found: Mapping[str, str]) -> Lines:
    covered = [(f'"{name}"', found[name]) for name in _COVERED if name in found]
    return [('"@method"', method), ('"@target-uri"', target_uri), *covered]
