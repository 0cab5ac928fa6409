"""Queries of the connections slice, and its views of delivery's logs."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, literal, select, true
from sqlalchemy.orm import Session

from provider_service.connections.tables import Connection, ConnectionBeat
from shared.delivery.statements import Spelled
from shared.delivery.tables import channels, inbox, outbox
from shared.wire.states import ConnectionState

_PARTY = Spelled(
    select(Connection.peer_instance_id, Connection.peer_name, Connection.company_id).where(
        Connection.id == bindparam("connection")
    )
)
_PINNED = Spelled(
    select(
        Connection.id, Connection.company_id, Connection.state, Connection.delivery, Connection.peer_name,
        Connection.peer_issuer, Connection.peer_instance_id, Connection.peer_epoch, Connection.peer_histories,
        Connection.key_set_sequence, Connection.goodbye_due_at, Connection.key_set,
    ).where(Connection.id == bindparam("connection"))
)  # fmt: skip
_TALKING = (ConnectionState.CONNECTING, ConnectionState.ACTIVE, ConnectionState.PAUSED)


def find(session: Session, connection_id: str, *, lock: bool = False) -> Connection | None:
    """Return one connection; locked, as it is now and until this transaction ends."""
    query = select(Connection).where(Connection.id == connection_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def pinned(session: Session, connection_id: str) -> Row[Any] | None:
    """Return what a request on the connection is held against, as the database keeps it: the key set is a text."""
    return _PINNED.run(session, connection=connection_id).one_or_none()


def party(session: Session, connection_id: str) -> Row[Any] | None:
    """Return whom the connection is with: instance, name and company."""
    return _PARTY.run(session, connection=connection_id).one_or_none()


def page(
    session: Session, *, states: Collection[str], company_id: str | None, before: str | None, limit: int
) -> Sequence[Connection]:
    """Return connections, the newest first, older than the id ``before``."""
    query = select(Connection).order_by(Connection.id.desc()).limit(limit)
    if states:
        query = query.where(Connection.state.in_(states))
    if company_id is not None:
        query = query.where(Connection.company_id == company_id)
    if before is not None:
        query = query.where(Connection.id < before)
    return session.scalars(query).all()


def standing_at(session: Session, issuer: str) -> Connection | None:
    """Return the youngest connection to an address that has not ended."""
    query = select(Connection).where(Connection.peer_issuer == issuer, Connection.state != ConnectionState.CLOSED)
    return session.scalars(query.order_by(Connection.id.desc()).limit(1)).first()


def in_states(session: Session, states: Collection[str]) -> Sequence[Connection]:
    """Return the connections in any of ``states``, oldest first."""
    return session.scalars(select(Connection).where(Connection.state.in_(states)).order_by(Connection.id)).all()


def ids_in(session: Session, states: Collection[str]) -> list[str]:
    """Return the ids of the connections in any of ``states``."""
    return list(session.scalars(select(Connection.id).where(Connection.state.in_(states)).order_by(Connection.id)))


def due(session: Session, column: Any, now: datetime, limit: int, *, talking: bool) -> Sequence[Connection]:
    """Return the connections whose ``column`` is due, locked, passing over those another worker has in hand."""
    wanted = Connection.state.in_(_TALKING) if talking else true()
    query = select(Connection).where(column <= now, wanted).order_by(column).limit(limit)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def keys_due(session: Session, ids: Collection[str], now: datetime) -> Sequence[Connection]:
    """Return those of ``ids`` that may be told our key set now, locked."""
    waited = (Connection.keys_due_at.is_(None)) | (Connection.keys_due_at <= now)
    query = select(Connection).where(Connection.id.in_(ids), waited).order_by(Connection.id)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def beats(session: Session, connection_id: str, since: datetime) -> Sequence[ConnectionBeat]:
    """Return the heartbeats of a connection since then, oldest first."""
    query = select(ConnectionBeat).where(ConnectionBeat.connection_id == connection_id, ConnectionBeat.at > since)
    return session.scalars(query.order_by(ConnectionBeat.at)).all()


def purge_beats(session: Session, before: datetime) -> None:
    """Forget heartbeats older than that."""
    session.execute(delete(ConnectionBeat).where(ConnectionBeat.at < before))


def lease_lapses_at(session: Session, connection_id: str, lease: str) -> int | None:
    """Return when a lease lapses, unix ms; None where it is not out."""
    return session.execute(
        select(channels.c.due_at).where(channels.c.connection_id == connection_id, channels.c.lease_token == lease)
    ).scalar_one_or_none()


def sends(session: Session, connection_id: str, message_id: str) -> bool:
    """Tell whether a message is one of ours to the peer."""
    query = select(outbox.c.position).where(outbox.c.connection_id == connection_id, outbox.c.id == message_id)
    return session.execute(query).one_or_none() is not None


def sent(
    session: Session, connection_id: str, *, status: str | None, before: str | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the log of messages to the peer, the newest first."""
    here = and_(channels.c.connection_id == outbox.c.connection_id, channels.c.channel == outbox.c.channel)
    state = case(
        (outbox.c.position > channels.c.settled_position, literal("queued")),
        (outbox.c.outcome.is_(None), literal("applied")),
        else_=outbox.c.outcome,
    ).label("status")
    query = (
        select(
            outbox.c.id, outbox.c.lane, outbox.c.sequence, outbox.c.type, outbox.c.subject, outbox.c.attempts,
            outbox.c.created_at.label("at"), outbox.c.problem, state,
        )
        .join(channels, here)
        .where(outbox.c.connection_id == connection_id)
        .order_by(outbox.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if status is not None:
        query = query.where(state == status)
    if before is not None:
        query = query.where(outbox.c.id < before)
    return session.execute(query).all()


def received(
    session: Session, connection_id: str, *, status: str | None, before: str | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the log of messages from the peer, the newest first."""
    state = case((inbox.c.quarantined, literal("quarantined")), else_=inbox.c.outcome).label("status")
    query = (
        select(
            inbox.c.id, inbox.c.lane, inbox.c.sequence, inbox.c.type, literal("").label("subject"),
            literal(0).label("attempts"), inbox.c.received_at.label("at"), inbox.c.problem, state,
        )
        .where(inbox.c.connection_id == connection_id)
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if status is not None:
        query = query.where(state == status)
    if before is not None:
        query = query.where(inbox.c.id < before)
    return session.execute(query).all()
