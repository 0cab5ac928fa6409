"""What the Health Dashboard asks about the instance as a whole (design: onboarding.md, *Pre-onboarding scan*)."""

import asyncio
import shutil
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from consumer_service.checks import Check, Finding, Subject
from consumer_service.context import Context
from consumer_service.instance import service
from consumer_service.instance.domain import BEAT_SECONDS
from shared.runtime import migrations
from shared.runtime.migrations import SchemaState
from shared.wire.errors import Invalid
from shared.wire.identifiers import canonical_issuer
from shared.wire.states import Severity
from shared.wire.version import SOFTWARE_NAME, SOFTWARE_VERSION

SOFTWARE: Final = f"{SOFTWARE_NAME}/{SOFTWARE_VERSION}"
MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
LOW_BYTES: Final = 1024**3
FULL_BYTES: Final = 256 * 1024**2
"""Free space of the data directory below which it is low, or as good as full."""


async def record_exists(context: Context, subject: Subject) -> list[Finding]:
    """Find a missing record."""
    if await context.database.read(service.get) is not None:
        return []
    return [
        Finding(
            "This instance has no record yet",
            "Nobody has stated its name, type and sender address.",
            "Create the record of this instance.",
        )
    ]


async def address_is_right(context: Context, subject: Subject) -> list[Finding]:
    """Find an address that is missing, not canonical, or not the one of the record."""
    settings = context.settings
    try:
        canonical = canonical_issuer(settings.issuer, allow_loopback_http=settings.environment == "development")
    except Invalid as error:
        return [Finding(error.detail, error.cause, "Set the issuer of this service to the address peers use.")]
    if canonical != settings.issuer:
        return [
            Finding(
                f"The address {settings.issuer} is not in its canonical form",
                "Peers compare addresses letter by letter.",
                f"Set the issuer to {canonical}.",
            )
        ]
    record = await context.database.read(service.get)
    if record is None or record.issuer == canonical:
        return []
    return [
        Finding(
            f"The configured address {canonical} is not that of the record, {record.issuer}",
            "The setting was changed, or this database belongs to another address; signatures would not be accepted.",
            "Set the issuer back, or move the instance by a signed move.",
        )
    ]


async def standing_is_clear(context: Context, subject: Subject) -> list[Finding]:
    """Find a database that was copied or restored without anybody having said so."""
    standing = await context.database.read(service.state, context.settings.data_dir)
    if not standing.muted:
        return []
    return [
        Finding(
            "This instance is muted",
            f"The marker in the data directory does not fit the database ({standing}).",
            "Declare it a copy, or a restore.",
        )
    ]


async def database_is_migrated(context: Context, subject: Subject) -> list[Finding]:
    """Find a database whose tables are not those of this version."""
    state = await asyncio.to_thread(migrations.state, context.database, MIGRATIONS)
    if state is SchemaState.AT_HEAD:
        return []
    return [
        Finding(
            "The database is not at the schema of this version",
            f"Its state is {state}: it was not migrated, or by another version.",
            "Run the migrate command of this version.",
        )
    ]


async def versions_agree(context: Context, subject: Subject) -> list[Finding]:
    """Find workers of another version, and libraries older or newer than required."""
    fresh = [beat for beat in await context.database.read(service.beats) if _alive(context, beat.beat_at)]
    findings = [
        Finding(
            f"The worker {beat.worker} runs {beat.software}, this process {SOFTWARE}",
            "One of them was not restarted after an update.",
            "Restart both with the same version.",
            item=beat.worker,
        )
        for beat in fresh
        if beat.software != SOFTWARE
    ]
    return findings + [_outdated(name, found) for name, found in _unmet()]


async def worker_is_alive(context: Context, subject: Subject) -> list[Finding]:
    """Find that no worker has given a sign of life lately."""
    beats = await context.database.read(service.beats)
    if any(_alive(context, beat.beat_at) for beat in beats):
        return []
    found = (
        f"No worker has given a sign of life for {BEAT_SECONDS} seconds; the last one at {beats[0].beat_at:%H:%M} UTC"
        if beats
        else "No worker has ever given a sign of life"
    )
    return [
        Finding(
            found,
            "The worker is not running, or cannot reach the database.",
            "Start the worker and look at its log.",
        )
    ]


async def disk_has_space(context: Context, subject: Subject) -> list[Finding]:
    """Find a data directory that is filling up."""
    directory = context.settings.data_dir
    free = (await asyncio.to_thread(shutil.disk_usage, directory if directory.exists() else Path.cwd())).free
    if free >= LOW_BYTES:
        return []
    return [
        Finding(
            f"{free // 1024**2} MiB are free where the data directory is",
            "The disk is filling up; without space nothing more is accepted.",
            "Free some space, or give the data directory a larger disk.",
            severity=Severity.ERROR if free < FULL_BYTES else Severity.WARNING,
        )
    ]


def _alive(context: Context, beat_at: datetime) -> bool:
    return context.clock() - beat_at <= timedelta(seconds=BEAT_SECONDS)


def _unmet() -> list[tuple[str, str]]:
    """Return the requirements that are not met and the version found; nothing where the software is not installed."""
    try:
        stated = metadata.requires(SOFTWARE_NAME) or []
    except metadata.PackageNotFoundError:
        return []
    unmet = []
    for requirement in map(Requirement, stated):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found == "missing" or not requirement.specifier.contains(found, prereleases=True):
            unmet.append((str(requirement), found))
    return unmet


def _outdated(requirement: str, found: str) -> Finding:
    return Finding(
        f"{requirement} is required, found: {found}",
        "The environment was not installed from the locked requirements.",
        "Install the locked requirements.",
        item=requirement[:100],
    )


CHECKS: Final = (
    Check("instance.record", "Consumer record exists", Severity.ERROR, "instance", record_exists, ("instance",)),
    Check(
        "instance.address",
        "Own address is set and canonical",
        Severity.ERROR,
        "instance",
        address_is_right,
        ("instance",),
    ),
    Check(
        "instance.standing",
        "Database is where it belongs",
        Severity.ERROR,
        "instance",
        standing_is_clear,
        ("instance",),
    ),
    Check("instance.database", "Database is migrated", Severity.ERROR, "instance", database_is_migrated),
    Check("instance.versions", "Versions agree", Severity.WARNING, "instance", versions_agree),
    Check("instance.worker", "Worker is alive", Severity.ERROR, "instance", worker_is_alive),
    Check("instance.disk", "Disk has space", Severity.ERROR, "instance", disk_has_space),
)
"""Registered by the composition root."""
