"""The endpoints of an established connection (docs/protocol.md, sections 8, 9 and 11)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from provider_service.connections import domain, service
from provider_service.connections.deps import (
    ConnectionHooksDep,
    HandlersDep,
    OnSettledDep,
    VerifiedPeer,
    VerifiedPeerDep,
    answered_once,
)
from provider_service.connections.domain import CONTROL_LANE
from provider_service.connections.domain.histories import Parted
from provider_service.context import Context, ContextDep
from shared.delivery import figures
from shared.delivery.claims import Claim
from shared.delivery.statements import WAKE_CHANNEL
from shared.transport.conventions import known_parameters
from shared.transport.inbound import parsed, parsed_once
from shared.transport.openapi import signed_body
from shared.wire.connection import Closed, Goodbye, Heartbeat, KeysAcknowledged, KeysNotice, Marks
from shared.wire.errors import ExchangeError
from shared.wire.messages import Batch, Outcomes, PulledBatch, Settlement
from shared.wire.version import JSON_TYPE, PULL_WAIT_SECONDS

router = APIRouter(prefix="/exchange/v1", tags=["exchange"], dependencies=[Depends(known_parameters)])

LOOK_SECONDS: Final = 1.0
"""How often a waiting peer's queue is looked at although nobody said that something was queued."""

_MESSAGE = {
    "id": "0192f0c4-0000-7000-8000-000000000001",
    "lane": CONTROL_LANE,
    "sequence": 1,
    "type": "settings",
    "time": "2026-11-01T10:00:00.000Z",
    "subject": "",
    "data": {},
}
_MARKS = {
    "epoch": 2,
    "after": "",
    "upto": None,
    "lanes": [{"lane": CONTROL_LANE, "sent": 2, "received": 1, "known": 1}],
}


@router.post(
    "/messages",
    response_model=Outcomes,
    openapi_extra=signed_body(Batch, example={"epoch": 1, "messages": [_MESSAGE]}),
)
async def receive_messages(peer: VerifiedPeerDep, context: ContextDep, handlers: HandlersDep) -> Response:
    """Judge a batch; the verdicts are true once the answer is there."""
    domain.require_unpaused(peer.connection)
    batch = parsed_once(Batch, peer.request.body)
    now = context.clock()
    quotas, now_ms = context.quotas, round(now.timestamp() * 1000)
    quotas.messages(peer.connection.id, len(batch.messages), now_ms)
    new_lanes = quotas.new_lanes(peer.connection.id, now_ms)

    def work(session: Session) -> str:
        peer.remember(session)
        outcomes = service.receive(
            session,
            peer=peer.connection,
            epoch=batch.epoch,
            history=batch.history,
            messages=batch.messages,
            handlers=handlers,
            now=now,
            new_lanes=new_lanes,
        )
        return Outcomes(epoch=peer.epoch, outcomes=outcomes).model_dump_json(exclude_none=True)

    async with _of_one_history(context, peer, history=batch.history):
        answer = await context.database.write(work)
    quotas.made(peer.connection.id, new_lanes, now_ms)
    return Response(answer, media_type=JSON_TYPE)


@router.get("/messages", response_model=PulledBatch)
async def fetch_messages(
    peer: VerifiedPeerDep,
    context: ContextDep,
    wait: Annotated[int, Query(ge=0, le=PULL_WAIT_SECONDS, description="Seconds to wait for something to come.")] = 0,
) -> Response:
    """Lease the next batch to a peer that is never called, waiting for one if need be."""
    domain.require_unpaused(peer.connection)
    claim = await _claimed(context, peer, wait)
    lease = "null" if claim is None else f'"{claim.lease_token}"'
    messages = "" if claim is None else ",".join(item.body for item in claim.items)
    body = f'{{"epoch":{peer.epoch},"lease":{lease},"messages":[{messages}]}}'
    return Response(body, media_type=JSON_TYPE)


@router.post("/outcomes", response_model=Outcomes, openapi_extra=signed_body(Settlement))
async def settle_messages(peer: VerifiedPeerDep, context: ContextDep, on_settled: OnSettledDep) -> Outcomes:
    """Take the verdicts on a batch that was fetched."""
    settlement = parsed(Settlement, peer.request.body)
    now = context.clock()

    def work(session: Session) -> None:
        peer.remember(session)
        service.settle_lease(session, peer=peer.connection, settlement=settlement, on_settled=on_settled, now=now)

    async with _of_one_history(context, peer, history=settlement.history):
        await context.database.write(work)
    return Outcomes(epoch=peer.epoch, outcomes=[])


@router.post("/heartbeat", response_model=Heartbeat, openapi_extra=signed_body(Heartbeat))
async def exchange_heartbeats(peer: VerifiedPeerDep, context: ContextDep) -> Response:
    """Take the peer's heartbeat and answer with ours."""
    beat = parsed(Heartbeat, peer.request.body)

    def work(session: Session, now: datetime) -> Heartbeat:
        return service.answer_beat(session, connection_id=peer.connection.id, beat=beat, now=now)

    told = {"history": beat.history, "previous": beat.previous, "number": beat.number}
    async with _of_one_history(context, peer, **told):
        return await answered_once(context, peer, work)


@router.post("/marks", response_model=Marks, openapi_extra=signed_body(Marks, example=_MARKS))
async def compare_marks(
    peer: VerifiedPeerDep, context: ContextDep, handlers: HandlersDep, hooks: ConnectionHooksDep
) -> Response:
    """Compare how far the lanes have come, after one of the two sides was restored."""
    marks = parsed(Marks, peer.request.body)

    def work(session: Session, now: datetime) -> Marks:
        return service.answer_marks(
            session, connection_id=peer.connection.id, asked=marks, handlers=handlers, hooks=hooks, now=now
        )

    return await answered_once(context, peer, work)


@router.post("/keys", response_model=KeysAcknowledged, openapi_extra=signed_body(KeysNotice))
async def pin_keys(peer: VerifiedPeerDep, context: ContextDep) -> Response:
    """Pin the peer's newer key set and say which one is pinned now."""
    notice = parsed(KeysNotice, peer.request.body)

    def work(session: Session, now: datetime) -> KeysAcknowledged:
        row = service.get(session, peer.connection.id, lock=True)
        key_set = service.adopt_key_set(session, row, notice.key_set, now)
        return KeysAcknowledged(sequence=key_set.sequence)

    return await answered_once(context, peer, work)


@router.post("/goodbye", response_model=Closed, openapi_extra=signed_body(Goodbye, example={"reason": "Moved"}))
async def end_connection(peer: VerifiedPeerDep, context: ContextDep, hooks: ConnectionHooksDep) -> Response:
    """The peer ends the connection; nothing is deleted."""
    goodbye = parsed(Goodbye, peer.request.body)

    def work(session: Session, now: datetime) -> Closed:
        service.closed_by_peer(session, connection_id=peer.connection.id, reason=goodbye.reason, now=now, hooks=hooks)
        return Closed(connection_id=peer.connection.id)

    return await answered_once(context, peer, work)


@asynccontextmanager
async def _of_one_history(context: Context, peer: VerifiedPeer, **told: Any) -> AsyncIterator[None]:
    """Undo the call of another history of the peer, and refuse it; that it came is written down instead."""
    try:
        yield
    except Parted as parted:
        now = context.clock()

        def work(session: Session) -> ExchangeError:
            peer.remember(session)
            return service.contest(session, connection_id=peer.connection.id, **told, now=now)

        raise await context.database.write(work) from parted


async def _claimed(context: Context, peer: VerifiedPeer, wait: int) -> Claim | None:
    """Return the next batch as soon as there is one, None when the wait is over."""
    deadline = asyncio.get_running_loop().time() + wait
    queued = asyncio.Event()
    ends = [context.database.listen(channel, queued.set) for channel in ("worker", WAKE_CHANNEL)]
    try:
        claim = await context.database.write(_first, peer, context.clock())
        while claim is None and (left := deadline - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_SECONDS)):  # wait_for may swallow the cancellation
                    await queued.wait()
            queued.clear()
            if await context.database.read(figures.depth, peer.connection.id):
                claim = await context.database.write(service.lease, peer=peer.connection, now=context.clock())
        return claim
    finally:
        for end in ends:
            end()


def _first(session: Session, peer: VerifiedPeer, now: datetime) -> Claim | None:
    peer.remember(session)
    service.note_contact(session, peer.connection.id, now)
    return service.lease(session, peer=peer.connection, now=now)
