"""What ``doctor`` looks at before any service runs: each finding says what was found and what to do."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from shared.runtime import migrations
from shared.runtime.database import Database
from shared.runtime.marker import read_marker
from shared.runtime.master_keys import load_master_keys
from shared.runtime.settings import ServiceSettings
from shared.wire.errors import ExchangeError

FREE_BYTES = 256 * 1024 * 1024
"""Free space below which the data directory's disk counts as full."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its outcome."""

    check: str
    passed: bool
    found: str
    fix: str = ""


async def examine(settings: ServiceSettings, database: Database, folder: Path, *, program: str) -> list[Finding]:
    """Run every check; none raises."""
    return [
        Finding("Settings", passed=True, found=f"{settings.environment}, {settings.issuer or 'no issuer'}"),
        await _database(database),
        _schema(database, folder, program),
        _keys(settings),
        _disk(settings.data_dir),
        _marker(settings.data_dir),
    ]


async def _database(database: Database) -> Finding:
    try:
        return Finding("Database", passed=True, found=await database.ping())
    except ExchangeError as error:
        return _fault("Database", error)


def _schema(database: Database, folder: Path, program: str) -> Finding:
    try:
        migrations.require_head(database, folder, program=program)
    except ExchangeError as error:
        return _fault("Schema", error)
    return Finding("Schema", passed=True, found=f"at revision {migrations.head_of(folder)}")


def _keys(settings: ServiceSettings) -> Finding:
    try:
        names = [name for name, _ in load_master_keys(settings)]
    except ExchangeError as error:
        return _fault("Master key", error)
    return Finding("Master key", passed=True, found=", ".join(names))


def _disk(data_dir: Path) -> Finding:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        return Finding("Disk", passed=False, found=str(error), fix="Make the data directory writable")
    found = f"{free // 1024**2} MiB free at {data_dir}"
    return Finding("Disk", passed=free >= FREE_BYTES, found=found, fix="" if free >= FREE_BYTES else "Free some space")


def _marker(data_dir: Path) -> Finding:
    try:
        marker = read_marker(data_dir)
    except ExchangeError as error:
        return _fault("Marker", error)
    found = "none yet" if marker is None else f"instance {marker.instance_id}, epoch {marker.epoch}"
    return Finding("Marker", passed=True, found=found)


def _fault(check: str, error: ExchangeError) -> Finding:
    found = f"{error.detail}: {error.cause}" if error.cause else error.detail
    return Finding(check, passed=False, found=found, fix=error.fix)
