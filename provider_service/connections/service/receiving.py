"""Batches in, and batches out to peers that fetch them (docs/protocol.md, sections 8 and 9)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from provider_service.audit.domain import Actor
from provider_service.connections import domain, store
from provider_service.connections.domain import Snapshot
from provider_service.connections.domain.histories import Parted, words
from provider_service.connections.service.lifecycle import get, milliseconds, noted
from provider_service.connections.service.pinning import adopt_epoch, note_contact
from provider_service.connections.tables import Connection
from shared.delivery import inbox, outbox
from shared.delivery.claims import Claim
from shared.delivery.inbox import Handler, SettledLater
from shared.delivery.loop import OnSettled
from shared.delivery.quotas import NewLanes
from shared.delivery.voids import SKIPPED
from shared.runtime.database import notify
from shared.wire.errors import Conflict, Invalid, NotFound
from shared.wire.messages import Message, Outcome, OutcomeData, Settlement
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState, DeliveryMode, MessageType
from shared.wire.version import PULL_LEASE_SECONDS


class Party(NamedTuple):
    """Whom a connection is with, as far as what came over it is written down."""

    instance_id: str
    name: str
    company_id: str


def party(session: Session, connection_id: str) -> Party:
    """Return whom the connection is with; raise `NotFound`."""
    row = store.party(session, connection_id)
    if row is None:
        raise NotFound("There is no such connection", code="connection_unknown")
    return Party._make(row)


def receive(
    session: Session,
    *,
    peer: Snapshot,
    epoch: int,
    history: str = "",
    messages: Sequence[Message],
    handlers: Mapping[str, Handler],
    now: datetime,
    new_lanes: NewLanes | None = None,
) -> list[Outcome]:
    """Judge and apply a batch and return its verdicts; raise `Conflict` (code ``epoch_old``), or `Parted`."""
    require_word(peer, epoch, history)
    if epoch != peer.peer_epoch:
        adopt_epoch(session, peer.id, epoch, now)
    received = inbox.receive(
        session,
        connection_id=peer.id,
        messages=messages,
        handlers=handlers,
        now_ms=milliseconds(now),
        new_lanes=new_lanes,
    )
    tell_late(session, peer.id, received.settled_later, now)
    # Last, as everywhere: lanes, then records, then channels, then the peer's row (docs/adr/0003, *Locks*).
    note_contact(session, peer.id, now, sending=True)
    return received.outcomes


def require_word(peer: Snapshot, epoch: int, history: str) -> None:
    """Raise `Parted` for a word of this epoch that is none of the last ones; who has none yet carries none."""
    known = words(peer.peer_histories)
    if epoch == peer.peer_epoch and history and known and history not in known:
        raise Parted


def tell_late(session: Session, connection_id: str, verdicts: Sequence[SettledLater], now: datetime) -> None:
    """Queue the verdicts on messages that had been answered ``held``."""
    drafts = [
        outbox.Draft(
            domain.CONTROL_LANE,
            MessageType.OUTCOME,
            "",
            OutcomeData(id=late.message_id, outcome=late.outcome, problem=late.problem).model_dump_json(
                exclude_none=True
            ),
        )
        for late in verdicts
    ]
    if drafts:
        outbox.enqueue_many(session, connection_id=connection_id, drafts=drafts, now_ms=milliseconds(now))
        notify(session, "worker")


def lease(session: Session, *, peer: Snapshot, now: datetime) -> Claim | None:
    """Lease the next batch to a peer that fetches; None while there is nothing."""
    return outbox.claim(
        session,
        now_ms=milliseconds(now),
        lease_ms=PULL_LEASE_SECONDS * 1000,
        connection_id=peer.id,
        mode=DeliveryMode.PULL,
    )


def settle_lease(
    session: Session, *, peer: Snapshot, settlement: Settlement, on_settled: OnSettled, now: datetime
) -> None:
    """Take the peer's verdicts on a batch it fetched.

    Raises `Conflict` (``lease_unknown``, ``epoch_old``), or `Parted`.
    """
    now_ms = milliseconds(now)
    require_word(peer, settlement.epoch, settlement.history)
    if settlement.epoch != peer.peer_epoch:
        adopt_epoch(session, peer.id, settlement.epoch, now)
    claim = outbox.leased(session, peer.id, settlement.lease)
    lapses_at = store.lease_lapses_at(session, peer.id, settlement.lease)
    if claim is None or lapses_at is None or lapses_at <= now_ms:
        raise Conflict(
            "No batch is leased under this name",
            code="lease_unknown",
            cause=f"It was settled before, or its {PULL_LEASE_SECONDS} seconds are over.",
            fix="Fetch again; what was applied already is answered as a duplicate.",
        )
    claim = claim.answered(settlement.outcomes)  # more may have been queued since the batch was given out
    settled = outbox.settle(session, claim, settlement.outcomes, now_ms)
    if settled:
        on_settled(session, peer.id, settled, now_ms)


def replay(
    session: Session,
    *,
    connection_id: str,
    message_id: str,
    handlers: Mapping[str, Handler],
    actor: Actor,
    now: datetime,
) -> None:
    """Try a quarantined message again, and what waits behind it; raise `NotFound` (code ``not_quarantined``)."""
    row = get(session, connection_id)
    late = inbox.replay(session, connection_id, message_id, handlers, milliseconds(now))
    _tell(session, row, late, now)
    noted(session, row, "message.replayed", actor, now, after={"message": message_id, "settled": len(late)})


def skip(
    session: Session,
    *,
    connection_id: str,
    message_id: str,
    reason: str,
    handlers: Mapping[str, Handler],
    actor: Actor,
    now: datetime,
) -> None:
    """Reject a quarantined message for an operator, or withdraw one of ours that waits to be sent.

    Raises `NotFound` (``not_quarantined``, ``not_queued``) and `Conflict` (``message_in_flight``).
    """
    row = get(session, connection_id)
    refusal = Invalid(
        reason or "The receiver's operator skipped it", code=SKIPPED, cause="It could not be applied here."
    )
    try:
        late = inbox.skip(
            session,
            connection_id,
            message_id,
            problem=Problem.from_error(refusal, 422),
            handlers=handlers,
            now_ms=milliseconds(now),
        )
        _tell(session, row, late, now)
    except NotFound:
        if not store.sends(session, connection_id, message_id):
            raise
        withdrawn = Invalid(reason or "The sender's operator skipped it", code=SKIPPED)
        outbox.skip(session, connection_id, message_id, Problem.from_error(withdrawn, 422), milliseconds(now))
        notify(session, "worker")
    noted(session, row, "message.skipped", actor, now, after={"message": message_id, "reason": reason})


def _tell(session: Session, row: Connection, late: Sequence[SettledLater], now: datetime) -> None:
    if ConnectionState(row.state) is not ConnectionState.CLOSED:
        tell_late(session, row.id, late, now)
