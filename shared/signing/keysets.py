"""Key sets: which keys an instance stands for, signed by its identity (design: protocol.md, *Identity and keys*)."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from shared.signing.errors import KeyRefused, KeySetExpired, KeySetMalformed, KeySetRolledBack
from shared.signing.keys import ALGORITHM_OF_PURPOSE, PrivateKey, PublicKey
from shared.signing.statements import KEY_SET_CONTEXT, make_statement, read_statement
from shared.wire.discovery import KeySet, PublishedKey, SignedStatement
from shared.wire.states import KeyPurpose, KeyState
from shared.wire.version import CLOCK_SKEW_SECONDS

VERIFYING_STATES: Final = frozenset({KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.RETIRING})
"""States in which a peer's signatures count; ``pre_active`` too, as we may learn of the activation late."""


def published(key: PublicKey, purpose: KeyPurpose, state: KeyState) -> PublishedKey:
    """The entry of a key set for ``key``."""
    return PublishedKey(kid=key.kid, purpose=purpose, state=state, jwk=key.to_jwk())


def make_key_set(
    identity: PrivateKey,
    *,
    issuer: str,
    instance_id: str,
    sequence: int,
    issued: int,
    expires: int,
    refresh_seconds: int,
    keys: Sequence[PublishedKey],
) -> SignedStatement:
    """Sign a key set; the identity's own entry is put in front of ``keys``. Times are unix seconds.

    Raises `KeySetMalformed` for a set that nobody would accept.
    """
    key_set = KeySet(
        issuer=issuer,
        instance_id=instance_id,
        sequence=sequence,
        issued=issued,
        expires=expires,
        refresh_seconds=refresh_seconds,
        keys=[published(identity.public, KeyPurpose.IDENTITY, KeyState.ACTIVE), *keys],
    )
    _check_keys(key_set, identity.kid)
    return make_statement(identity, KEY_SET_CONTEXT, key_set.model_dump_json().encode())


def read_key_set(statement: SignedStatement, *, pinned_jkt: str, minimum_sequence: int, now: int) -> KeySet:
    """The key set, if the pinned identity made it, it is not older than one seen before, and it has not expired.

    ``pinned_jkt`` is the thumbprint of the identity key; at first contact, where nothing is pinned yet, the statement's
    own ``kid``. ``minimum_sequence`` is the highest sequence seen (0 for none), ``now`` is in unix seconds.
    Raises `StatementRefused` and its kind, `KeySetMalformed`, `KeySetRolledBack` or `KeySetExpired`.
    """
    payload = read_statement(statement, context=KEY_SET_CONTEXT, identity=pinned_jkt)
    try:
        key_set = KeySet.model_validate_json(payload, strict=True)
    except ValidationError as error:
        raise KeySetMalformed("The key set lacks members or has them in another form") from error
    _check_keys(key_set, pinned_jkt)
    if key_set.sequence < minimum_sequence:
        raise KeySetRolledBack(f"Its sequence is {key_set.sequence}, {minimum_sequence} has been seen")
    if key_set.expires + CLOCK_SKEW_SECONDS < now:
        raise KeySetExpired(fix="Fetch the key set again", extra={"server_time": now})
    return key_set


def verifying_keys(key_set: KeySet, purpose: KeyPurpose) -> dict[str, PublicKey]:
    """The keys of a read key set whose signatures count for ``purpose``, by key id."""
    entries = [entry for entry in key_set.keys if entry.purpose is purpose and entry.state in VERIFYING_STATES]
    return {entry.kid: PublicKey.from_jwk(entry.jwk) for entry in entries}


def _check_keys(key_set: KeySet, identity_kid: str) -> None:
    if len({entry.kid for entry in key_set.keys}) != len(key_set.keys):
        raise KeySetMalformed("A key stands twice in the key set")
    for entry in key_set.keys:
        _check_entry(entry)
    identities = [entry for entry in key_set.keys if entry.purpose is KeyPurpose.IDENTITY]
    if [(entry.kid, entry.state) for entry in identities] != [(identity_kid, KeyState.ACTIVE)]:
        raise KeySetMalformed("A key set has one identity key, active, and is signed by it")


def _check_entry(entry: PublishedKey) -> None:
    try:
        key = PublicKey.from_jwk(entry.jwk)
    except KeyRefused as error:
        raise KeySetMalformed(error.detail) from error
    if key.kid != entry.kid:
        raise KeySetMalformed("A key id is not the thumbprint of its key")
    if ALGORITHM_OF_PURPOSE.get(entry.purpose) is not key.algorithm:
        raise KeySetMalformed(f"A key for {entry.purpose} has another algorithm than its purpose asks for")
