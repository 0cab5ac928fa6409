"""The ring: making keys, opening them, and finding the right one."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import Actor
from consumer_service.keys import store
from consumer_service.keys.domain import DATA_ALGORITHM, VERIFYING_STATES, Key
from consumer_service.keys.tables import KeyRow
from shared.signing.envelopes import KEY_BYTES, MasterKey, MasterKeys, open_sealed, seal, sealed_under
from shared.signing.envelopes import rewrap as rewrapped
from shared.signing.keys import Algorithm, PrivateKey, PublicKey, generate
from shared.wire.errors import NotFound, Unavailable
from shared.wire.identifiers import new_id
from shared.wire.states import KeyPurpose, KeyState

Masters = Mapping[str, MasterKey]
"""Master keys by name, in order: the first seals, all open."""

TABLE: Final = "keys"
COLUMN: Final = "private_sealed"
_OPENED_LIMIT: Final = 32


def masters_of(masters: Masters, purpose: str) -> Masters:
    """Return the master keys that seal (the first) and open keys of ``purpose``.

    An identity has master keys of its own; one that was sealed under a common one before still opens. Raises
    `Unavailable` (code ``identity_locked``) for the identity in a process that was not given its master key.
    """
    if purpose != KeyPurpose.IDENTITY or not isinstance(masters, MasterKeys):
        return masters
    if not masters.identity:
        raise Unavailable(
            "This process cannot open the identity key",
            code="identity_locked",
            cause="It was not given the master key of the identity, which workers do not need.",
            fix="Do this where 'serve' runs, in the console, or by a command with IDENTITY_MASTER_KEY set.",
        )
    return {**masters.identity, **masters}


def holds_identity(masters: Masters) -> bool:
    """Tell whether this process may open the identity key, and so may publish key sets."""
    return not isinstance(masters, MasterKeys) or bool(masters.identity)


class _Opened:
    """Private keys this process has opened, by key id.

    A key id is its key's fingerprint, so none goes stale: which one signs is always asked of the database. Identity
    keys are never kept open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, PrivateKey] = OrderedDict()

    def get(self, row: KeyRow, masters: Masters) -> PrivateKey:
        with self._lock:
            found = self._keys.get(row.kid)
        if found is not None:
            return found
        opened = open_private(row, masters)
        if row.purpose != KeyPurpose.IDENTITY:
            with self._lock:
                self._keys[row.kid] = opened
                if len(self._keys) > _OPENED_LIMIT:
                    self._keys.popitem(last=False)
        return opened


_opened = _Opened()


def list_keys(session: Session) -> list[Key]:
    """Return every key there ever was, oldest first."""
    return [read(row) for row in store.all_keys(session)]


def get_key(session: Session, kid: str) -> Key:
    """Return one key; raise `NotFound`."""
    return read(require(session, kid))


def signer(session: Session, masters: Masters, purpose: KeyPurpose) -> PrivateKey:
    """Return the active key of ``purpose``; raise `Unavailable` (code ``keys_missing``) while there is none.

    Raises `EnvelopeRefused` when the master keys do not open it.
    """
    row = store.active(session, purpose)
    if row is None:
        raise _missing(purpose)
    return _opened.get(row, masters)


def verifiers(session: Session, purpose: KeyPurpose) -> dict[str, PublicKey]:
    """Return our own keys whose signatures count for ``purpose``, by key id."""
    rows = store.of_purpose(session, purpose, VERIFYING_STATES)
    return {row.kid: PublicKey.from_jwk(row.public_jwk) for row in rows if row.public_jwk is not None}


def require_identity(session: Session, masters: Masters) -> None:
    """Raise `EnvelopeRefused` where there is an identity that these master keys do not open."""
    row = store.active(session, KeyPurpose.IDENTITY)
    if row is not None:
        open_private(row, masters)


def identity_thumbprint(session: Session) -> str:
    """Return the thumbprint peers pin; raise `Unavailable` (code ``keys_missing``) while there is none."""
    row = store.active(session, KeyPurpose.IDENTITY)
    if row is None:
        raise _missing(KeyPurpose.IDENTITY)
    return row.kid


def make(
    session: Session,
    masters: Masters,
    purpose: KeyPurpose,
    state: KeyState,
    *,
    sequence: int,
    actor: Actor,
    now: datetime,
) -> KeyRow:
    """Make a key of ``purpose`` and seal it; ``sequence`` is the key set it will first stand in."""
    kid, algorithm, jwk, secret = _material(purpose)
    master = next(iter(masters_of(masters, purpose).values()))
    row = KeyRow(
        kid=kid,
        purpose=purpose,
        state=state,
        algorithm=algorithm,
        public_jwk=jwk,
        private_sealed=seal(secret, master=master, version=1, table=TABLE, row=kid, column=COLUMN),
        staged_sequence=sequence,
        created_at=now,
        activated_at=now if state is KeyState.ACTIVE else None,
    )
    session.add(row)
    session.flush()
    noted(session, "key.created", row, actor=actor, now=now)
    return row


def open_secret(row: KeyRow, masters: Masters) -> bytes:
    """Return what is sealed in the row; raise `EnvelopeRefused`, or `Unavailable` as `masters_of`."""
    mine = masters_of(masters, row.purpose)
    return open_sealed(row.private_sealed, masters=mine, table=TABLE, row=row.kid, column=COLUMN)


def rewrap(row: KeyRow, masters: Masters) -> bool:
    """Wrap a key under the first of its master keys; tell whether it was not. Raises as `open_secret`."""
    mine = masters_of(masters, row.purpose)
    target = next(iter(mine.values()))
    if sealed_under(row.private_sealed) == target.name:
        return False
    row.private_sealed = rewrapped(
        row.private_sealed, masters=mine, master=target, table=TABLE, row=row.kid, column=COLUMN
    )
    return True


def open_private(row: KeyRow, masters: Masters) -> PrivateKey:
    """Return the private key of a row; raise `EnvelopeRefused` or `KeyRefused`."""
    return PrivateKey.from_bytes(Algorithm(row.algorithm), open_secret(row, masters))


def require(session: Session, kid: str) -> KeyRow:
    """Return one key's row; raise `NotFound`."""
    row = store.find(session, kid)
    if row is None:
        raise NotFound("There is no key of this id", fix="List the keys to see their ids.")
    return row


def noted(session: Session, action: str, row: KeyRow, *, actor: Actor, now: datetime, reason: str = "") -> None:
    """Write into the audit trail what has happened to a key."""
    after = {"purpose": row.purpose, "state": row.state}
    if reason:
        after["reason"] = reason
    audit.record(session, actor=actor, action=action, subject_type="key", subject_id=row.kid, after=after, now=now)


def read(row: KeyRow) -> Key:
    """Return the row as a value."""
    return Key(
        kid=row.kid,
        purpose=KeyPurpose(row.purpose),
        state=KeyState(row.state),
        algorithm=row.algorithm,
        jwk=row.public_jwk,
        staged_sequence=row.staged_sequence,
        created_at=row.created_at,
        activated_at=row.activated_at,
        retiring_at=row.retiring_at,
        ended_at=row.ended_at,
    )


def _material(purpose: KeyPurpose) -> tuple[str, str, dict[str, str] | None, bytes]:
    if purpose is KeyPurpose.DATA:
        return new_id(), DATA_ALGORITHM, None, os.urandom(KEY_BYTES)
    key = generate(purpose)
    return key.kid, key.algorithm, key.public.to_jwk(), key.to_bytes()


def _missing(purpose: KeyPurpose) -> Unavailable:
    return Unavailable(
        f"This instance has no {purpose} key yet",
        code="keys_missing",
        cause="The key ring is made together with the record of the instance.",
        fix="Create the record of this instance.",
    )
