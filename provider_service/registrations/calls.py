"""The pre-onboarding scan as the worker runs it: checks outside any transaction, their findings decide inside one."""

import asyncio

from provider_service.checks import THIS_INSTANCE, Subject
from provider_service.context import Context
from provider_service.health.checks import validate
from provider_service.health.domain import CheckRegistry
from provider_service.registrations import service


async def scan_due(context: Context, registry: CheckRegistry) -> list[str]:
    """Scan every task whose scan is due and let the findings decide; return their numbers."""
    numbers = await context.database.write(service.claim_scans, now=context.clock())
    if numbers:
        await validate(context, registry, THIS_INSTANCE)
        await asyncio.gather(*(_scan(context, registry, number) for number in numbers))
    return numbers


async def _scan(context: Context, registry: CheckRegistry, number: str) -> None:
    await validate(context, registry, Subject(service.SUBJECT, number))
    await context.database.write(service.conclude_scan, number=number, masters=context.masters, now=context.clock())
