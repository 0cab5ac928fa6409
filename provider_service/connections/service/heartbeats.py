"""Heartbeats: when one is due, what it says, and what the peer's says (docs/protocol.md, section 11)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from provider_service.connections import domain, store
from provider_service.connections.service import histories
from provider_service.connections.service.lifecycle import get, milliseconds
from provider_service.connections.service.pinning import adopt_epoch
from provider_service.connections.tables import Connection, ConnectionBeat
from provider_service.instance import service as instance
from shared.delivery import figures, peers
from shared.wire.connection import Heartbeat
from shared.wire.errors import Conflict
from shared.wire.identifiers import new_id
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState, DeliveryMode
from shared.wire.version import SOFTWARE_NAME, SOFTWARE_VERSION

KEPT = timedelta(hours=25)
"""How long heartbeats are kept."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat to send."""

    connection_id: str
    body: Heartbeat


def claim_beats(session: Session, *, now: datetime, limit: int = 50, connection_id: str | None = None) -> list[Beat]:
    """Take the heartbeats that are due (or that of one connection); each is due again should nothing come of it."""
    rows: Sequence[Connection]
    if connection_id is None:
        rows = store.due(session, Connection.heartbeat_due_at, now, limit, talking=True)
    else:
        rows = [get(session, connection_id, lock=True)]
    beats = []
    for row in rows:
        row.own_number += 1
        row.own_history = row.own_history or new_word()
        row.heartbeat_due_at = now + domain.CALL_LEASE
        beats.append(Beat(row.id, _to_send(session, row, now)))
    return beats


def beat_now(session: Session, *, connection_id: str, now: datetime) -> Beat:
    """Take one connection's heartbeat, due or not; raise `Conflict` where this side does not call the peer."""
    row = get(session, connection_id)
    if not domain.called(DeliveryMode(row.delivery)) or ConnectionState(row.state) not in domain.LIVE:
        raise Conflict(
            "This side does not call the peer on this connection",
            code="not_called",
            cause="The connection is closed or suspended, or the peer comes by itself.",
            fix="Look at the direction the peer calls in.",
        )
    return claim_beats(session, now=now, connection_id=connection_id)[0]


def own_beat(session: Session, row: Connection, now: datetime) -> Heartbeat:
    """Return our heartbeat as it stands now, without counting it."""
    marks = figures.marks(session, row.id)
    return Heartbeat(
        number=max(row.own_number, 1),
        epoch=instance.require(session).epoch,
        time=milliseconds(now),
        state=row.state,
        queued=figures.depth(session, row.id),
        sent=int(marks["sent"]),
        received=int(marks["received"]),
        digest=str(marks["digest"]),
        software=f"{SOFTWARE_NAME}/{SOFTWARE_VERSION}",
        history=row.own_history,
        previous=row.own_history_told,
    )


def _to_send(session: Session, row: Connection, now: datetime) -> Heartbeat:
    """Return our heartbeat, or a mere question where the peer's history is in doubt: it may doubt ours too."""
    beat = own_beat(session, row, now)
    asks = histories.in_doubt(row)
    return beat.model_copy(update={"asks": True, "history": "", "previous": ""}) if asks else beat


def answer_beat(session: Session, *, connection_id: str, beat: Heartbeat, now: datetime) -> Heartbeat:
    """Take in the peer's heartbeat and return ours; raise `Conflict` (code ``epoch_old``), or `Parted`."""
    adopt_epoch(session, connection_id, beat.epoch, now)
    row = get(session, connection_id, lock=True)
    if not beat.asks:
        histories.require_continued(row, beat)
    row.own_history = row.own_history or new_word()
    if not beat.asks:
        histories.take_words(row, beat)
    row.last_in_at = now
    row.peer_software = beat.software[:64] or row.peer_software
    _keep(session, row, now, direction="in")
    return own_beat(session, row, now)


def note_answer(
    session: Session,
    *,
    connection_id: str,
    word: str,
    answer: Heartbeat,
    round_trip_ms: float,
    skew_ms: int,
    now: datetime,
) -> None:
    """Our heartbeat that carried ``word`` was answered. Raises `Conflict` (code ``epoch_old``)."""
    adopt_epoch(session, connection_id, answer.epoch, now)
    row = get(session, connection_id, lock=True)
    if word == row.own_history:
        row.own_history, row.own_history_told = new_word(), word
    histories.judge_answer(session, row, answer, now)
    row.last_out_at, row.beat_failures, row.last_problem = now, 0, None
    row.round_trip_ms, row.skew_ms = round(round_trip_ms), skew_ms
    row.peer_software = answer.software[:64] or row.peer_software
    peers.contact(session, row.id, milliseconds(now))
    _keep(session, row, now, direction="out", round_trip_ms=round(round_trip_ms))
    _schedule(session, row, now)


def note_silence(
    session: Session, *, connection_id: str, problem: Problem, stale_keys: bool = False, now: datetime
) -> None:
    """Our heartbeat brought no usable answer.

    ``stale_keys``: it was signed by a key not pinned here, so the peer's key set is looked up at once.
    """
    row = get(session, connection_id, lock=True)
    row.beat_failures += 1
    row.last_problem = problem.to_wire()
    histories.note_unanswered(session, row, now)
    if stale_keys and row.key_set_refresh_at is not None:
        row.key_set_refresh_at = now
    if ConnectionState(row.state) is not ConnectionState.CONNECTING:  # the peer may not have stored it yet
        _keep(session, row, now, direction="out", problem=problem.code)
    _schedule(session, row, now)


def new_word() -> str:
    """Return a random word, which no copy of this instance makes too."""
    return secrets.token_urlsafe(16)


def purge_beats(session: Session, now: datetime) -> None:
    """Forget heartbeats older than a day."""
    store.purge_beats(session, now - KEPT)


def _schedule(session: Session, row: Connection, now: datetime) -> None:
    if ConnectionState(row.state) not in domain.LIVE:
        row.heartbeat_due_at = None
        return
    wished = row.peer_settings.get("heartbeat_seconds") if row.peer_settings else None
    row.heartbeat_due_at = now + domain.pace(
        connecting=ConnectionState(row.state) is ConnectionState.CONNECTING,
        failures=row.beat_failures,
        queued=figures.depth(session, row.id),
        wished=wished,
    )


def _keep(
    session: Session,
    row: Connection,
    now: datetime,
    *,
    direction: str,
    round_trip_ms: int | None = None,
    problem: str = "",
) -> None:
    session.add(
        ConnectionBeat(
            id=new_id(),
            connection_id=row.id,
            at=now,
            direction=direction,
            round_trip_ms=round_trip_ms,
            problem=problem[:64],
        )
    )
    session.flush()
