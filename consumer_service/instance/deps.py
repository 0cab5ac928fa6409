"""What requests to this slice depend on."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from consumer_service.context import ContextDep
from consumer_service.instance import service
from consumer_service.instance.domain import Instance, Standing
from consumer_service.instance.service import InstanceHooks
from shared.wire.errors import Unavailable


async def _hooks(request: Request) -> InstanceHooks:
    hooks: InstanceHooks = request.app.state.instance_hooks
    return hooks


InstanceHooksDep = Annotated[InstanceHooks, Depends(_hooks)]
"""What the composition root has registered in ``app.state.instance_hooks``."""


async def _answering(context: ContextDep) -> Instance:
    return await context.database.read(answering, context.settings.data_dir)


AnsweringDep = Annotated[Instance, Depends(_answering)]
"""The record, for endpoints that speak as this instance; `Unavailable` before there is one, and while it is muted."""


def answering(session: Session, data_dir: Path) -> Instance:
    """Return the record if this process may speak as it; raise `Unavailable` otherwise."""
    speaking_epoch(session, data_dir)
    return service.require(session)


def speaking_epoch(session: Session, data_dir: Path) -> int:
    """Return the epoch if this process may speak as the instance; raise `Unavailable` otherwise."""
    standing, epoch = service.standing(session, data_dir)
    if standing is Standing.ABSENT:
        told = service.missing()
        raise Unavailable(told.detail, code=told.code, cause=told.cause, fix=told.fix)
    if standing.muted:
        raise Unavailable(
            "This instance is muted",
            code="instance_muted",
            cause="Its database was copied or restored, and its operator has not yet said which.",
            fix="The operator declares it a copy or a restore; it is tried again by itself.",
        )
    return epoch


async def mark(instance: Instance, data_dir: Path) -> None:
    """Write the marker off the event loop, after the commit that it agrees with."""
    await asyncio.to_thread(service.mark, instance, data_dir)


def milliseconds(now: datetime) -> int:
    """Return an instant in unix milliseconds."""
    return int(now.timestamp() * 1000)
