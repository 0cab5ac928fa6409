"""What the operator and the heartbeat want to know of a connection, read without touching the hot path."""

import hashlib
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from shared.delivery.tables import channels, inbox, lanes_in, outbox, peers, settlements
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from shared.wire.version import GIVE_UP_DAYS

DAY_MS: Final = 86_400_000

_HEAD = and_(
    outbox.c.connection_id == channels.c.connection_id,
    outbox.c.channel == channels.c.channel,
    outbox.c.position == channels.c.settled_position + 1,
)
"""The oldest unsettled message of a channel."""

_aside = outbox.alias()
_OLDEST_SET_ASIDE = (
    select(func.min(_aside.c.id))
    .where(
        _aside.c.connection_id == channels.c.connection_id,
        _aside.c.channel == channels.c.channel,
        _aside.c.outcome == OutcomeKind.DEFERRED.value,
    )
    .correlate(channels)
    .scalar_subquery()
)
"""The oldest message of a channel that the peer had no room for; ids sort by time."""

_QUEUED = channels.c.next_position - 1 - channels.c.settled_position + channels.c.set_aside


@dataclass(frozen=True, slots=True)
class Figures:
    """One connection's deliveries at a glance; times in unix ms, None for never."""

    queued: int
    oldest_unsent_at: int | None
    sent_in_24_h: int
    received_in_24_h: int
    held: int
    quarantined: int
    failures: int
    next_attempt_at: int
    paused: bool
    closed: bool
    last_contact_at: int | None
    last_exchange_at: int | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A channel whose oldest message is undelivered for too long."""

    connection_id: str
    channel: int
    message_id: str
    lane: str
    created_at: int
    queued: int


_AGE = attrgetter("created_at")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A received message that could not be applied."""

    message_id: str
    lane: str
    sequence: int
    type: str
    received_at: int
    problem: Problem


def depth(session: Session, connection_id: str) -> int:
    """Return how many messages wait to be sent."""
    waiting = func.coalesce(func.sum(_QUEUED), 0)
    return int(session.execute(select(waiting).where(channels.c.connection_id == connection_id)).scalar_one())


def figures(session: Session, connection_id: str, now_ms: int) -> Figures | None:
    """Return the figures of a connection, None where it was never registered."""
    peer = session.execute(select(peers).where(peers.c.connection_id == connection_id)).one_or_none()
    if peer is None:
        return None
    since = now_ms - DAY_MS
    return Figures(
        queued=depth(session, connection_id),
        oldest_unsent_at=_oldest_unsent(session, connection_id),
        sent_in_24_h=_sum(
            session,
            settlements.c.messages,
            settlements.c.connection_id == connection_id,
            settlements.c.settled_at > since,
        ),
        received_in_24_h=_count(session, inbox, inbox.c.connection_id == connection_id, inbox.c.received_at > since),
        held=int(
            session.execute(
                select(func.coalesce(func.sum(lanes_in.c.held), 0)).where(
                    lanes_in.c.connection_id == connection_id, lanes_in.c.held > 0
                )
            ).scalar_one()
        ),
        quarantined=_count(
            session, lanes_in, lanes_in.c.connection_id == connection_id, lanes_in.c.held > 0, lanes_in.c.blocked
        ),
        failures=peer.failures,
        next_attempt_at=peer.next_attempt_at,
        paused=peer.paused,
        closed=peer.closed,
        last_contact_at=peer.last_contact_at,
        last_exchange_at=peer.last_exchange_at,
        problem=_problem(peer.problem),
    )


def needs_attention(session: Session, now_ms: int, *, connection_id: str | None = None) -> list[Overdue]:
    """List the channels whose oldest message is undelivered for 14 days. They are tried on; nothing is dropped."""
    late = outbox.c.created_at <= now_ms - GIVE_UP_DAYS * DAY_MS
    asked = [channels.c.connection_id == connection_id] if connection_id is not None else []
    columns = (
        channels.c.connection_id, channels.c.channel, outbox.c.id, outbox.c.lane, outbox.c.created_at, _QUEUED
    )  # fmt: skip
    heads = select(*columns).join(outbox, _HEAD).where(channels.c.due_at.isnot(None), late, *asked)
    aside = (
        select(*columns)
        .select_from(channels)
        .join(outbox, outbox.c.id == _OLDEST_SET_ASIDE)
        .where(channels.c.set_aside > 0, late, *asked)
    )
    found: dict[tuple[str, int], Overdue] = {}
    for overdue in sorted((Overdue(*row) for row in session.execute(heads.union_all(aside))), key=_AGE):
        found.setdefault((overdue.connection_id, overdue.channel), overdue)
    return list(found.values())


def unclaimed(session: Session, before_ms: int) -> int:
    """Count the channels that have been due to be sent since before then and that nobody has taken up.

    Peers that are paused, closed, backed off, or fetch by themselves are not waited for by any sender.
    """
    sendable = and_(
        peers.c.connection_id == channels.c.connection_id,
        peers.c.mode == DeliveryMode.PUSH.value,
        peers.c.paused.is_(False),
        peers.c.closed.is_(False),
        peers.c.next_attempt_at <= before_ms,
    )
    query = select(func.count()).select_from(channels).join(peers, sendable).where(channels.c.due_at <= before_ms)
    return int(session.execute(query).scalar_one())


def _oldest_unsent(session: Session, connection_id: str) -> int | None:
    mine = channels.c.connection_id == connection_id
    oldest = [
        session.execute(
            select(func.min(outbox.c.created_at)).select_from(outbox).join(channels, place).where(mine)
        ).scalar_one()
        for place in (_HEAD, and_(outbox.c.id == _OLDEST_SET_ASIDE, channels.c.set_aside > 0))
    ]
    return min((at for at in oldest if at is not None), default=None)


def quarantine(session: Session, connection_id: str) -> list[Quarantined]:
    """List the messages an operator has to replay or skip, one a lane at most."""
    rows = session.execute(
        select(inbox.c.id, inbox.c.lane, inbox.c.sequence, inbox.c.type, inbox.c.received_at, inbox.c.problem)
        .join(
            lanes_in,
            and_(
                lanes_in.c.connection_id == inbox.c.connection_id,
                lanes_in.c.lane == inbox.c.lane,
                inbox.c.sequence == lanes_in.c.applied_sequence + 1,
            ),
        )
        .where(lanes_in.c.connection_id == connection_id, lanes_in.c.held > 0, lanes_in.c.blocked)
        .order_by(inbox.c.received_at, inbox.c.lane)
    )
    return [Quarantined(*row[:5], Problem.model_validate_json(row.problem)) for row in rows]


def marks(session: Session, connection_id: str) -> dict[str, int | str]:
    """Return the high-water marks for heartbeats: messages given a sequence, messages consumed, and a digest of both.

    They only ever grow, but for a restore from a backup: a peer that remembers higher ones has met another history.
    """
    sent = session.execute(
        select(func.coalesce(func.sum(channels.c.next_position - 1 - channels.c.moved), 0)).where(
            channels.c.connection_id == connection_id
        )
    ).scalar_one()
    received = session.execute(
        select(func.coalesce(func.sum(lanes_in.c.applied_sequence), 0)).where(lanes_in.c.connection_id == connection_id)
    ).scalar_one()
    digest = hashlib.sha256(f"sent={sent} received={received}".encode()).hexdigest()
    return {"sent": int(sent), "received": int(received), "digest": digest}


def _count(session: Session, table: Any, *conditions: Any) -> int:
    return int(session.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _sum(session: Session, column: Any, *conditions: Any) -> int:
    return int(session.execute(select(func.coalesce(func.sum(column), 0)).where(*conditions)).scalar_one())


def _problem(text: str | None) -> Problem | None:
    return None if text is None else Problem.model_validate_json(text)
