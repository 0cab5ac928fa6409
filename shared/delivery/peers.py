"""Whom we exchange with: made, paused, resumed, closed, and what is known of reaching them."""

from collections.abc import Callable

from sqlalchemy import and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from shared.delivery import retry
from shared.delivery.quotas import EXCEEDED
from shared.delivery.statements import Spelled, insert_one_missing
from shared.delivery.tables import channels, peers
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode
from shared.wire.version import BYTES_PER_REQUEST

FRESHNESS_MS = 1_000
"""Times of contact are kept to this precision, so that a busy peer's row is not written by every batch."""

_REACHED = Spelled(
    select(
        peers.c.failures, peers.c.next_attempt_at, peers.c.last_contact_at, peers.c.last_exchange_at, peers.c.problem
    ).where(peers.c.connection_id == bindparam("connection"))
)
_ANSWERED = Spelled(
    update(peers).where(peers.c.connection_id == bindparam("connection")).values(last_exchange_at=bindparam("now_ms"))
)
_CHANNELS = {"postgresql": 4, "sqlite": 2}
"""Channels of a connection by engine: while one waits for its verdicts, the others go on."""


def register(session: Session, connection_id: str, mode: DeliveryMode, *, channel_count: int | None = None) -> None:
    """Make room for a connection; a known one gets its mode changed and keeps everything else.

    ``channel_count`` is fixed for ever, as it decides where a lane's messages stand.
    """
    count = channel_count or _CHANNELS[session.get_bind().dialect.name]
    row = {"connection_id": connection_id, "mode": mode.value, "channel_count": count}
    if insert_one_missing(session, peers, row):
        session.execute(
            insert(channels), [{"connection_id": connection_id, "channel": number} for number in range(count)]
        )
    else:
        session.execute(update(peers).where(peers.c.connection_id == connection_id).values(mode=mode.value))


def limit(session: Session, connection_id: str, body_limit: int) -> None:
    """Note how many octets the peer takes in one request; more than ours are never sent."""
    values = {"body_limit": min(body_limit, BYTES_PER_REQUEST)}
    session.execute(update(peers).where(peers.c.connection_id == connection_id).values(values))


def pause(session: Session, connection_id: str) -> None:
    """Stop claiming for this peer; messages go on to queue."""
    session.execute(update(peers).where(peers.c.connection_id == connection_id).values(paused=True))


def resume(session: Session, connection_id: str) -> None:
    """Claim for this peer again."""
    session.execute(update(peers).where(peers.c.connection_id == connection_id).values(paused=False))


def close(session: Session, connection_id: str, problem: Problem | None = None) -> None:
    """Stop for good: nothing is claimed or queued any more, nothing is deleted."""
    text = problem.model_dump_json(exclude_none=True) if problem else None
    session.execute(update(peers).where(peers.c.connection_id == connection_id).values(closed=True, problem=text))


def reopen(session: Session, connection_id: str) -> None:
    """Take back a close, for a connection that was re-keyed or closed by mistake."""
    session.execute(update(peers).where(peers.c.connection_id == connection_id).values(closed=False, problem=None))


def contact(session: Session, connection_id: str, now_ms: int, *, sending: bool = False) -> bool:
    """Note that the peer reached us, authenticated; tell whether that ended a back-off and woke its lanes.

    A peer that asked us to wait because a quota is used up is there already: it gets its time. While it is ``sending``
    and we cannot reach it, it is tried once in `FRESHNESS_MS`, not at its every batch.
    """
    mine = peers.c.connection_id == connection_id
    peer = _REACHED.run(session, connection=connection_id).one_or_none()
    if peer is None:
        return False
    stale = (peer.last_contact_at or 0) <= now_ms - FRESHNESS_MS
    waking = bool(peer.failures) and (stale or not sending) and not _quota_used_up(peer.problem)
    if waking:
        wake(session, connection_id, now_ms)
    if waking or stale:
        session.execute(update(peers).where(mine).values(last_contact_at=now_ms))
    return waking


def _quota_used_up(problem: str | None) -> bool:
    return problem is not None and Problem.model_validate_json(problem).code == EXCEEDED


def wake(session: Session, connection_id: str, now_ms: int) -> None:
    """End the peer's back-off: everything that waits and is not in flight is due then, or before."""
    waiting = and_(
        channels.c.connection_id == connection_id, channels.c.due_at > now_ms, channels.c.lease_token.is_(None)
    )
    # Channels before the peer, and in order: whoever locks both does it in this order.
    session.execute(select(channels.c.channel).where(waiting).order_by(channels.c.channel).with_for_update()).all()
    session.execute(update(channels).where(waiting).values(due_at=now_ms))
    session.execute(
        update(peers).where(peers.c.connection_id == connection_id).values(failures=0, next_attempt_at=0, problem=None)
    )


def note_exchange(session: Session, connection_id: str, now_ms: int) -> None:
    """The peer answered: its failures are over, also those that other channels have met.

    Those are tried after `FRESHNESS_MS`, so that a batch which always fails is not sent again with every one that does
    not. A quota that is used up is no failure until its time is over.
    """
    peer = _REACHED.run(session, connection=connection_id).one()
    if peer.failures and (peer.next_attempt_at <= now_ms or not _quota_used_up(peer.problem)):
        wake(session, connection_id, now_ms + FRESHNESS_MS)
    if (peer.last_exchange_at or 0) <= now_ms - FRESHNESS_MS:
        _ANSWERED.run(session, connection=connection_id, now_ms=now_ms)


def note_failure(
    session: Session,
    connection_id: str,
    problem: Problem,
    now_ms: int,
    *,
    retry_after_s: float | None,
    random: Callable[[], float],
) -> int:
    """Count a failure and return when to try again; failures of batches already in flight count once."""
    mine = peers.c.connection_id == connection_id
    peer = session.execute(select(peers.c.failures, peers.c.next_attempt_at).where(mine).with_for_update()).one()
    if peer.next_attempt_at > now_ms and retry_after_s is None:
        return int(peer.next_attempt_at)
    failures = peer.failures + 1
    due_at = now_ms + retry.pause_ms(failures, random=random, retry_after_s=retry_after_s)
    session.execute(
        update(peers)
        .where(mine)
        .values(failures=failures, next_attempt_at=due_at, problem=problem.model_dump_json(exclude_none=True))
    )
    return due_at
