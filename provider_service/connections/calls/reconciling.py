"""Comparing marks with peers after a restore, page by page (docs/protocol.md, section 11); run by the worker."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from provider_service.connections import service
from provider_service.connections.calls.sending import call_over, line_to, problem_of
from provider_service.connections.service import NO_HOOKS, ConnectionHooks
from provider_service.context import Context
from shared.delivery.inbox import Handler
from shared.transport.inbound import parsed
from shared.wire.connection import Gone, Marks
from shared.wire.errors import ExchangeError
from shared.wire.identifiers import new_id

MARKS_PATH: Final = "/exchange/v1/marks"

OVER: Final = "marks_unasked"
"""The peer has ended the comparison already: it had heard our last word, and we had not heard its answer."""

_log = structlog.get_logger("connections")


async def reconciles_due(context: Context, handlers: Mapping[str, Handler], hooks: ConnectionHooks = NO_HOOKS) -> int:
    """Compare marks with the peers that are due; return how many those were."""
    due = await context.database.write(service.claim_reconciles, now=context.clock())
    for connection_id in due:
        try:
            await _compare(context, connection_id, handlers, hooks)
        except ExchangeError as error:
            if problem_of(error).code == OVER:
                await context.database.write(service.reconciled, connection_id=connection_id, now=context.clock())
                continue
            _log.warning("marks_not_compared", connection=connection_id, code=error.code, detail=error.detail)
            await context.database.write(
                service.reconcile_failed, connection_id=connection_id, problem=problem_of(error), now=context.clock()
            )
    return len(due)


async def _compare(
    context: Context, connection_id: str, handlers: Mapping[str, Handler], hooks: ConnectionHooks
) -> None:
    """Walk through the lanes of both sides; whatever a crash leaves undone is done by the next walk."""
    after: str | None = ""
    gone: Sequence[Gone] = ()
    while after is not None:
        page = await context.database.read(service.marks_page, connection_id=connection_id, after=after)
        answer = await _tell(context, connection_id, page.model_copy(update={"gone": list(gone)}))
        gone = await context.database.write(
            service.take_marks,
            connection_id=connection_id,
            ours=page,
            theirs=answer,
            handlers=handlers,
            hooks=hooks,
            now=context.clock(),
        )
        after = answer.upto
    await _tell(context, connection_id, Marks(epoch=page.epoch, gone=list(gone), done=True))
    await context.database.write(service.reconciled, connection_id=connection_id, now=context.clock())


async def _tell(context: Context, connection_id: str, marks: Marks) -> Marks:
    line = await line_to(context, connection_id)
    reply = await call_over(context, line, MARKS_PATH, marks, f"marks-{new_id()}")
    return parsed(Marks, reply.body)
