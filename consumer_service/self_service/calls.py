"""Calls to providers about requests for access, made by the worker, and by whoever wants to know now."""

import structlog

from consumer_service.connections.calls import call_over, line_to
from consumer_service.connections.calls.sending import Line, problem_of
from consumer_service.context import Context
from consumer_service.self_service import service
from consumer_service.self_service.service import AccessRequest, Errand
from shared.transport.client import Reply
from shared.transport.inbound import parsed
from shared.wire.errors import ExchangeError
from shared.wire.self_service import RELAY_PATH, RelayedStatus

_log = structlog.get_logger("self_service")


async def go_on(context: Context, request_id: str) -> AccessRequest:
    """Hand a request over, or ask how it stands, and return it as it is then; what fails is tried again later.

    Raises `NotFound`.
    """
    errand = await context.database.read(service.errand, request_id)
    if errand is not None:
        await _run(context, errand)
    return await context.database.read(service.get, request_id)


async def go_on_due(context: Context) -> int:
    """Make the calls that are due, one after the other; return how many those were."""
    errands = await context.database.write(service.claim_due, now=context.clock())
    for errand in errands:
        await _run(context, errand)
    return len(errands)


async def _run(context: Context, errand: Errand) -> None:
    try:
        line = await line_to(context, errand.connection_id)
        reply = await _call(context, line, errand)
        status = parsed(RelayedStatus, reply.body)
        await context.database.write(service.told, errand.request_id, status, now=context.clock())
    except ExchangeError as error:
        _log.warning("access_request_not_told", request=errand.request_id, code=error.code, detail=error.detail)
        await context.database.write(service.not_told, errand.request_id, problem_of(error), now=context.clock())


async def _call(context: Context, line: Line, errand: Errand) -> Reply:
    if errand.peer_request_id is None:
        return await call_over(context, line, RELAY_PATH, errand.body, errand.key)
    return await context.peers.call(
        issuer=line.peer.peer_issuer,
        method="GET",
        path=f"{RELAY_PATH}/{errand.peer_request_id}",
        body=None,
        key=line.key,
        connection_id=line.peer.id,
        idempotency_key=None,
        peer_keys=line.peer_keys,
    )
