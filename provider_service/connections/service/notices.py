"""What the peer must be told until it knows: that it is over, and which keys are ours now."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.connections import domain, store
from provider_service.connections.service.lifecycle import get, milliseconds
from provider_service.connections.tables import Connection
from provider_service.keys import service as keys
from provider_service.keys.domain import Notice
from shared.delivery import figures, outbox
from shared.runtime.database import notify
from shared.wire.connection import Goodbye, KeysNotice
from shared.wire.states import ConnectionState, DeliveryMode, MessageType


@dataclass(frozen=True, slots=True)
class Farewell:
    """A goodbye to tell by a call."""

    connection_id: str
    body: Goodbye


@dataclass(frozen=True, slots=True)
class KeyNotice:
    """A key set to tell by a call."""

    connection_id: str
    sequence: int
    body: KeysNotice


def claim_goodbyes(session: Session, *, now: datetime, limit: int = 20) -> list[Farewell]:
    """Take the goodbyes that are due; each is due again should nothing come of it.

    One to a peer that is never called becomes a message for it to fetch, once it has taken whatever waited before: when
    it has applied a goodbye it comes no more, and between channels there is no order.
    """
    told = []
    for row in store.due(session, Connection.goodbye_due_at, now, limit, talking=False):
        goodbye = Goodbye(reason=row.close_reason)
        if domain.called(DeliveryMode(row.delivery)):
            row.goodbye_due_at = now + domain.CALL_LEASE
            told.append(Farewell(row.id, goodbye))
            continue
        row.goodbye_due_at = now + domain.farewell_look(now - (row.closed_at or now))
        if not figures.depth(session, row.id):
            outbox.enqueue(
                session,
                connection_id=row.id,
                lane=domain.CONTROL_LANE,
                type=MessageType.GOODBYE,
                subject="",
                data_json=goodbye.model_dump_json(),
                now_ms=milliseconds(now),
            )
    return told


def goodbye_told(session: Session, *, connection_id: str) -> None:
    """The peer knows that it is over."""
    get(session, connection_id, lock=True).goodbye_due_at = None


def goodbye_failed(session: Session, *, connection_id: str, now: datetime) -> None:
    """The peer could not be told; it is tried again."""
    row = get(session, connection_id, lock=True)
    row.goodbye_attempts += 1
    row.goodbye_due_at = now + domain.retry(row.goodbye_attempts)


def claim_key_notices(session: Session, *, now: datetime) -> list[KeyNotice]:
    """Take the calls that tell our key set to those who do not know it; who is never called gets a message."""
    notice = keys.pending_notice(session, store.ids_in(session, domain.LIVE))
    if notice is None:
        return []
    calls = []
    for row in store.keys_due(session, notice.connection_ids, now):
        if domain.called(DeliveryMode(row.delivery)):
            row.keys_due_at = now + domain.CALL_LEASE
            calls.append(KeyNotice(row.id, notice.sequence, KeysNotice(key_set=notice.statement)))
        elif row.keys_message_sequence != notice.sequence:
            _write_notice(session, row, notice, now)
    return calls


def keys_acknowledged(session: Session, *, connection_id: str, sequence: int, now: datetime) -> None:
    """The peer has pinned our key set ``sequence``; keys that waited for it may be activated (`keys.service.tend`)."""
    row = get(session, connection_id, lock=True)
    if ConnectionState(row.state) is ConnectionState.CLOSED:
        return
    row.keys_due_at, row.keys_attempts = None, 0
    keys.acknowledge(session, connection_id=connection_id, sequence=sequence, now=now)
    notify(session, "worker")


def key_notice_failed(session: Session, *, connection_id: str, now: datetime) -> None:
    """The peer did not take our key set; it is told again."""
    row = get(session, connection_id, lock=True)
    row.keys_attempts += 1
    row.keys_due_at = now + domain.retry(row.keys_attempts)


def claim_refreshes(session: Session, *, now: datetime, limit: int = 20) -> list[str]:
    """Take the connections whose peer may have published a newer key set; each is due again in half an hour."""
    rows = store.due(session, Connection.key_set_refresh_at, now, limit, talking=True)
    for row in rows:
        row.key_set_refresh_at = now + domain.retry(6)
    return [row.id for row in rows]


def _write_notice(session: Session, row: Connection, notice: Notice, now: datetime) -> None:
    row.keys_message_sequence = notice.sequence
    row.keys_message_id = outbox.enqueue(
        session,
        connection_id=row.id,
        lane=domain.CONTROL_LANE,
        type=MessageType.KEYS,
        subject="",
        data_json=KeysNotice(key_set=notice.statement).model_dump_json(),
        now_ms=milliseconds(now),
    )
    notify(session, "worker")
