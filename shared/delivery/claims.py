"""Leasing the head of a channel to the one who sends it.

A claim is the unsettled head of one channel, in order. Only one claim of a channel is out at a time; a lease that
lapsed may be claimed again, and whoever settles late still moves only forward over what nobody settled before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import Row, bindparam, false, func, literal, select, update
from sqlalchemy.orm import Session

from shared.delivery.statements import Spelled
from shared.delivery.tables import channels, outbox, peers
from shared.delivery.voids import void_text
from shared.wire.messages import Outcome
from shared.wire.states import DeliveryMode
from shared.wire.version import BYTES_PER_REQUEST, MESSAGES_PER_REQUEST

LEASE_MS = 60_000
"""How long a claim is kept for a peer that pulls (docs/protocol.md, section 9), and for anybody who states nothing."""

PUSH_LEASE_MS = 15_000
"""How long a claim is kept for a sender: longer than the 10 s a call may take, short as nothing of the channel is sent
should the sender die. A lease outlived by its call costs a second sending, which the peer answers as duplicates."""

VOID: Final = "void"
"""Mark of an unsettled message that goes out as a ``void`` in its place; its problem says why."""

AGAIN: Final = "again"
"""Mark of an unsettled message that the peer had no room for before."""

ENVELOPE_BYTES = 128
"""Room left in a request for what stands around the messages."""


class ClaimedMessage(NamedTuple):
    """One message of a claim; ``body`` is its finished JSON text."""

    id: str
    lane: str
    sequence: int
    position: int
    body: str
    attempts: int
    type: str
    subject: str
    mark: str | None = None
    """`VOID`, `AGAIN` or None."""
    cause: str | None = None
    """Why it is void: the text of a problem."""


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

    def answered(self, outcomes: Sequence[Outcome]) -> "Claim":
        """Return the claim without what stands behind the last message that has a verdict: that was not sent yet."""
        told = {outcome.id for outcome in outcomes}
        places = [place for place, item in enumerate(self.items) if item.id in told]
        return replace(self, items=self.items[: places[-1] + 1]) if places else self


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """Bounds of one claim: lease in ms, messages, and octets of the bodies with one between each two."""

    lease_ms: int = PUSH_LEASE_MS
    limit: int = MESSAGES_PER_REQUEST
    max_bytes: int = BYTES_PER_REQUEST - ENVELOPE_BYTES


def claim(
    session: Session,
    *,
    now_ms: int,
    lease_ms: int = LEASE_MS,
    limit: int = MESSAGES_PER_REQUEST,
    max_bytes: int = BYTES_PER_REQUEST - ENVELOPE_BYTES,
    connection_id: str | None = None,
    mode: DeliveryMode | str = DeliveryMode.PUSH,
) -> Claim | None:
    """Lease the head of the channel that has been due longest, of any peer or of ``connection_id``; None if none is.

    Paused, closed and backed-off peers are passed over. A single message beyond ``max_bytes`` goes alone.
    """
    wanted = {"now_ms": now_ms, "its_mode": DeliveryMode(mode).value}
    if connection_id is None:
        row = _DUE.run(session, **wanted).one_or_none()
    else:
        row = _DUE_OF_ONE.run(session, **wanted, connection=connection_id).one_or_none()
    if row is None:
        return None
    token = uuid4().hex
    _LEASE.run(session, **_key(row), token=token, lapse=now_ms + lease_ms)
    items = _head(session, row, min(limit, row.batch_limit or limit), max_bytes)
    return Claim(row.connection_id, row.channel, token, row.settled_position + 1, items)


def leased(session: Session, connection_id: str, lease_token: str) -> Claim | None:
    """Return the claim still held under the token, bodies left out; None once it was settled or claimed again.

    For peers that pull: they settle in a later request, by the lease's name.
    """
    row = session.execute(
        select(channels).where(channels.c.connection_id == connection_id, channels.c.lease_token == lease_token)
    ).one_or_none()
    if row is None:
        return None
    first = row.settled_position + 1
    rows = _NAMES.run(session, **_key(row), first=first, last=first + MESSAGES_PER_REQUEST - 1)
    return Claim(connection_id, row.channel, lease_token, first, [ClaimedMessage._make(message) for message in rows])


def release(session: Session, claim: Claim, now_ms: int) -> None:
    """Give the lease back unused, as if it had never been taken."""
    session.execute(
        update(channels)
        .where(
            channels.c.connection_id == claim.connection_id,
            channels.c.channel == claim.channel,
            channels.c.lease_token == claim.lease_token,
        )
        .values(lease_token=None, due_at=now_ms)
    )


def release_all(session: Session, now_ms: int) -> None:
    """Give back every lease of a process that died, when the only process that sends starts again.

    Without it what was in flight would wait for the lapse. Leases of peers that pull are theirs and stay. Should a
    sender be alive after all, its batch goes out twice and is applied once.
    """
    pushed = select(peers.c.connection_id).where(peers.c.mode == DeliveryMode.PUSH.value)
    session.execute(
        update(channels)
        .where(channels.c.lease_token.isnot(None), channels.c.due_at.isnot(None), channels.c.connection_id.in_(pushed))
        .values(lease_token=None, due_at=now_ms)
    )


def _head(session: Session, row: Row[Any], limit: int, max_bytes: int) -> list[ClaimedMessage]:
    """Read the batch; sizes are summed first so that no more bodies are loaded than go out."""
    first = row.settled_position + 1
    bounds = {**_key(row), "first": first, "last": first + limit - 1}
    last = _FITTING.run(session, **bounds, max_bytes=max_bytes).scalar_one()
    rows = _MESSAGES.run(session, **{**bounds, "last": last or first}).all()
    return [_spelled(ClaimedMessage._make(message)) for message in rows]


def _spelled(message: ClaimedMessage) -> ClaimedMessage:
    return message._replace(body=void_text(message.body, message.cause)) if message.mark == VOID else message


def _key(row: Row[Any]) -> dict[str, Any]:
    return {"connection": row.connection_id, "its_channel": row.channel}


_DUE_ANYWHERE = (
    select(channels)
    .join(peers, peers.c.connection_id == channels.c.connection_id)
    .where(
        channels.c.due_at <= bindparam("now_ms"),
        peers.c.mode == bindparam("its_mode"),
        peers.c.paused == false(),
        peers.c.closed == false(),
        peers.c.next_attempt_at <= bindparam("now_ms"),
    )
    .order_by(channels.c.due_at)
    .limit(1)
    .with_for_update(of=channels, skip_locked=True)
)
_DUE = Spelled(_DUE_ANYWHERE)
_DUE_OF_ONE = Spelled(_DUE_ANYWHERE.where(channels.c.connection_id == bindparam("connection")))
_LEASE = Spelled(
    update(channels)
    .where(channels.c.connection_id == bindparam("connection"), channels.c.channel == bindparam("its_channel"))
    .values(lease_token=bindparam("token"), due_at=bindparam("lapse"))
)
_WITHIN = (
    (outbox.c.connection_id == bindparam("connection"))
    & (outbox.c.channel == bindparam("its_channel"))
    & outbox.c.position.between(bindparam("first"), bindparam("last"))
)
_TOTALS = (
    select(outbox.c.position, func.sum(outbox.c.size + 1).over(order_by=outbox.c.position).label("total"))
    .where(_WITHIN)
    .subquery()
)
_FITTING = Spelled(select(func.max(_TOTALS.c.position)).where(_TOTALS.c.total <= bindparam("max_bytes") + 1))
_MESSAGES = Spelled(
    select(
        outbox.c.id,
        outbox.c.lane,
        outbox.c.sequence,
        outbox.c.position,
        outbox.c.body,
        outbox.c.attempts,
        outbox.c.type,
        outbox.c.subject,
        outbox.c.outcome,
        outbox.c.problem,
    )
    .where(_WITHIN)
    .order_by(outbox.c.position)
)
_NAMES = Spelled(
    select(
        outbox.c.id,
        outbox.c.lane,
        outbox.c.sequence,
        outbox.c.position,
        literal(""),
        outbox.c.attempts,
        outbox.c.type,
        outbox.c.subject,
        outbox.c.outcome,
        outbox.c.problem,
    )
    .where(_WITHIN)
    .order_by(outbox.c.position)
)
