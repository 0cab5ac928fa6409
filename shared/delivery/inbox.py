"""Receiving a batch: every message counts once, in its lane's order, and gets a verdict (protocol.md, *Messages*).

First the whole batch is judged against what is known, which plans what to apply; then runs of planned messages of one
type go to their handlers; then entries and lanes are written. All in the caller's transaction: the verdicts are true
once it commits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from shared.delivery import refusals
from shared.delivery.hashing import content_hash
from shared.delivery.intake import Entry, Intake, Lane
from shared.delivery.quotas import NewLanes, lanes_used_up
from shared.wire.errors import NotFound
from shared.wire.messages import Message, Outcome
from shared.wire.problems import Problem
from shared.wire.states import MessageType, OutcomeKind
from shared.wire.version import HELD_PER_CONNECTION, HELD_PER_LANE, MARK_LEAP

Handler: TypeAlias = Callable[[Session, str, Sequence[Message], int], Sequence[Problem | None]]
"""Applies messages of one type: session, connection, messages in order, unix ms; a problem rejects its message.

It validates before it writes: what it wrote for a message it then rejects stays written. An exception undoes the run,
and its messages are tried one by one.
"""


@dataclass(frozen=True, slots=True)
class SettledLater:
    """The verdict on a message once answered ``held``; tell it to the sender in an ``outcome`` message."""

    message_id: str
    outcome: OutcomeKind
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Received:
    """Verdicts on the batch, in its order, and on messages held earlier that it set free."""

    outcomes: list[Outcome]
    settled_later: list[SettledLater]


def receive(
    session: Session,
    *,
    connection_id: str,
    messages: Sequence[Message],
    handlers: Mapping[str, Handler],
    now_ms: int,
    new_lanes: NewLanes | None = None,
) -> Received:
    """Judge, apply and remember a batch. Messages of more lanes than ``new_lanes`` admits are deferred."""
    intake = Intake(session, connection_id, now_ms, new_lanes)
    intake.load(messages)
    work = _Work(intake, handlers)
    judged = [work.judge(message) for message in messages]
    work.run()
    intake.store()
    outcomes = [_outcome(message, *verdict) for message, verdict in zip(messages, judged, strict=True)]
    return Received(outcomes, work.late())


def replay(
    session: Session, connection_id: str, message_id: str, handlers: Mapping[str, Handler], now_ms: int
) -> list[SettledLater]:
    """Try a quarantined message again, and what waits behind it; an empty list if it failed again.

    Raises `NotFound` (code ``not_quarantined``).
    """
    intake, entry, lane = _quarantined(session, connection_id, message_id, now_ms)
    work = _Work(intake, handlers)
    work.free(lane, entry)
    work.run()
    intake.store()
    return work.late()


def skip(
    session: Session,
    connection_id: str,
    message_id: str,
    *,
    problem: Problem,
    handlers: Mapping[str, Handler],
    now_ms: int,
) -> list[SettledLater]:
    """Reject a quarantined message with an operator's reason; its sequence is used up and its lane goes on.

    Raises `NotFound` (code ``not_quarantined``).
    """
    intake, entry, lane = _quarantined(session, connection_id, message_id, now_ms)
    work = _Work(intake, handlers)
    work.free(lane, entry, verdict=problem)
    work.run()
    intake.store()
    return work.late()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What came of waiting no more for what is missing."""

    lost: int
    """Messages that never arrived and never will."""
    settled_later: list[SettledLater]


def pass_over(
    session: Session, connection_id: str, name: str, before: int, handlers: Mapping[str, Handler], now_ms: int
) -> PassedOver:
    """Wait no more for what is missing of a lane before a sequence: its sender has lost it too.

    What was held is applied in its order. A lane whose next message is quarantined stays as it is. Raises `Conflict`
    (code ``marks_absurd``) for a sequence too far away to be true.
    """
    intake = Intake(session, connection_id, now_ms)
    intake.lock_lanes([name])
    lane = intake.lanes[name]
    if lane.blocked or before - 1 <= lane.applied:
        return PassedOver(0, [])
    if before - lane.applied > MARK_LEAP:
        raise refusals.leap(name, before)
    lost = before - 1 - lane.applied - sum(waiting < before for waiting in lane.waiting)
    work = _Work(intake, handlers)
    work.leap(lane, before)
    work.run()
    if not lane.blocked:
        lane.applied, lane.changed = max(lane.applied, before - 1), True
    intake.store()
    return PassedOver(lost, work.late())


def _quarantined(session: Session, connection_id: str, message_id: str, now_ms: int) -> tuple[Intake, Entry, Lane]:
    intake = Intake(session, connection_id, now_ms)
    name = intake.lane_of(message_id)
    if name is not None:
        intake.lock_lanes([name])
        entry = intake.by_id.get(message_id)
        if entry is not None and entry.quarantined:
            return intake, entry, intake.lanes[name]
    raise NotFound("No such message is in quarantine", code="not_quarantined")


class _Work:
    """The plan of one transaction and its execution."""

    def __init__(self, intake: Intake, handlers: Mapping[str, Handler]) -> None:
        self._intake = intake
        self._handlers = handlers
        self._plan: list[Entry] = []

    def judge(self, message: Message) -> tuple[Entry, OutcomeKind | None]:
        """Return the message's entry, and ``duplicate`` or ``conflict`` where it is not the entry's first coming."""
        digest = content_hash(message)
        lane = self._intake.lanes[message.lane]
        known = self._intake.by_id.get(message.id) or self._intake.by_place.get((message.lane, message.sequence))
        if known is not None:
            same = known.hash == digest or _voids(message, known)
            return known, OutcomeKind.DUPLICATE if same else OutcomeKind.CONFLICT
        entry = Entry(message.id, message.lane, message.sequence, digest, message)
        if message.sequence <= lane.planned:
            return entry, OutcomeKind.DUPLICATE
        if message.lane in self._intake.unwelcome:
            entry.outcome, entry.problem = (
                OutcomeKind.DEFERRED,
                lanes_used_up(self._intake.new_lanes, self._intake.now_ms),
            )
            return entry, None
        self._intake.know(entry)
        if message.sequence == lane.planned + 1 and not lane.blocked:
            self._take(lane, entry)
        else:
            self._hold(lane, entry)
        return entry, None

    def free(self, lane: Lane, entry: Entry, verdict: Problem | None = None) -> None:
        """Plan a quarantined entry, or settle it with ``verdict``, and what waits behind it."""
        lane.blocked = entry.quarantined = False
        if verdict is None:
            self._take(lane, lane.waiting.pop(entry.sequence))
            return
        del lane.waiting[entry.sequence]
        self._intake.drained.append(entry)
        self._accept(entry, verdict)
        lane.planned = entry.sequence
        self._take_waiting(lane)

    def leap(self, lane: Lane, before: int) -> None:
        """Plan what waits below a sequence, gaps or not, and what follows from it on."""
        for sequence in sorted(waiting for waiting in lane.waiting if waiting < before):
            if sequence in lane.waiting:
                self._take(lane, lane.waiting.pop(sequence))
        lane.planned = max(lane.planned, before - 1)
        self._take_waiting(lane)

    def run(self) -> None:
        """Hand the plan to the handlers, run by run."""
        self._intake.read_bodies(self._plan)
        for kind, group in groupby(self._plan, key=lambda entry: entry.content.type):
            run = list(group)
            free = [entry for entry in run if not self._held_back(entry)]
            handler = self._handlers.get(kind)
            if handler is None:
                for entry in free:
                    self._accept(entry, refusals.unsupported_type(kind))
            elif free:
                self._apply(handler, free)

    def late(self) -> list[SettledLater]:
        """Return the verdicts on messages that had been answered ``held``."""
        return [
            SettledLater(entry.id, entry.outcome, entry.problem)
            for entry in self._intake.drained
            if entry.outcome in {OutcomeKind.APPLIED, OutcomeKind.REJECTED}
        ]

    def _take(self, lane: Lane, entry: Entry) -> None:
        (self._intake.drained if entry.stored else self._intake.fresh).append(entry)
        self._plan.append(entry)
        lane.planned = entry.sequence
        self._take_waiting(lane)

    def _take_waiting(self, lane: Lane) -> None:
        while (entry := lane.waiting.pop(lane.planned + 1, None)) is not None:
            if entry.stored:
                self._intake.drained.append(entry)
            self._plan.append(entry)
            lane.planned = entry.sequence

    def _hold(self, lane: Lane, entry: Entry) -> None:
        full = refusals.LANE_QUOTA if len(lane.waiting) >= HELD_PER_LANE else None
        if full is None and self._intake.held_in_all() >= HELD_PER_CONNECTION:
            full = refusals.CONNECTION_QUOTA
        if full is not None:
            entry.outcome, entry.problem = OutcomeKind.DEFERRED, full
            self._intake.forget(entry)
            return
        self._intake.fresh.append(entry)
        self._wait(lane, entry)

    def _wait(self, lane: Lane, entry: Entry) -> None:
        entry.outcome = OutcomeKind.HELD
        entry.problem = refusals.LANE_BLOCKED if lane.blocked else refusals.sequence_missing(lane.applied + 1)
        lane.waiting[entry.sequence] = entry
        lane.changed = True

    def _held_back(self, entry: Entry) -> bool:
        """Keep the entry if an earlier one of its lane went into quarantine while the plan ran."""
        lane = self._intake.lanes[entry.lane]
        if lane.blocked:
            self._wait(lane, entry)
        return lane.blocked

    def _apply(self, handler: Handler, run: Sequence[Entry]) -> None:
        failure = self._attempt(handler, run)
        if failure is None:
            return
        if len(run) == 1:
            self._quarantine(run[0], failure)
            return
        for entry in run:
            if self._held_back(entry):
                continue
            failure = self._attempt(handler, [entry])
            if failure is not None:
                self._quarantine(entry, failure)

    def _attempt(self, handler: Handler, run: Sequence[Entry]) -> Exception | None:
        """Apply a run in a savepoint; return the exception that undid it. The database's own troubles go through."""
        intake = self._intake
        messages = [entry.content for entry in run]
        try:
            with intake.session.begin_nested():
                problems = handler(intake.session, intake.connection_id, messages, intake.now_ms)
                verdicts = list(zip(run, problems, strict=True))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a message sets off, it must not take the batch with it
            return error
        for entry, problem in verdicts:
            self._accept(entry, problem)
        return None

    def _accept(self, entry: Entry, problem: Problem | None) -> None:
        entry.outcome = OutcomeKind.APPLIED if problem is None else OutcomeKind.REJECTED
        entry.problem = problem
        lane = self._intake.lanes[entry.lane]
        lane.applied = entry.sequence
        lane.changed = True

    def _quarantine(self, entry: Entry, error: Exception) -> None:
        lane = self._intake.lanes[entry.lane]
        lane.blocked = entry.quarantined = True
        self._wait(lane, entry)
        entry.problem = refusals.quarantined(error)


def _voids(message: Message, known: Entry) -> bool:
    """Tell whether the message withdraws one that arrived after all: what became of that one stands."""
    place = (message.id, message.lane, message.sequence)
    return message.type == MessageType.VOID and place == (known.id, known.lane, known.sequence)


def _outcome(message: Message, entry: Entry, again: OutcomeKind | None) -> Outcome:
    if again is OutcomeKind.CONFLICT:
        return Outcome(id=message.id, outcome=again, problem=refusals.conflict(message, entry))
    if again is OutcomeKind.DUPLICATE:
        return Outcome(id=message.id, outcome=again, stored=entry.outcome, problem=entry.problem)
    return Outcome(id=message.id, outcome=entry.verdict, problem=entry.problem)
