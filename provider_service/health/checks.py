"""Running checks: each bounded in time, and none able to break the run."""

import asyncio
import logging
from collections.abc import Collection, Sequence

from provider_service.checks import Check, Finding, Subject
from provider_service.context import Context
from provider_service.health import service
from provider_service.health.domain import CHECK_SECONDS, CheckRegistry, Issue, Result
from shared.wire.errors import ExchangeError

_log = logging.getLogger(__name__)


async def run_checks(
    context: Context, checks: Sequence[Check], subject: Subject, *, seconds: float = CHECK_SECONDS
) -> list[Result]:
    """Run ``checks`` side by side, each for at most ``seconds``; one that crashes or dawdles is a finding itself."""
    return list(await asyncio.gather(*(_run(context, check, subject, seconds) for check in checks)))


async def validate(
    context: Context, registry: CheckRegistry, subject: Subject, *, seconds: float = CHECK_SECONDS
) -> list[Issue]:
    """Run every check of ``subject`` and keep what they find; return its unresolved issues."""
    checks = registry.of(subject)
    await context.database.write(service.begin_run, subject=subject, checks=checks, now=context.clock())
    results = await run_checks(context, checks, subject, seconds=seconds)
    return await context.database.write(service.store_findings, subject=subject, results=results, now=context.clock())


async def validate_due(
    context: Context, registry: CheckRegistry, *, types: Collection[str] | None = None
) -> list[Subject]:
    """Look again at every subject that is due, of some ``types`` or of all; return them.

    The worker calls it on a timer and whenever `service.CHANNEL` is notified.
    """
    subjects = await context.database.read(service.due_subjects, context.clock(), types=types)
    for subject in subjects:
        await validate(context, registry, subject)
    return subjects


async def _run(context: Context, check: Check, subject: Subject, seconds: float) -> Result:
    try:
        async with asyncio.timeout(seconds):
            return Result(check, tuple(await check.run(context, subject)))
    except TimeoutError:
        return Result(check, (_dawdled(seconds),))
    except Exception as error:  # noqa: BLE001 - a crash is what this check has found
        _log.warning("check_crashed", extra={"check": check.id, "cause": type(error).__name__}, exc_info=error)
        return Result(check, (_crashed(error),))


def _dawdled(seconds: float) -> Finding:
    return Finding(
        f"The check did not finish within {seconds:g} seconds",
        "What it asks, a network or a database, does not answer.",
        "It is run again by itself; if it lasts, look at the log of this service.",
        item="check",
    )


def _crashed(error: Exception) -> Finding:
    known = isinstance(error, ExchangeError)
    return Finding(
        f"The check could not be carried out: {error.detail if isinstance(error, ExchangeError) else 'it crashed'}",
        (error.cause if isinstance(error, ExchangeError) else "") or f"{type(error).__name__} was raised.",
        (error.fix if isinstance(error, ExchangeError) else "")
        or ("It is run again by itself." if known else "Look at the log of this service and report it."),
        item="check",
    )
