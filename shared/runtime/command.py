"""The operator's command line, the same on both services: serve, worker, migrate, doctor, backup, restore.

A service describes itself in a `Program`, gets a Typer application back and adds its own commands (users, keys).
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import MetaData
from starlette.types import ASGIApp

from shared.runtime import archive, doctor, migrations
from shared.runtime.database import Database
from shared.runtime.logging import configure_logging
from shared.runtime.marker import read_marker, remove_marker
from shared.runtime.server import server
from shared.runtime.settings import ServiceSettings, load
from shared.runtime.signals import stop_event
from shared.wire.errors import ExchangeError
from shared.wire.version import SOFTWARE_VERSION


@dataclass(frozen=True, slots=True)
class Program:
    """What the command line has to know of a service."""

    name: str
    settings_class: type[ServiceSettings]
    migrations: Path
    """Folder that holds ``versions/``."""
    metadatas: Callable[[], Sequence[MetaData]]
    """Every table of the service, imported when asked for, so that ``--help`` stays quick."""
    make_app: Callable[[Any], ASGIApp]
    """Builds the HTTP application from the settings; its lifespan opens and closes what it needs."""
    make_worker: Callable[[Any], Callable[[asyncio.Event], Awaitable[None]]]
    """Builds from the settings what delivers until the event is set, then stops gracefully."""
    checks: Callable[[Any, Database], Awaitable[Sequence[doctor.Finding]]] | None = None
    """Further findings for ``doctor``."""


def make_cli(program: Program) -> typer.Typer:
    """Return the service's command line; run it with `run`."""
    cli = typer.Typer(name=program.name, no_args_is_help=True, pretty_exceptions_enable=False, help="")
    _add_processes(cli, program)
    _add_upkeep(cli, program)
    return cli


def run(cli: typer.Typer) -> None:
    """Run a command line; what our own errors say is shown as they say it, with exit status 1."""
    try:
        cli()
    except ExchangeError as error:
        console = Console(stderr=True, highlight=False, markup=False)
        console.print(f"{error}")
        if error.cause:
            console.print(f"Why: {error.cause}")
        if error.fix:
            console.print(f"What to do: {error.fix}")
        sys.exit(1)


@contextmanager
def opened(settings: ServiceSettings) -> Iterator[Database]:
    """Give the database of a command, closed at its end."""
    database = Database(settings.database_url.get_secret_value())
    try:
        yield database
    finally:
        database.close()


def _start(program: Program, *, migrate: bool) -> ServiceSettings:
    """Begin a long-running process: settings, logs, and the schema where this version needs it."""
    settings = load(program.settings_class)
    configure_logging(level=settings.log_level, form=settings.log_format)
    with opened(settings) as database:
        if migrate:
            migrations.upgrade(database, program.migrations)
        migrations.require_head(database, program.migrations, program=program.name)
    return settings


def _add_processes(cli: typer.Typer, program: Program) -> None:
    @cli.command()
    def serve(
        *, migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database to this version first.")] = False
    ) -> None:
        """Serve HTTP until SIGTERM."""
        with _for_long():
            settings = _start(program, migrate=migrate)
            app = program.make_app(settings)
        server(
            app,
            host=settings.listen_host,
            port=settings.listen_port,
            trusted_proxies=settings.trusted_proxies,
            log_level=settings.log_level,
        ).run()

    @cli.command()
    def worker() -> None:
        """Deliver messages and do scheduled work until SIGTERM."""
        with _for_long():
            deliver = program.make_worker(_start(program, migrate=False))

        async def work() -> None:
            with stop_event() as stop:
                await deliver(stop)

        uvloop.run(work())


@contextmanager
def _for_long() -> Iterator[None]:
    """Keep the garbage collector from what is made for as long as the process lives, then and later.

    Looking through it again and again takes a quarter of the start. Afterwards it looks less often at the rest too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        gc.enable()


def _add_upkeep(cli: typer.Typer, program: Program) -> None:
    console = Console(highlight=False)

    @cli.command()
    def version() -> None:
        """Print the version of this software."""
        console.print(f"{program.name} {SOFTWARE_VERSION}")

    @cli.command()
    def migrate() -> None:
        """Bring the database to this version."""
        with opened(load(program.settings_class)) as database:
            console.print(f"The database is at revision {migrations.upgrade(database, program.migrations)}.")

    @cli.command("doctor")
    def examine() -> None:
        """Check settings, database, keys and disk; say what to do about each fault."""
        settings = load(program.settings_class)
        with opened(settings) as database:
            findings = asyncio.run(_findings(program, settings, database))
        _show(console, findings)
        if any(not finding.passed for finding in findings):
            raise typer.Exit(1)

    @cli.command()
    def backup(file: Annotated[Path, typer.Argument(help="Archive to write, for instance backup.tar.gz")]) -> None:
        """Write a consistent archive beside the running service. Secrets in it stay sealed by the master key."""
        settings = load(program.settings_class)
        with opened(settings) as database:
            about = archive.backup(
                database,
                file,
                program.metadatas(),
                program=program.name,
                now=datetime.now(UTC),
                marker=read_marker(settings.data_dir),
            )
        console.print(f"{file}: {sum(entry.rows for entry in about.tables)} rows in {len(about.tables)} tables.")

    @cli.command()
    def restore(file: Annotated[Path, typer.Argument(help="Archive to read")]) -> None:
        """Fill an empty database from an archive; the instance stays muted until told whether it is a copy."""
        settings = load(program.settings_class)
        with opened(settings) as database:
            migrations.upgrade(database, program.migrations)
            about = archive.restore(database, file, program.metadatas(), program=program.name)
        remove_marker(settings.data_dir)  # in the same directory an older database would agree with it
        console.print(f"Restored {sum(entry.rows for entry in about.tables)} rows, counts and hashes agree.")


async def _findings(program: Program, settings: ServiceSettings, database: Database) -> list[doctor.Finding]:
    findings = await doctor.examine(settings, database, program.migrations, program=program.name)
    if program.checks is not None and all(finding.passed for finding in findings):
        findings.extend(await program.checks(settings, database))
    return findings


def _show(console: Console, findings: Sequence[doctor.Finding]) -> None:
    table = Table("", "Check", "Found", "What to do", box=None)
    for finding in findings:
        table.add_row("ok" if finding.passed else "FAILED", finding.check, finding.found, finding.fix)
    console.print(table)
