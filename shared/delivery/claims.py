"""The sender's half: lease the head of a channel, and settle, fail, refuse or release what was leased.

A claim is the unsettled head of one channel, in order. Only one claim of a channel is out at a time; a lease that
lapsed may be claimed again, and whoever settles late still moves only forward over what nobody settled before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import random as draw
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Row, bindparam, case, literal, select, update
from sqlalchemy.orm import Session

from shared.delivery import peers as peer_rows
from shared.delivery.tables import channels, outbox, peers
from shared.wire.messages import Outcome
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from shared.wire.version import BYTES_PER_REQUEST, MESSAGES_PER_REQUEST

LEASE_MS = 60_000
"""How long a claim is kept for the one who took it."""

DEFERRED_PAUSE_MS = 5_000
"""Rest of a channel whose peer had no room for the next message."""


_REMEMBERED: Final[Mapping[OutcomeKind | None, OutcomeKind]] = {
    OutcomeKind.REJECTED: OutcomeKind.REJECTED,
    OutcomeKind.HELD: OutcomeKind.HELD,
}
"""First outcomes a duplicate may point to besides applied, which also stands for one no longer remembered."""


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """One message of a claim; ``body`` is its finished JSON text."""

    id: str
    lane: str
    sequence: int
    position: int
    body: str
    attempts: int
    type: str
    subject: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The leased head of one channel."""

    connection_id: str
    channel: int
    lease_token: str
    first_position: int
    items: list[ClaimedMessage]

    @property
    def last_position(self) -> int:
        """Place of the last message in its channel."""
        return self.items[-1].position


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a sent message; ``duplicate`` is already resolved to the outcome of the first time."""

    id: str
    lane: str
    sequence: int
    type: str
    subject: str
    outcome: OutcomeKind
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """Bounds of one claim; a single message beyond ``max_bytes`` still goes alone."""

    lease_ms: int = LEASE_MS
    limit: int = MESSAGES_PER_REQUEST
    max_bytes: int = BYTES_PER_REQUEST - 64


def claim(
    session: Session,
    *,
    now_ms: int,
    lease_ms: int = LEASE_MS,
    limit: int = MESSAGES_PER_REQUEST,
    max_bytes: int = BYTES_PER_REQUEST - 64,
    connection_id: str | None = None,
    mode: DeliveryMode | str = DeliveryMode.PUSH,
) -> Claim | None:
    """Lease the head of the channel that has been due longest, of any peer or of ``connection_id``; None if none is.

    Paused, closed and backed-off peers are passed over. ``max_bytes`` bounds the bodies with one octet between each
    two; the default leaves room for the envelope.
    """
    row = _due_channel(session, now_ms, connection_id, DeliveryMode(mode))
    if row is None:
        return None
    last = _last_position(session, row, min(limit, row.batch_limit or limit), max_bytes)
    items = _read(session, row, last)
    token = uuid4().hex
    lapse = now_ms + lease_ms
    session.execute(update(channels).where(_is(row)).values(lease_token=token, due_at=lapse))
    return Claim(row.connection_id, row.channel, token, row.settled_position + 1, items)


def _due_channel(session: Session, now_ms: int, connection_id: str | None, mode: DeliveryMode) -> Row[Any] | None:
    query = (
        select(channels)
        .join(peers, peers.c.connection_id == channels.c.connection_id)
        .where(
            channels.c.due_at <= now_ms,
            peers.c.mode == mode.value,
            peers.c.paused.is_(False),
            peers.c.closed.is_(False),
            peers.c.next_attempt_at <= now_ms,
        )
        .order_by(channels.c.due_at)
        .limit(1)
        .with_for_update(of=channels, skip_locked=True)
    )
    if connection_id is not None:
        query = query.where(channels.c.connection_id == connection_id)
    return session.execute(query).one_or_none()


def _last_position(session: Session, row: Row[Any], limit: int, max_bytes: int) -> int:
    """Return where the batch ends; sizes are read first so that no more bodies are loaded than go out."""
    first = int(row.settled_position) + 1
    sizes = session.execute(
        select(outbox.c.size).where(*_between(row, first, first + limit - 1)).order_by(outbox.c.position)
    ).scalars()
    last, total = first, -1
    for position, size in enumerate(sizes, start=first):
        total += size + 1
        if total > max_bytes and position > first:
            break
        last = position
    return last


def _read(session: Session, row: Row[Any], last: int) -> list[ClaimedMessage]:
    rows = session.execute(
        select(
            outbox.c.id,
            outbox.c.lane,
            outbox.c.sequence,
            outbox.c.position,
            outbox.c.body,
            outbox.c.attempts,
            outbox.c.type,
            outbox.c.subject,
        )
        .where(*_between(row, row.settled_position + 1, last))
        .order_by(outbox.c.position)
    )
    return [ClaimedMessage(*message) for message in rows]


def leased(session: Session, connection_id: str, lease_token: str) -> Claim | None:
    """Return the claim still held under the token, bodies left out; None once it lapsed into another or was settled.

    For peers that pull: they settle in a later request, by the lease's name.
    """
    row = session.execute(
        select(channels).where(channels.c.connection_id == connection_id, channels.c.lease_token == lease_token)
    ).one_or_none()
    if row is None:
        return None
    first = row.settled_position + 1
    rows = session.execute(
        select(
            outbox.c.id,
            outbox.c.lane,
            outbox.c.sequence,
            outbox.c.position,
            literal(""),
            outbox.c.attempts,
            outbox.c.type,
            outbox.c.subject,
        )
        .where(*_between(row, first, first + MESSAGES_PER_REQUEST - 1))
        .order_by(outbox.c.position)
    )
    return Claim(connection_id, row.channel, lease_token, first, [ClaimedMessage(*message) for message in rows])


def settle(session: Session, claim: Claim, outcomes: Iterable[Outcome], now_ms: int) -> list[Settled]:
    """Write the peer's verdicts and return what they settled, in order; the rest stays due.

    Only the messages before the first one deferred or left without a verdict are settled. Safe under a lapsed lease:
    what another owner settled is left alone.
    """
    row = _locked(session, claim)
    verdicts = {outcome.id: outcome for outcome in outcomes}
    fresh = [item for item in claim.items if item.position > row.settled_position]
    settled = _leading_run(fresh, verdicts)
    if settled:
        _write_outcomes(session, claim, fresh[0].position, settled, now_ms)
    stopped = len(settled) < len(fresh)
    due_at = now_ms + DEFERRED_PAUSE_MS if stopped else now_ms
    _move(session, row, claim, settled_position=row.settled_position + len(settled), due_at=due_at, grow=not stopped)
    peer_rows.note_exchange(session, claim.connection_id, now_ms)
    return settled


def settle_and_claim(
    session: Session, done: Claim, outcomes: Iterable[Outcome], now_ms: int, limits: ClaimLimits | None
) -> tuple[list[Settled], Claim | None]:
    """Settle and, under ``limits``, take the next claim of any push peer: one transaction instead of two."""
    settled = settle(session, done, outcomes, now_ms)
    if limits is None:
        return settled, None
    following = claim(session, now_ms=now_ms, lease_ms=limits.lease_ms, limit=limits.limit, max_bytes=limits.max_bytes)
    return settled, following


def settle_held(
    session: Session, connection_id: str, message_id: str, outcome: OutcomeKind, *, problem: Problem | None, now_ms: int
) -> Settled | None:
    """Write the late verdict on a held message (an ``outcome`` message); None if it is not waiting for one."""
    row = session.execute(
        update(outbox)
        .where(
            outbox.c.id == message_id,
            outbox.c.connection_id == connection_id,
            outbox.c.outcome == OutcomeKind.HELD.value,
        )
        .values(outcome=outcome.value, problem=_text(problem), settled_at=now_ms)
        .returning(outbox.c.id, outbox.c.lane, outbox.c.sequence, outbox.c.type, outbox.c.subject)
    ).one_or_none()
    if row is None:
        return None
    return Settled(row.id, row.lane, row.sequence, row.type, row.subject, outcome, problem)


def fail(
    session: Session,
    claim: Claim,
    problem: Problem,
    now_ms: int,
    retry_after_s: float | None = None,
    *,
    random: Callable[[], float] = draw,
) -> int | None:
    """Give the lease back after a failure that was no verdict; return when to try again, None if the lease had lapsed.

    The peer backs off by `shared.delivery.retry`, the messages count an attempt.
    """
    row = _locked(session, claim)
    if row.lease_token != claim.lease_token:
        return None
    due_at = peer_rows.note_failure(
        session, claim.connection_id, problem, now_ms, retry_after_s=retry_after_s, random=random
    )
    session.execute(update(channels).where(_is(row)).values(lease_token=None, due_at=due_at))
    session.execute(
        update(outbox)
        .where(*_between(row, claim.first_position, claim.last_position))
        .values(attempts=outbox.c.attempts + 1)
    )
    return due_at


def refuse(session: Session, claim: Claim, problem: Problem, now_ms: int) -> list[Settled]:
    """The peer found the batch as a whole too large or malformed: halve it until one message stands alone.

    That one is settled as rejected with the problem and returned; until then the list is empty.
    """
    if len(claim.items) == 1:
        verdict = Outcome(id=claim.items[0].id, outcome=OutcomeKind.REJECTED, problem=problem)
        return settle(session, claim, [verdict], now_ms)
    row = _locked(session, claim)
    if row.lease_token == claim.lease_token:
        values = {"lease_token": None, "due_at": now_ms, "batch_limit": len(claim.items) // 2}
        session.execute(update(channels).where(_is(row)).values(values))
        peer_rows.note_exchange(session, claim.connection_id, now_ms)
    return []


def release(session: Session, claim: Claim, now_ms: int) -> None:
    """Give the lease back unused, as if it had never been taken."""
    session.execute(
        update(channels)
        .where(_is(claim), channels.c.lease_token == claim.lease_token)
        .values(lease_token=None, due_at=now_ms)
    )


def _locked(session: Session, claim: Claim) -> Row[Any]:
    return session.execute(select(channels).where(_is(claim)).with_for_update()).one()


def _leading_run(items: Sequence[ClaimedMessage], verdicts: Mapping[str, Outcome]) -> list[Settled]:
    run = []
    for item in items:
        verdict = verdicts.get(item.id)
        if verdict is None or verdict.outcome is OutcomeKind.DEFERRED:
            break
        outcome: OutcomeKind = verdict.outcome
        if outcome is OutcomeKind.DUPLICATE:
            outcome = _REMEMBERED.get(verdict.stored, OutcomeKind.APPLIED)
        run.append(Settled(item.id, item.lane, item.sequence, item.type, item.subject, outcome, verdict.problem))
    return run


def _write_outcomes(session: Session, claim: Claim, first: int, settled: Sequence[Settled], now_ms: int) -> None:
    session.execute(
        update(outbox)
        .where(*_between(claim, first, first + len(settled) - 1))
        .values(outcome=OutcomeKind.APPLIED.value, settled_at=now_ms)
    )
    exceptions = [
        {"its_position": first + offset, "verdict": message.outcome.value, "why": _text(message.problem)}
        for offset, message in enumerate(settled)
        if message.outcome is not OutcomeKind.APPLIED
    ]
    if exceptions:
        session.connection().execute(
            update(outbox)
            .where(
                outbox.c.connection_id == claim.connection_id,
                outbox.c.channel == claim.channel,
                outbox.c.position == bindparam("its_position"),
            )
            .values(outcome=bindparam("verdict"), problem=bindparam("why")),
            exceptions,
        )


def _move(session: Session, row: Row[Any], claim: Claim, *, settled_position: int, due_at: int, grow: bool) -> None:
    """Write the channel after a settlement; another owner's lease stays as it is."""
    values: dict[str, Any] = {"settled_position": settled_position}
    if settled_position == row.next_position - 1:
        values.update(due_at=None, lease_token=None)
    elif row.lease_token == claim.lease_token:
        values.update(due_at=due_at, lease_token=None)
    if grow and row.batch_limit is not None:
        doubled = channels.c.batch_limit * 2
        values["batch_limit"] = case((doubled < MESSAGES_PER_REQUEST, doubled), else_=None)
    session.execute(update(channels).where(_is(claim)).values(values))


def _is(row: Row[Any] | Claim) -> Any:
    return (channels.c.connection_id == row.connection_id) & (channels.c.channel == row.channel)


def _between(row: Row[Any] | Claim, first: int, last: int) -> tuple[Any, ...]:
    return (
        outbox.c.connection_id == row.connection_id,
        outbox.c.channel == row.channel,
        outbox.c.position.between(first, last),
    )


def _text(problem: Problem | None) -> str | None:
    return None if problem is None else problem.model_dump_json(exclude_none=True)
