"""Queries of the keys slice."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from provider_service.keys.tables import KeyAcknowledgement, KeyRow, KeySetRow
from shared.wire.states import KeyPurpose, KeyState


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


def forget(session: Session, connection_id: str | None) -> None:
    """Drop the acknowledgement of one connection, or of all."""
    query = delete(KeyAcknowledgement)
    session.execute(query if connection_id is None else query.where(KeyAcknowledgement.connection_id == connection_id))
