"""After a restore: both sides compare their marks, send again what was lost, and never use a number twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM, Actor
from provider_service.connections import domain, store
from provider_service.connections.domain.histories import Tally, require_page, require_plausible, require_reconciling
from provider_service.connections.service import histories
from provider_service.connections.service.lifecycle import ConnectionHooks, get, let_flow, milliseconds, moved, noted
from provider_service.connections.service.pinning import adopt_epoch
from provider_service.connections.service.receiving import tell_late
from provider_service.connections.tables import Connection
from provider_service.instance import service as instance
from shared.delivery import inbox, reconcile
from shared.delivery.inbox import Handler
from shared.lifecycle.connection import Move
from shared.runtime.database import notify
from shared.wire.connection import Gone, LaneMark, Marks
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState, DeliveryMode
from shared.wire.version import LANES_PER_PAGE

UNDECIDABLE: Final = frozenset({"marks_absurd", "marks_unknown", "not_found", "method_not_allowed"})
"""Refusals that trying again does not change: a person decides."""


def restored(session: Session, actor: Actor, now: datetime) -> None:
    """This instance came back from a backup: nothing is sent on any connection until the marks were compared."""
    for row in store.in_states(session, [state for state in ConnectionState if state is not ConnectionState.CLOSED]):
        histories.forget(session, row, now)
        row.own_history, row.own_history_told = "", ""
        row.reconciling, row.reconciliation = True, Tally().to_json(now)
        if domain.called(DeliveryMode(row.delivery)):
            row.reconcile_due_at, row.reconcile_attempts = now, 0
            row.heartbeat_due_at = now
        reconcile.begin(session, row.id)
        noted(session, row, "connection.reconcile_begun", actor, now)
    notify(session, "worker")


def claim_reconciles(session: Session, *, now: datetime, limit: int = 5) -> list[str]:
    """Take the connections whose marks are to be compared now; each is due again should nothing come of it."""
    rows = store.due(session, Connection.reconcile_due_at, now, limit, talking=True)
    for row in rows:
        row.reconcile_due_at = now + 10 * domain.CALL_LEASE
    return [row.id for row in rows]


def marks_page(session: Session, *, connection_id: str, after: str) -> Marks:
    """Return our marks of the lanes behind a name."""
    lanes, upto = _page(session, connection_id, after, None)
    return Marks(epoch=instance.require(session).epoch, after=after, upto=upto, lanes=lanes)


def answer_marks(
    session: Session,
    *,
    connection_id: str,
    asked: Marks,
    handlers: Mapping[str, Handler],
    hooks: ConnectionHooks,
    now: datetime,
) -> Marks:
    """Take in the peer's marks of a page, and answer with ours of the same lanes.

    Raises `Conflict`: ``epoch_old``; ``marks_unasked`` where neither side was restored; ``marks_absurd`` and
    ``marks_unknown`` for marks that cannot be.
    """
    row = get(session, connection_id)
    if asked.epoch != row.peer_epoch:
        adopt_epoch(session, connection_id, asked.epoch, now)
    own = instance.require(session).epoch
    require_reconciling(reconciling=row.reconciling, peer_restored=row.peer_restored)
    lost = _pass_over(session, row.id, {gone.lane: gone.before for gone in asked.gone}, handlers, now)
    row = get(session, connection_id, lock=True)
    require_reconciling(reconciling=row.reconciling, peer_restored=row.peer_restored)
    if asked.after == "" and not asked.done:
        row.reconciliation = Tally().to_json(now)
    _lose(row, lost, now)
    if asked.done:
        _end(session, row, now)
        return Marks(epoch=own, done=True)
    ours, upto = _page(session, row.id, asked.after, asked.upto)
    theirs = [mark for mark in asked.lanes if asked.after < mark.lane and (upto is None or mark.lane <= upto)]
    resent = _align(session, row, ours, theirs, hooks, now)
    return Marks(epoch=own, after=asked.after, upto=upto, lanes=_with_kept(ours, resent.kept))


def take_marks(
    session: Session,
    *,
    connection_id: str,
    ours: Marks,
    theirs: Marks,
    handlers: Mapping[str, Handler],
    hooks: ConnectionHooks,
    now: datetime,
) -> list[Gone]:
    """Take in the peer's answer to a page of ours; return what we cannot send again. Raises as `answer_marks`."""
    require_page(ours, theirs)
    adopt_epoch(session, connection_id, theirs.epoch, now)
    mine = _as_now(session, connection_id, ours, theirs)
    require_plausible(mine, theirs.lanes, restored=get(session, connection_id).reconciling)
    lost = _pass_over(
        session, connection_id, {mark.lane: mark.kept for mark in theirs.lanes if mark.kept}, handlers, now
    )
    row = get(session, connection_id, lock=True)
    if ours.after == "":
        row.reconciliation = Tally().to_json(now)
    resent = _align(session, row, mine, theirs.lanes, hooks, now)
    _lose(row, lost, now)
    received = {mark.lane: mark.received for mark in theirs.lanes}
    return [
        Gone(lane=lane, before=kept) for lane, kept in sorted(resent.kept.items()) if kept > received.get(lane, 0) + 1
    ]


def _as_now(session: Session, connection_id: str, ours: Marks, theirs: Marks) -> list[LaneMark]:
    """Return our marks of the lanes of a page anew: a side that was not restored goes on sending while it asks."""
    named = {mark.lane for mark in (*ours.lanes, *theirs.lanes)}
    here = reconcile.marks(session, connection_id, after=ours.after, upto=theirs.upto, limit=None)
    return [mark for mark in here if mark.lane in named]


def reconciled(session: Session, *, connection_id: str, now: datetime) -> None:
    """Every page was compared, and the peer knows."""
    _end(session, get(session, connection_id, lock=True), now)


def reconcile_failed(session: Session, *, connection_id: str, problem: Problem, now: datetime) -> None:
    """The marks could not be compared: it is tried again, or a person decides."""
    row = get(session, connection_id, lock=True)
    row.reconcile_attempts += 1
    row.reconcile_due_at = now + domain.retry(row.reconcile_attempts)
    row.reconciliation = {**(row.reconciliation or Tally().to_json(now)), "problem": problem.to_wire()}
    if problem.code in UNDECIDABLE:
        row.reconcile_due_at = None
        if ConnectionState(row.state) is ConnectionState.ACTIVE:
            moved(session, row, Move.PAUSE, SYSTEM, now, reason=problem.detail or problem.title)
            let_flow(session, row)
        noted(session, row, "connection.reconcile_stopped", SYSTEM, now, after={"code": problem.code})


def _align(
    session: Session,
    row: Connection,
    ours: Sequence[LaneMark],
    theirs: Sequence[LaneMark],
    hooks: ConnectionHooks,
    now: datetime,
) -> reconcile.Resent:
    """Do what follows from the marks of the same lanes on both sides. Doing it twice is one effect."""
    require_plausible(ours, theirs, restored=row.reconciling)
    # Records before channels, as everywhere (docs/adr/0003, *Locks*).
    known = {mark.lane: mark.known for mark in theirs if mark.known}
    shifts: dict[str, reconcile.Shift] = {}
    if row.reconciling and known:
        followers = [hook(session, row.id, sorted(known), now) for hook in hooks.renumbering]
        shifts = reconcile.raise_sequences(session, row.id, known)
        for follow in followers:
            follow(shifts)
    received = {mark.lane: 0 for mark in ours} | {mark.lane: mark.received for mark in theirs}
    resent = reconcile.send_again(session, row.id, received, milliseconds(now))
    if resent.messages:
        notify(session, "worker")
    tally = Tally.of(row.reconciliation)
    tally.count(ours, theirs, resent.messages, resent.kept, {lane: shift.by for lane, shift in shifts.items()})
    row.reconciliation = tally.to_json(now, before=row.reconciliation)
    return resent


def _with_kept(ours: Sequence[LaneMark], kept: Mapping[str, int]) -> list[LaneMark]:
    """Add to our marks from which sequence on what is missing at the peer comes again."""
    known = {mark.lane: mark for mark in ours}
    known |= {lane: LaneMark(lane=lane) for lane in kept if lane not in known}
    return [
        mark.model_copy(update={"kept": kept.get(lane, 0), "sent": max(mark.sent, kept.get(lane, 0) - 1)})
        for lane, mark in sorted(known.items())
    ]


def _pass_over(
    session: Session, connection_id: str, gone: Mapping[str, int], handlers: Mapping[str, Handler], now: datetime
) -> int:
    """Wait no more for what nobody keeps; return how many messages those are.

    Lanes are locked before the connection, as everywhere.
    """
    lost = 0
    for lane, before in sorted(gone.items()):
        passed = inbox.pass_over(session, connection_id, lane, before, handlers, milliseconds(now))
        tell_late(session, connection_id, passed.settled_later, now)
        lost += passed.lost
    return lost


def _lose(row: Connection, lost: int, now: datetime) -> None:
    tally = Tally.of(row.reconciliation)
    tally.received_lost += lost
    tally.received_again -= lost
    row.reconciliation = tally.to_json(now, before=row.reconciliation)


def _page(session: Session, connection_id: str, after: str, upto: str | None) -> tuple[list[LaneMark], str | None]:
    found = reconcile.marks(session, connection_id, after=after, upto=upto, limit=LANES_PER_PAGE + 1)
    if len(found) <= LANES_PER_PAGE:
        return found, upto
    return found[:LANES_PER_PAGE], found[LANES_PER_PAGE - 1].lane


def _end(session: Session, row: Connection, now: datetime) -> None:
    row.reconciling = row.peer_restored = False
    row.reconcile_due_at, row.reconcile_attempts = None, 0
    report: dict[str, Any] = {**(row.reconciliation or Tally().to_json(now)), "problem": None}
    row.reconciliation = {**report, "finished_at": now.isoformat()}
    reconcile.finish(session, row.id)
    let_flow(session, row)
    notify(session, "worker")
    figures = {name: value for name, value in report.items() if isinstance(value, int)}
    noted(session, row, "connection.reconciled", SYSTEM, now, after=figures)
