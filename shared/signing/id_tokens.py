"""ID tokens of identity providers (OpenID Connect Core 1.0 section 3.1.3.7; RFC 8725): their word about a person.

Not our own tokens (`shared.signing.tokens`): the header is the provider's, so the algorithm is decided by the published
key and never by the token. joserfc checks the signature, authlib the claims; what they let through by default is
refused here first, as the strict decoder reads header and claims before either does.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwk, jws
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.signing.encoding import from_base64url
from shared.signing.errors import IdTokenKeyUnknown, IdTokenRefused
from shared.wire.errors import MalformedJson
from shared.wire.strict_json import decode

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""What a provider may sign with. No ``none``, and nothing symmetric: a published key is no secret."""

KEYS_LIMIT: Final = 100
"""Keys of one provider, at most; large ones publish about ten."""
RSA_BITS: Final = (2048, 8192)
MAX_TOKEN: Final = 16384
LEEWAY: Final = 60
"""Seconds by which the provider's clock may differ from ours."""
MAX_AGE: Final = 600
"""Seconds since a token was issued, at most: it is fetched in the moment it is made."""

_PUBLIC: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_SUITS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("RSA", ""): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_SUBJECT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
"""Core 1.0 section 2: at most 255 ASCII characters; compared as bytes, so no two spellings of one."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One published key and what it may sign with."""

    kid: str | None
    algorithms: tuple[str, ...]
    handle: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdToken:
    """What a provider says about a person, believed."""

    subject: str
    issued_at: int
    """Unix seconds."""
    authenticated_at: int | None
    """When the person proved who they are, where the provider says so; unix seconds."""
    claims: Mapping[str, Any] = field(repr=False)


def read_keys(document: Any) -> tuple[ProviderKey, ...]:
    """Return the usable keys of a decoded key set (RFC 7517); those of other kinds are passed over.

    Raises `IdTokenRefused` (``id_token_keys``) for what is no key set, or one too large to be honest.
    """
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list) or len(members) > KEYS_LIMIT:
        raise IdTokenRefused(
            "The identity provider's keys cannot be read",
            code="id_token_keys",
            cause=f"Its key set is no list of at most {KEYS_LIMIT} keys.",
            fix="Ask whoever runs the identity provider.",
        )
    found = (_key(member) for member in members if isinstance(member, dict))
    return tuple(key for key in found if key is not None)


def verify(token: str, keys: Sequence[ProviderKey], *, issuer: str, client_id: str, nonce: str, now: int) -> IdToken:
    """Return what ``token`` says, if ``issuer`` signed it just now, for this client and this very question.

    Raises `IdTokenKeyUnknown` where no key fits, `IdTokenRefused` (``id_token_malformed``, ``id_token_algorithm``,
    ``id_token_signature``, and ``id_token_<claim>`` for iss, sub, aud, azp, exp, iat, nbf, nonce, auth_time).
    """
    header, claims, parts = _split(token)
    _check_signature(parts, header, keys)
    _check_kinds(claims)
    _check_claims(header, claims, issuer=issuer, client_id=client_id, nonce=nonce, now=now)
    return IdToken(claims["sub"], claims["iat"], claims.get("auth_time"), claims)


def _key(member: Mapping[str, Any]) -> ProviderKey | None:
    kid, use, operations = member.get("kid"), member.get("use", "sig"), member.get("key_ops", ["verify"])
    kind, stated = member.get("kty"), member.get("alg")
    suits = _SUITS.get((str(kind), "" if kind == "RSA" else str(member.get("crv"))), ())
    algorithms = tuple(name for name in suits if stated in {None, name})
    verifies = isinstance(operations, list) and "verify" in operations
    if use != "sig" or not verifies or not algorithms or not isinstance(kid, str | None):
        return None
    try:
        public = {"kty": kind, **{name: member[name] for name in _PUBLIC[str(kind)]}}
        handle = jwk.import_key(public)
        size = handle.raw_value.key_size if isinstance(handle, RSAKey) else RSA_BITS[0]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    in_range = RSA_BITS[0] <= size <= RSA_BITS[1]
    return ProviderKey(kid, algorithms, handle) if in_range and isinstance(handle, RSAKey | ECKey | OKPKey) else None


def _split(token: str) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        raise _refused("malformed", "It is no token of three parts.")
    try:
        header, claims = decode(from_base64url(parts[0])), decode(from_base64url(parts[1]))
        from_base64url(parts[2])
    except (ValueError, MalformedJson) as error:
        raise _refused("malformed", "Its parts cannot be read.") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header or "b64" in header:
        raise _refused("malformed", "Its header demands what is not understood here.")
    if str(header.get("typ", "JWT")).upper() not in {"JWT", "ID_TOKEN"}:
        raise _refused("malformed", "It is a token of another type.")
    if header.get("alg") not in ALGORITHMS:
        raise _refused("algorithm", f"It is not signed with one of {', '.join(ALGORITHMS)}.")
    return header, claims, parts


def _check_signature(parts: Sequence[str], header: Mapping[str, Any], keys: Sequence[ProviderKey]) -> None:
    kid, algorithm = header.get("kid"), str(header["alg"])
    named = [key for key in keys if kid is None or key.kid == kid]
    if not named:
        raise IdTokenKeyUnknown(cause="The key it names is not among the published ones.", fix="Sign in again.")
    fitting = [key for key in named if algorithm in key.algorithms]
    if not fitting:
        raise _refused("algorithm", f"The key is none of {algorithm}.")
    if len(fitting) > 1:
        raise IdTokenKeyUnknown(cause="More than one published key could be meant.", fix="Ask the provider's operator.")
    if not _verifies(".".join(parts), algorithm, fitting[0].handle):
        raise _refused("signature", "It was not signed by the key it names, or was changed.")


def _verifies(token: str, algorithm: str, handle: Any) -> bool:
    if isinstance(handle, OKPKey):  # joserfc warns of the name EdDSA since RFC 9864, which providers go on using
        signed, _, signature = token.rpartition(".")
        return _verifies_ed25519(handle.raw_value, from_base64url(signature), signed.encode("ascii"))
    try:
        jws.deserialize_compact(token, handle, algorithms=[algorithm])
    except (JoseError, ValueError):
        return False
    return True


def _verifies_ed25519(key: Any, signature: bytes, signed: bytes) -> bool:
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, signed)
            return True
    except InvalidSignature:
        pass
    return False


def _check_kinds(claims: Mapping[str, Any]) -> None:
    """Refuse claims of the wrong kind, which comparisons would otherwise take for something."""
    for name in ("iat", "exp", "nbf", "auth_time"):
        if name in claims and (type(claims[name]) is not int or not 0 <= claims[name] < 2**36):
            raise _refused(name, "It is not in whole unix seconds.")
    if not isinstance(claims.get("sub"), str) or not _SUBJECT.fullmatch(claims["sub"]):
        raise _refused("sub", "It names nobody in at most 255 plain characters.")
    if not isinstance(claims.get("nonce"), str):
        raise _refused("nonce", "It does not say which question it answers.")
    if "azp" in claims and not isinstance(claims["azp"], str):
        raise _refused("azp", "It does not say for whom it was made.")


def _check_claims(
    header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: int
) -> None:
    wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    checked = CodeIDToken(dict(claims), dict(header), options=wanted, params={"client_id": client_id})
    try:
        checked.validate(now=now, leeway=LEEWAY)
    except ExpiredTokenError as error:
        raise _refused("exp", "It has expired. Compare the clocks.") from error
    except JoseError as error:
        raise _refused(str(getattr(error, "claim", "malformed")), "It is missing, or not the one expected.") from error
    if not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise _refused("nonce", "It answers another question than the one asked.")
    if now - claims["iat"] > MAX_AGE + LEEWAY or claims["exp"] <= claims["iat"]:
        raise _refused("iat", "It was not made just now. Compare the clocks.")


def _refused(what: str, why: str) -> IdTokenRefused:
    return IdTokenRefused(
        f"The identity provider's word is not accepted: {what}",
        code=f"id_token_{what}",
        cause=why,
        fix="Sign in again; if it happens again, tell whoever runs this instance.",
    )
