"""What follows a sending: settle by the peer's verdicts, fail without one, or split a batch that was refused whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random as draw
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.orm import Session

from shared.delivery import aside
from shared.delivery import peers as peer_rows
from shared.delivery.claims import AGAIN, VOID, Claim, ClaimedMessage, ClaimLimits, claim
from shared.delivery.statements import Spelled, insert_many, update_many
from shared.delivery.tables import channels, outbox, settlements
from shared.delivery.voids import SKIPPED
from shared.wire.errors import Conflict, NotFound
from shared.wire.messages import Outcome
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind
from shared.wire.version import MESSAGES_PER_REQUEST

UNANSWERED_PAUSE_MS: Final = 5_000
"""Rest of a channel whose peer left the next message without a verdict."""

_REMEMBERED: Final[Mapping[OutcomeKind | None, OutcomeKind]] = {
    OutcomeKind.REJECTED: OutcomeKind.REJECTED,
    OutcomeKind.HELD: OutcomeKind.HELD,
}
"""First outcomes a duplicate may point to besides applied, which also stands for one no longer remembered."""


_UNDECIDED: Final = frozenset({OutcomeKind.HELD, OutcomeKind.DEFERRED})
"""Words that settle nothing: a late verdict is none of them."""


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

    Only the messages before the first one left without a verdict are settled; those deferred are set aside, to be
    brought back later. Safe under a lapsed lease: what another owner settled is left alone.
    """
    row = _locked(session, claim)
    verdicts = {outcome.id: outcome for outcome in outcomes}
    fresh = [item for item in claim.items if item.position > row.settled_position]
    run = _leading_run(fresh, verdicts)
    settled = [message for message in run if message.outcome is not OutcomeKind.DEFERRED]
    _write_outcomes(session, claim, fresh, run, late=row.lease_token != claim.lease_token)
    if settled:
        _write_settlement(session, claim, fresh[len(run) - 1].position, len(settled), now_ms)
    stopped = len(run) < len(fresh)
    due_at = now_ms + UNANSWERED_PAUSE_MS if stopped else now_ms
    _move(session, row, claim, settled_position=row.settled_position + len(run), due_at=due_at, grow=not stopped)
    aside.note(session, row, len(run) - len(settled), progress=_progress(fresh, run), now_ms=now_ms)
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
    """Write the late verdict on a held message (an ``outcome`` message); None if nothing waits for it."""
    if outcome in _UNDECIDED:
        return None
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
    aside.hurry(session, connection_id)
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


def refuse(
    session: Session, claim: Claim, problem: Problem, now_ms: int, *, random: Callable[[], float] = draw
) -> None:
    """The peer found the batch as a whole too large or malformed: halve it until one message stands alone.

    That one goes out again as a ``void``, which the peer consumes in its place. A void refused too proves that the
    message was not at fault: it stands there again, and the peer backs off. A lapsed lease changes nothing.
    """
    row = _locked(session, claim)
    if row.lease_token != claim.lease_token:
        return
    first = claim.items[0]
    if len(claim.items) > 1:
        _release(session, claim, due_at=now_ms, batch_limit=len(claim.items) // 2)
    elif first.mark != VOID:
        _mark(session, claim, VOID, problem)
        _release(session, claim, due_at=now_ms)
    else:
        if _problem(first.cause).code != SKIPPED:
            _mark(session, claim, None, None)
        fail(session, claim, problem, now_ms, random=random)


def skip(session: Session, connection_id: str, message_id: str, problem: Problem, now_ms: int) -> None:
    """Withdraw a message that has no verdict yet: a ``void`` goes out in its place.

    A lease that lapsed is taken back: whoever held it may have died of this very message. Raises `NotFound`
    (``not_queued``) and, while the message is on its way, `Conflict` (``message_in_flight``).
    """
    place = and_(channels.c.connection_id == outbox.c.connection_id, channels.c.channel == outbox.c.channel)
    row = session.execute(
        select(channels, outbox.c.position, outbox.c.outcome)
        .join(outbox, place)
        .where(outbox.c.connection_id == connection_id, outbox.c.id == message_id)
        .with_for_update(of=channels)
    ).one_or_none()
    deferred = row is not None and row.outcome == OutcomeKind.DEFERRED.value
    if row is None or (row.position <= row.settled_position and not deferred):
        raise NotFound("No such message waits to be sent", code="not_queued")
    if row.lease_token is not None and row.due_at > now_ms and not deferred:
        raise Conflict(
            "The message is on its way",
            code="message_in_flight",
            cause="It was handed out for sending and its verdict has not come back yet.",
            fix="Look at it again in a minute; if it still waits, skip it then.",
        )
    mark = row.outcome if deferred else VOID
    session.execute(update(outbox).where(outbox.c.id == message_id).values(outcome=mark, problem=_text(problem)))
    if deferred:
        aside.hurry(session, connection_id)
    elif row.lease_token is not None:
        taken_back = {"connection_id": connection_id, "channel": row.channel, "lease_token": None}
        update_many(session, channels, ("connection_id", "channel"), [taken_back])


def _locked(session: Session, claim: Claim) -> Row[Any]:
    return _LOCK.run(session, connection=claim.connection_id, its_channel=claim.channel).one()


def _leading_run(items: Sequence[ClaimedMessage], verdicts: Mapping[str, Outcome]) -> list[Settled]:
    run = []
    for item in items:
        verdict = verdicts.get(item.id)
        if verdict is None:
            break
        outcome: OutcomeKind = verdict.outcome
        if outcome is OutcomeKind.DUPLICATE:
            outcome = _REMEMBERED.get(verdict.stored, OutcomeKind.APPLIED)
        problem = _why(item, verdict) if outcome is not OutcomeKind.APPLIED else None
        run.append(Settled(item.id, item.lane, item.sequence, item.type, item.subject, outcome, problem))
    return run


def _why(item: ClaimedMessage, verdict: Outcome) -> Problem | None:
    """Return the problem to keep: of a void that was consumed, what the message itself had met."""
    if verdict.outcome is OutcomeKind.DEFERRED:
        return _problem(item.cause) if item.mark == VOID else None
    voided = item.mark == VOID and (verdict.problem is None or verdict.problem.code == "voided")
    return _problem(item.cause) if voided else verdict.problem


def _progress(items: Sequence[ClaimedMessage], run: Sequence[Settled]) -> bool:
    """Tell whether a message that had been set aside got in."""
    return any(
        item.mark == AGAIN and message.outcome is not OutcomeKind.DEFERRED
        for item, message in zip(items, run, strict=False)
    )


def _write_settlement(session: Session, claim: Claim, last_position: int, count: int, now_ms: int) -> None:
    batch = {
        "connection_id": claim.connection_id,
        "channel": claim.channel,
        "last_position": last_position,
        "messages": count,
        "settled_at": now_ms,
    }
    insert_many(session, settlements, [batch])


def _write_outcomes(
    session: Session, claim: Claim, items: Sequence[ClaimedMessage], run: Sequence[Settled], *, late: bool
) -> None:
    """Write the exceptions. Marked messages are some, and all of a late settlement: they may have been marked since."""
    exceptions = [
        {
            "connection_id": claim.connection_id,
            "channel": claim.channel,
            "position": item.position,
            "outcome": None if message.outcome is OutcomeKind.APPLIED else message.outcome.value,
            "problem": _text(message.problem),
        }
        for item, message in zip(items, run, strict=False)
        if message.outcome is not OutcomeKind.APPLIED or item.mark or late
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
    _MOVE.run(session, connection=claim.connection_id, its_channel=claim.channel, **values)


def _release(session: Session, claim: Claim, **values: int) -> None:
    session.execute(
        update(channels)
        .where(channels.c.connection_id == claim.connection_id, channels.c.channel == claim.channel)
        .values(lease_token=None, **values)
    )


def _mark(session: Session, claim: Claim, mark: str | None, problem: Problem | None) -> None:
    session.execute(update(outbox).where(outbox.c.id == claim.items[0].id).values(outcome=mark, problem=_text(problem)))


def _text(problem: Problem | None) -> str | None:
    return None if problem is None else problem.model_dump_json(exclude_none=True)


def _problem(text: str | None) -> Problem:
    return Problem.model_validate_json(text or "{}")


_THIS_CHANNEL = and_(
    channels.c.connection_id == bindparam("connection"), channels.c.channel == bindparam("its_channel")
)
_LOCK = Spelled(select(channels).where(_THIS_CHANNEL).with_for_update())
_MOVE = Spelled(
    update(channels)
    .where(_THIS_CHANNEL)
    .values(
        settled_position=bindparam("position"),
        due_at=bindparam("due"),
        lease_token=bindparam("token"),
        batch_limit=bindparam("batch"),
    )
)
