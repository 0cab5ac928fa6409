"""Queries of the keys slice."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import String, TableClause, column, delete, select, table, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from provider_service.keys.tables import KeyAcknowledgement, KeyRow, KeySetRow
from shared.wire.states import KeyPurpose, KeyState

Place = tuple[str, str, str]
"""Names of a table, of the column that names its rows, and of a column of envelopes."""


def all_keys(session: Session) -> Sequence[KeyRow]:
    """Return every key there ever was, oldest first."""
    return session.scalars(select(KeyRow).order_by(KeyRow.created_at, KeyRow.staged_sequence, KeyRow.kid)).all()


def find(session: Session, kid: str) -> KeyRow | None:
    """Return one key."""
    return session.get(KeyRow, kid)


def in_state(session: Session, state: KeyState, purpose: KeyPurpose | None = None) -> Sequence[KeyRow]:
    """Return the keys of a state, oldest first."""
    query = select(KeyRow).where(KeyRow.state == state)
    if purpose is not None:
        query = query.where(KeyRow.purpose == purpose)
    return session.scalars(query.order_by(KeyRow.created_at, KeyRow.staged_sequence, KeyRow.kid)).all()


def of_purpose(session: Session, purpose: KeyPurpose, states: Collection[KeyState]) -> Sequence[KeyRow]:
    """Return the keys of a purpose in any of ``states``, oldest first."""
    query = select(KeyRow).where(KeyRow.purpose == purpose, KeyRow.state.in_(states))
    return session.scalars(query.order_by(KeyRow.created_at, KeyRow.staged_sequence, KeyRow.kid)).all()


def active(session: Session, purpose: KeyPurpose) -> KeyRow | None:
    """Return the one key that signs (or seals) for ``purpose``."""
    return session.scalars(select(KeyRow).where(KeyRow.purpose == purpose, KeyRow.state == KeyState.ACTIVE)).first()


def key_set(session: Session) -> KeySetRow | None:
    """Return the key set as published."""
    return session.scalars(select(KeySetRow)).first()


def key_set_locked(session: Session) -> KeySetRow | None:
    """Return it and keep others from changing keys until this transaction ends."""
    query = select(KeySetRow).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def acknowledgement(session: Session, connection_id: str, now: datetime) -> KeyAcknowledgement:
    """Return what a connection has acknowledged, 0 for nothing yet; held until this transaction ends."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {"connection_id": connection_id, "sequence": 0, "acknowledged_at": now}
    session.execute(dialect.insert(KeyAcknowledgement).values(fresh).on_conflict_do_nothing())
    return session.get_one(KeyAcknowledgement, connection_id, with_for_update=True, populate_existing=True)


def acknowledged(session: Session) -> dict[str, int]:
    """Return the acknowledged sequence of every connection."""
    rows = session.execute(select(KeyAcknowledgement.connection_id, KeyAcknowledgement.sequence))
    return {row.connection_id: row.sequence for row in rows}


def sealed(session: Session, place: Place, *, besides: str, after: str, limit: int) -> Sequence[tuple[str, str]]:
    """Return (row, envelope) of the next rows of a column, without those that begin with ``besides``."""
    there = _there(place)
    row, envelope = there.c[place[1]], there.c[place[2]]
    query = select(row, envelope).where(envelope.is_not(None), ~envelope.startswith(besides, autoescape=True))
    return [(found[0], found[1]) for found in session.execute(query.where(row > after).order_by(row).limit(limit))]


def swap_sealed(session: Session, place: Place, row: str, *, old: str, new: str) -> bool:
    """Put an envelope in the place of ``old``; tell whether that was still there."""
    there = _there(place)
    query = update(there).where(there.c[place[1]] == row, there.c[place[2]] == old)
    done = session.execute(query.values({place[2]: new}))
    return bool(getattr(done, "rowcount", 0))


def _there(place: Place) -> TableClause:
    return table(place[0], column(place[1], String), column(place[2], String))


def forget(session: Session, connection_id: str | None) -> None:
    """Drop the acknowledgement of one connection, or of all."""
    query = delete(KeyAcknowledgement)
    session.execute(query if connection_id is None else query.where(KeyAcknowledgement.connection_id == connection_id))
