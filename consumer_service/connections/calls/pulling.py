"""Fetching from providers, for a consumer that cannot be called (docs/protocol.md, section 9); run by the worker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from consumer_service.connections import domain, service, store
from consumer_service.connections.calls.sending import MESSAGES_PATH, Line, call_over, line_to
from consumer_service.connections.domain import Snapshot
from consumer_service.connections.service import NO_HOOKS, ConnectionHooks
from consumer_service.context import Context
from shared.delivery.inbox import Handler
from shared.transport.errors import RefusedByPeer
from shared.transport.inbound import parsed
from shared.wire.errors import ExchangeError
from shared.wire.messages import Outcome, PulledBatch, Settlement
from shared.wire.states import ConnectionState, DeliveryMode
from shared.wire.version import PULL_WAIT_SECONDS

MARGIN_SECONDS: Final = 10.0
"""What the network may take beyond the wait."""

LOOK_SECONDS: Final = 5.0
"""How often new connections are looked for although nobody said that there is one."""

FETCHING: Final = (ConnectionState.CONNECTING, ConnectionState.ACTIVE)
"""States in which messages are fetched; a paused connection leaves them where they are."""

_log = structlog.get_logger("connections")


async def pull(
    context: Context,
    connection_id: str,
    handlers: Mapping[str, Handler],
    *,
    hooks: ConnectionHooks = NO_HOOKS,
    wait: int = PULL_WAIT_SECONDS,
) -> int:
    """Fetch one batch, apply it and tell the verdicts; return how many messages it had.

    ``wait``: seconds the provider may hold the call while it has nothing. A batch whose verdicts do not arrive is given
    out again and answered as duplicates. Raises what keeps the provider from being asked.
    """
    line = await line_to(context, connection_id)
    try:
        wait = min(wait, line.limits.pull_wait_seconds)
        batch = await _fetch(context, line, wait)
        if not batch.messages or batch.lease is None:
            return 0
        now_ms = round(context.clock().timestamp() * 1000)
        new_lanes = context.quotas.new_lanes(connection_id, now_ms)
        outcomes = await context.database.write(
            _receive, line.peer, batch, handlers=handlers, now=context.clock(), new_lanes=new_lanes
        )
        if outcomes is None:
            return 0
        context.quotas.made(connection_id, new_lanes, now_ms)
        # Anew: while the provider kept us waiting, heartbeats have changed the word of our history.
        await _settle(context, await line_to(context, connection_id), batch.lease, outcomes)
    except RefusedByPeer as refusal:
        if refusal.problem.code == "connection_closed":
            reason = "The provider says that the connection is closed"
            await context.database.write(
                service.closed_by_peer, connection_id=connection_id, reason=reason, now=context.clock(), hooks=hooks
            )
        raise
    return len(batch.messages)


async def pull_forever(
    context: Context, handlers: Mapping[str, Handler], stop: asyncio.Event, hooks: ConnectionHooks = NO_HOOKS
) -> None:
    """Keep fetching from every provider that does not call us, side by side, until ``stop`` is set."""
    running: dict[str, asyncio.Task[None]] = {}
    woken = asyncio.Event()
    end: Callable[[], None] = context.database.listen("worker", woken.set)
    try:
        while not stop.is_set():
            for connection_id in await _fetched(context):
                known = running.get(connection_id)
                if known is None or known.done():
                    running[connection_id] = asyncio.create_task(_keep_pulling(context, connection_id, handlers, hooks))
            await _first_of(stop, woken, LOOK_SECONDS)
            woken.clear()
    finally:
        end()
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def _keep_pulling(
    context: Context, connection_id: str, handlers: Mapping[str, Handler], hooks: ConnectionHooks
) -> None:
    """Fetch until the connection ends; after a failure, by the schedule of retries."""
    failures = 0
    while connection_id in await _fetched(context):
        try:
            await pull(context, connection_id, handlers, hooks=hooks)
            failures = 0
        except ExchangeError as error:
            failures += 1
            pause = domain.retry(min(failures, 4)).total_seconds()
            _log.warning("not_fetched", connection=connection_id, code=error.code, detail=error.detail, pause_s=pause)
            await asyncio.sleep(pause if error.retry_after is None else min(error.retry_after, 3600))


async def _fetched(context: Context) -> list[str]:
    try:
        rows = await context.database.read(store.in_states, FETCHING)
    except ExchangeError as error:
        _log.warning("connections_not_read", code=error.code, detail=error.detail)
        return []
    return [row.id for row in rows if row.delivery == DeliveryMode.PULL]


async def _fetch(context: Context, line: Line, wait: int) -> PulledBatch:
    reply = await context.peers.call(
        issuer=line.peer.peer_issuer,
        method="GET",
        path=MESSAGES_PATH,
        query=f"wait={wait}",
        body=None,
        key=line.key,
        connection_id=line.peer.id,
        idempotency_key=None,
        peer_keys=line.peer_keys,
        timeout=wait + MARGIN_SECONDS,
    )
    return parsed(PulledBatch, reply.body)


def _receive(session: Session, /, peer: Snapshot, batch: PulledBatch, **more: Any) -> list[Outcome] | None:
    """Apply a batch; leave it to its lease where nothing may cross any more since the provider was asked for it."""
    if ConnectionState(service.get(session, peer.id).state) not in FETCHING:
        return None
    return service.receive(session, peer=peer, epoch=batch.epoch, messages=batch.messages, **more)


async def _settle(context: Context, line: Line, lease: str, outcomes: Sequence[Outcome]) -> None:
    """Tell the verdicts; a lease that lapsed meanwhile is given out again, and answered as duplicates."""
    settlement: BaseModel = Settlement(epoch=line.epoch, history=line.history, lease=lease, outcomes=list(outcomes))
    body = settlement.model_dump_json(exclude_none=True).encode()
    try:
        await call_over(context, line, "/exchange/v1/outcomes", body, None)
    except RefusedByPeer as refusal:
        if refusal.problem.code != "lease_unknown":
            raise


async def _first_of(stop: asyncio.Event, woken: asyncio.Event, seconds: float) -> None:
    """Return when either is set, or when the time is over."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(woken.wait())]
    with suppress(TimeoutError):
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
