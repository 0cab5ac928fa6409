"""Databases of tests: tables made anew as one script, and statements that need a database without guests."""

import importlib
import time
from typing import Any

import psycopg
from sqlalchemy import Connection, event, inspect, text

from shared.delivery.tables import delivery_metadata
from shared.runtime import migrations
from shared.runtime.database import Database
from tests.patience import PATIENCE_SECONDS

_scripts: dict[tuple[str, str], str] = {}
"""Engine and package to all statements that make the tables and their triggers."""

_migrated: dict[str, str] = {}
"""Package to all statements that bring an empty SQLite database to where its migrations bring it."""


def alone(server: psycopg.Connection, statement: str) -> None:
    """Copy or drop databases. PostgreSQL waits 5 s for those who leave them; a busy machine may take longer."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.execute(statement.encode())
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > end:
                raise
        else:
            return


def somebody_waits(url: str) -> None:
    """Return once a transaction waits for a lock of another; the server looks for deadlocks a second later."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(PATIENCE_SECONDS * 100):
            if connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,):
                return
            connection.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")


def lay_tables(database: Database, package: str) -> None:
    """Create every table of ``provider_service`` or ``consumer_service``, unless another fixture already did."""
    with database.maintenance() as connection:
        if inspect(connection).has_table("audit_entries"):
            return
        kind = (connection.dialect.name, package)
        if kind in _scripts:
            _send(connection, _scripts[kind])
        else:
            _scripts[kind] = ";\n".join(_created(connection, package))


def migrate(database: Database, package: str) -> None:
    """Bring a database to the newest revision; an empty one of SQLite by what the migrations made of the first."""
    fresh = False
    if database.engine_name == "sqlite":
        with database.maintenance() as connection:
            fresh = not inspect(connection).has_table("alembic_version")
            if fresh and package in _migrated:
                _send(connection, _migrated[package])
                return
    migrations.upgrade(database, importlib.import_module(f"{package}.cli").MIGRATIONS)
    if fresh:
        with database.maintenance() as connection:
            _migrated[package] = ";\n".join(_dumped(connection))


def _dumped(connection: Connection) -> list[str]:
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    tables = {
        name: connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in inspect(connection).get_table_names()
    }
    assert {name for name, rows in tables.items() if rows} == {"alembic_version"}, "a migration writes rows: copy them"
    # Tables first, as they came; then what stands on them.
    ours = "sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    found = connection.scalars(text(f"SELECT sql FROM sqlite_master WHERE {ours} ORDER BY type <> 'table', rowid"))
    return [*found, f"INSERT INTO alembic_version VALUES ('{revision}')"]


def _created(connection: Connection, package: str) -> list[str]:
    importlib.import_module(f"{package}.app")  # brings every slice, and with them every table
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    importlib.import_module(f"{package}.base").Base.metadata.create_all(connection, checkfirst=False)
    delivery_metadata.create_all(connection, checkfirst=False)
    event.remove(connection, "before_cursor_execute", note)
    return statements


def _send(connection: Connection, script: str) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.executescript(f"BEGIN;\n{script};\nCOMMIT")
    else:
        driver.execute(script)
