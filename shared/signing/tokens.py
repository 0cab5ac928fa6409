"""Compact ES256 tokens (RFC 7519, RFC 8725). The only module that knows python-jose.

jose makes and checks signatures; everything it lets through (architecture.md, fact 10) is refused here first: header
and claims are read by the strict decoder, the header is exactly ``alg``, ``typ`` and ``kid``, the algorithm is that of
the key record, and of the two signatures that ECDSA allows for one message only the one with the lower s is accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jose import jwk, jws
from jose.exceptions import JOSEError

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import (
    KeyRefused,
    TokenBadSignature,
    TokenExpired,
    TokenMalformed,
    TokenMissingClaim,
    TokenNotYetValid,
    TokenUnknownKey,
    TokenWrongAudience,
    TokenWrongIssuer,
    TokenWrongType,
)
from shared.signing.keys import SIGNATURE_BYTES, Algorithm, PrivateKey, PublicKey
from shared.wire.errors import MalformedJson
from shared.wire.strict_json import decode

MAX_TOKEN: Final = 8192
"""Characters of a token, at most: it travels in a link."""

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of P-256 (FIPS 186-5)."""
_HALF_ORDER: Final = _ORDER // 2
_HALF: Final = SIGNATURE_BYTES // 2
_HEADER: Final = {"alg", "typ", "kid"}
_ALWAYS: Final = ("iss", "aud", "iat", "exp")
"""Claims that every token has."""
_TIMES: Final = ("iat", "nbf", "exp")


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says, believed by nobody yet."""

    typ: str
    key_id: str
    claims: dict[str, Any]


def issue(claims: Mapping[str, Any], key: PrivateKey, *, typ: str) -> str:
    """Sign ``claims`` (``iss``, ``aud``, ``iat`` and ``exp`` among them; times in unix seconds) as a token of ``typ``.

    Raises `KeyRefused` for a key of another algorithm and `TokenMissingClaim`.
    """
    if key.algorithm is not Algorithm.ES256:
        raise KeyRefused("Tokens are signed by ES256 keys")
    _check_required(claims, ())
    headers = {"typ": typ, "kid": key.kid}
    token = jws.sign(dict(claims), _jose_key(key.handle), headers=headers, algorithm="ES256")
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{to_base64url(_with_low_s(from_base64url(signature)))}"


def peek(token: str, *, typ: str) -> UnverifiedToken:
    """What ``token`` claims to be, to find out whom to ask for its key; raises `TokenMalformed`, `TokenWrongType`."""
    header, claims, _ = _split(token)
    if header["typ"] != typ:
        raise TokenWrongType(f"The token is not a {typ}")
    return UnverifiedToken(typ, header["kid"], claims)


def read(
    token: str,
    *,
    keys: Mapping[str, PublicKey],
    typ: str,
    issuer: str,
    audience: str,
    required: Sequence[str],
    now: int,
    leeway: int = 10,
) -> dict[str, Any]:
    """The claims of a token that one of ``keys`` signed for exactly this type, issuer and audience.

    ``required`` names the claims expected beside ``iss``, ``aud``, ``iat`` and ``exp``; ``now`` and ``leeway`` are in
    seconds. Raises, in this order, `TokenMalformed`, `TokenWrongType`, `TokenUnknownKey`, `TokenBadSignature`,
    `TokenMissingClaim`, `TokenMalformed` (a claim of the wrong kind), `TokenWrongIssuer`, `TokenWrongAudience`,
    `TokenNotYetValid`, `TokenExpired`.
    """
    found = peek(token, typ=typ)
    key = keys.get(found.key_id)
    if key is None or key.algorithm is not Algorithm.ES256:
        raise TokenUnknownKey(fix="Ask for a new token; the key may have been retired")
    verify_signature(token, key)
    _check_required(found.claims, required)
    _check_parties(found.claims, issuer, audience)
    _check_times(found.claims, now, leeway)
    return found.claims


def verify_signature(token: str, key: PublicKey) -> None:
    """Check the JWS signature alone (RFC 7515), for an ES256 ``key``; raise `TokenBadSignature`."""
    try:
        signature = from_base64url(token.rpartition(".")[2])
        if len(signature) != SIGNATURE_BYTES or _s_of(signature) > _HALF_ORDER:
            raise TokenBadSignature("The signature is not r and the lower s")
        jws.verify(token, _jose_key(key.handle), algorithms=["ES256"])
    except (JOSEError, ValueError) as error:
        raise TokenBadSignature from error


def _split(token: str) -> tuple[dict[str, str], dict[str, Any], bytes]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        raise TokenMalformed("A token has three parts", fix="Copy the whole token")
    try:
        header, claims = decode(from_base64url(parts[0])), decode(from_base64url(parts[1]))
        signature = from_base64url(parts[2])
    except (ValueError, MalformedJson) as error:
        raise TokenMalformed(fix="Copy the whole token") from error
    if not isinstance(header, dict) or header.keys() != _HEADER or header["alg"] != "ES256":
        raise TokenMalformed("The header is not exactly alg ES256, typ and kid")
    if not isinstance(header["typ"], str) or not isinstance(header["kid"], str) or not isinstance(claims, dict):
        raise TokenMalformed("typ and kid are strings and the claims an object")
    return header, claims, signature


def _check_required(claims: Mapping[str, Any], required: Sequence[str]) -> None:
    for name in (*_ALWAYS, *required):
        if claims.get(name) is None or claims[name] == "":
            raise TokenMissingClaim(f"The claim {name} is missing")


def _check_parties(claims: Mapping[str, Any], issuer: str, audience: str) -> None:
    if claims["iss"] != issuer:
        raise TokenWrongIssuer(f"The token was not issued by {issuer}")
    if claims["aud"] != audience:
        raise TokenWrongAudience(f"The token is not meant for {audience} alone")


def _check_times(claims: Mapping[str, Any], now: int, leeway: int) -> None:
    for name in _TIMES:
        if name in claims and type(claims[name]) is not int:
            raise TokenMalformed(f"The claim {name} is not in whole unix seconds")
    if max(claims["iat"], claims.get("nbf", 0)) > now + leeway:
        raise TokenNotYetValid(fix="Compare the clocks of both instances", extra={"server_time": now})
    if claims["exp"] <= max(now - leeway, claims["iat"]):
        raise TokenExpired(fix="Ask for a new token", extra={"server_time": now})


def _jose_key(handle: Any) -> Any:
    return jwk.construct(handle, "ES256")


def _s_of(signature: bytes) -> int:
    return int.from_bytes(signature[_HALF:], "big")


def _with_low_s(signature: bytes) -> bytes:
    s = _s_of(signature)
    return signature if s <= _HALF_ORDER else signature[:_HALF] + (_ORDER - s).to_bytes(_HALF, "big")
