"""What follows a sending: settle by the peer's verdicts, fail without one, or split a batch that was refused whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random as draw
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from shared.delivery import peers as peer_rows
from shared.delivery.claims import Claim, ClaimedMessage, ClaimLimits, claim
from shared.delivery.statements import update_many
from shared.delivery.tables import channels, outbox, settlements
from shared.wire.messages import Outcome
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind
from shared.wire.version import MESSAGES_PER_REQUEST

DEFERRED_PAUSE_MS: Final = 5_000
"""Rest of a channel whose peer had no room for the next message."""

_REMEMBERED: Final[Mapping[OutcomeKind | None, OutcomeKind]] = {
    OutcomeKind.REJECTED: OutcomeKind.REJECTED,
    OutcomeKind.HELD: OutcomeKind.HELD,
}
"""First outcomes a duplicate may point to besides applied, which also stands for one no longer remembered."""


class Settled(NamedTuple):
    """What became of a sent message; ``duplicate`` is already resolved to the outcome of the first time."""

    id: str
    lane: str
    sequence: int
    type: str
    subject: str
    outcome: OutcomeKind
    problem: Problem | None


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
        _write_outcomes(session, claim, fresh, settled, now_ms)
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
    session: Session,
    connection_id: str,
    message_id: str,
    outcome: OutcomeKind,
    *,
    problem: Problem | None,
) -> Settled | None:
    """Write the late verdict on a held message (an ``outcome`` message); None if it is not waiting for one."""
    row = session.execute(
        update(outbox)
        .where(
            outbox.c.id == message_id,
            outbox.c.connection_id == connection_id,
            outbox.c.outcome == OutcomeKind.HELD.value,
        )
        .values(outcome=outcome.value, problem=_text(problem))
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
    _release(session, claim, due_at=due_at)
    session.execute(
        update(outbox)
        .where(
            outbox.c.connection_id == claim.connection_id,
            outbox.c.channel == claim.channel,
            outbox.c.position.between(claim.first_position, claim.last_position),
        )
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
        _release(session, claim, due_at=now_ms, batch_limit=len(claim.items) // 2)
        peer_rows.note_exchange(session, claim.connection_id, now_ms)
    return []


def _locked(session: Session, claim: Claim) -> Row[Any]:
    return session.execute(_LOCK, {"connection": claim.connection_id, "its_channel": claim.channel}).one()


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


def _write_outcomes(
    session: Session, claim: Claim, items: Sequence[ClaimedMessage], settled: Sequence[Settled], now_ms: int
) -> None:
    count = len(settled)
    batch = {
        "connection_id": claim.connection_id,
        "channel": claim.channel,
        "last_position": items[count - 1].position,
        "messages": count,
        "settled_at": now_ms,
    }
    session.execute(insert(settlements), batch)
    exceptions = [
        {
            "connection_id": claim.connection_id,
            "channel": claim.channel,
            "position": item.position,
            "outcome": message.outcome.value,
            "problem": _text(message.problem),
        }
        for item, message in zip(items, settled, strict=False)
        if message.outcome is not OutcomeKind.APPLIED
    ]
    update_many(session, outbox, ("connection_id", "channel", "position"), exceptions)


def _move(session: Session, row: Row[Any], claim: Claim, *, settled_position: int, due_at: int, grow: bool) -> None:
    """Write the channel after a settlement; another owner's lease stays as it is."""
    values = {"position": settled_position, "due": row.due_at, "token": row.lease_token, "batch": row.batch_limit}
    if settled_position == row.next_position - 1:
        values.update(due=None, token=None)
    elif row.lease_token == claim.lease_token:
        values.update(due=due_at, token=None)
    if grow and row.batch_limit is not None:
        values["batch"] = row.batch_limit * 2 if row.batch_limit * 2 < MESSAGES_PER_REQUEST else None
    session.execute(_MOVE, {"connection": claim.connection_id, "its_channel": claim.channel, **values})


def _release(session: Session, claim: Claim, **values: int) -> None:
    session.execute(
        update(channels)
        .where(channels.c.connection_id == claim.connection_id, channels.c.channel == claim.channel)
        .values(lease_token=None, **values)
    )


def _text(problem: Problem | None) -> str | None:
    return None if problem is None else problem.model_dump_json(exclude_none=True)


_THIS_CHANNEL = and_(
    channels.c.connection_id == bindparam("connection"), channels.c.channel == bindparam("its_channel")
)
_LOCK = select(channels).where(_THIS_CHANNEL).with_for_update()
_MOVE = (
    update(channels)
    .where(_THIS_CHANNEL)
    .values(
        settled_position=bindparam("position"),
        due_at=bindparam("due"),
        lease_token=bindparam("token"),
        batch_limit=bindparam("batch"),
    )
)
