"""Statements signed by an identity key (design: protocol.md, *Identity and keys*).

The signature covers ASCII ``context + "." + payload``, where the payload is base64url: no canonical JSON is needed,
and a signature made for one context is worthless for another.
"""

from typing import Any, Final

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import (
    KeyRefused,
    SignatureInvalid,
    StatementContext,
    StatementIdentity,
    StatementMalformed,
    StatementSignature,
)
from shared.signing.keys import Algorithm, PrivateKey, PublicKey
from shared.wire.discovery import SignedStatement
from shared.wire.errors import MalformedJson
from shared.wire.states import KeyPurpose
from shared.wire.strict_json import decode

KEY_SET_CONTEXT: Final = "service-exchange-keyset-v1"
REVOCATION_CONTEXT: Final = "service-exchange-revocation-v1"
MOVE_CONTEXT: Final = "service-exchange-move-v1"

MAX_PAYLOAD: Final = 262_144
"""Characters of a payload, at most; a key set with 32 keys has below 10,000."""


def make_statement(key: PrivateKey, context: str, payload: bytes) -> SignedStatement:
    """Sign ``payload`` (JSON) under ``context`` with an identity key; raise `KeyRefused` for another kind of key."""
    if key.algorithm is not Algorithm.ED25519:
        raise KeyRefused("Statements are signed by Ed25519 keys")
    text = to_base64url(payload)
    signature = key.sign(_signed_bytes(context, text))
    return SignedStatement(context=context, payload=text, kid=key.kid, signature=to_base64url(signature))


def read_statement(statement: SignedStatement, *, context: str, identity: PublicKey | str) -> bytes:
    """The payload, if ``identity`` signed it under ``context``.

    ``identity`` is the pinned key, or the pinned thumbprint where the payload itself carries the key (a key set).
    Raises `StatementContext`, `StatementIdentity`, `StatementMalformed` or `StatementSignature`.
    """
    if statement.context != context:
        raise StatementContext(f"The statement is not one of {context}")
    pinned = identity if isinstance(identity, str) else identity.kid
    if statement.kid != pinned:
        raise StatementIdentity(fix="Re-key the connection by a new invitation if the identity has really changed")
    if len(statement.payload) > MAX_PAYLOAD:
        raise StatementMalformed("The payload is too long")
    try:
        payload, signature = from_base64url(statement.payload), from_base64url(statement.signature)
    except ValueError as error:
        raise StatementMalformed(f"The payload or signature is {error}") from error
    key = _carried_identity(payload, identity) if isinstance(identity, str) else identity
    try:
        key.verify(signature, _signed_bytes(context, statement.payload))
    except SignatureInvalid as error:
        raise StatementSignature(cause=error.cause) from error
    return payload


def _signed_bytes(context: str, payload: str) -> bytes:
    return f"{context}.{payload}".encode("ascii")


def _carried_identity(payload: bytes, thumbprint: str) -> PublicKey:
    try:
        document = decode(payload)
    except MalformedJson as error:
        raise StatementMalformed(error.detail) from error
    for jwk in _identity_jwks(document):
        try:
            key = PublicKey.from_jwk(jwk)
        except KeyRefused as error:
            raise StatementMalformed(error.detail) from error
        if key.kid == thumbprint and key.algorithm is Algorithm.ED25519:
            return key
    raise StatementIdentity("The payload does not carry the pinned identity key")


def _identity_jwks(document: Any) -> list[dict[str, Any]]:
    keys = document.get("keys") if isinstance(document, dict) else None
    entries = [entry for entry in keys if isinstance(entry, dict)] if isinstance(keys, list) else []
    jwks = [entry.get("jwk") for entry in entries if entry.get("purpose") == KeyPurpose.IDENTITY]
    return [jwk for jwk in jwks if isinstance(jwk, dict)]
