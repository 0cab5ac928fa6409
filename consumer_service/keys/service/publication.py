"""The key set: signed, stored, renewed in time, and told to every peer."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.instance import service as instance
from consumer_service.keys import store
from consumer_service.keys.domain import (
    CHANNEL,
    KEY_SET_LIFE,
    KEY_SET_RENEWAL,
    PUBLISHED_STATES,
    REFRESH_SECONDS,
    Notice,
    waiting_for,
)
from consumer_service.keys.service import ring
from consumer_service.keys.service.ring import Masters
from consumer_service.keys.tables import KeyRow, KeySetRow
from shared.runtime.database import notify
from shared.signing.keys import PublicKey
from shared.signing.keysets import make_key_set, published
from shared.wire.discovery import PublishedKey, SignedStatement
from shared.wire.errors import Unavailable
from shared.wire.states import KeyPurpose, KeyState


def key_set(session: Session) -> SignedStatement:
    """Return the key set as published; raise `Unavailable` (code ``keys_missing``) while there is none."""
    return SignedStatement.model_validate(_stored(session).statement)


def sequence(session: Session) -> int:
    """Return the sequence of the published key set, 0 while there is none."""
    row = store.key_set(session)
    return 0 if row is None else row.sequence


def next_sequence(session: Session) -> int:
    """Return the sequence the next key set will have, and keep others from changing keys meanwhile."""
    row = store.key_set_locked(session)
    return 1 if row is None else row.sequence + 1


def publish(session: Session, masters: Masters, *, now: datetime) -> int:
    """Sign the ring as it is now and put it in the place of the published key set; return its sequence."""
    session.flush()
    record = instance.require(session)
    number = next_sequence(session)
    expires = now + KEY_SET_LIFE
    statement = make_key_set(
        ring.signer(session, masters, KeyPurpose.IDENTITY),
        issuer=record.issuer,
        instance_id=record.instance_id,
        sequence=number,
        issued=int(now.timestamp()),
        expires=int(expires.timestamp()),
        refresh_seconds=REFRESH_SECONDS,
        keys=entries(session),
    ).model_dump(mode="json")
    row = store.key_set(session)
    if row is None:
        session.add(KeySetRow(id=1, sequence=number, statement=statement, issued_at=now, expires_at=expires))
    else:
        row.sequence, row.statement, row.issued_at, row.expires_at = number, statement, now, expires
    session.flush()
    notify(session, CHANNEL)
    return number


def renewal_due(session: Session, *, now: datetime) -> bool:
    """Tell whether the published key set has to be made anew to stay valid."""
    row = store.key_set(session)
    return row is not None and row.expires_at - now <= KEY_SET_RENEWAL


def entries(session: Session) -> list[PublishedKey]:
    """Return what a key set says of the present ring, besides the identity."""
    rows = [
        *store.of_purpose(session, KeyPurpose.HTTP, PUBLISHED_STATES),
        *store.of_purpose(session, KeyPurpose.TOKEN, PUBLISHED_STATES),
    ]
    return [_entry(row) for row in rows]


def pending_notice(session: Session, connection_ids: Collection[str]) -> Notice | None:
    """Return the key set and which of ``connection_ids`` have not acknowledged it; None when all have."""
    row = store.key_set(session)
    if row is None:
        return None
    waiting = waiting_for(row.sequence, store.acknowledged(session), connection_ids)
    if not waiting:
        return None
    return Notice(row.sequence, SignedStatement.model_validate(row.statement), tuple(waiting))


def acknowledge(session: Session, *, connection_id: str, sequence: int, now: datetime) -> None:
    """Note that the peer of a connection has pinned key set ``sequence``; a lower one than before changes nothing."""
    row = store.acknowledgement(session, connection_id, now)
    if sequence > row.sequence:
        row.sequence, row.acknowledged_at = sequence, now
        session.flush()


def forget(session: Session, *, connection_id: str) -> None:
    """Drop what is noted of a connection that has ended."""
    store.forget(session, connection_id)


def _stored(session: Session) -> KeySetRow:
    row = store.key_set(session)
    if row is None:
        raise Unavailable(
            "This instance has published no keys yet",
            code="keys_missing",
            cause="The key ring is made together with the record of the instance.",
            fix="Create the record of this instance.",
        )
    return row


def _entry(row: KeyRow) -> PublishedKey:
    key = PublicKey.from_jwk(row.public_jwk or {})
    return published(key, KeyPurpose(row.purpose), KeyState(row.state))
