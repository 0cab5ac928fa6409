"""Databases of tests: a service's tables as one script, and statements that need a database without guests."""

import importlib
import time
from typing import Any

import psycopg
from sqlalchemy import Connection, event, inspect

from shared.delivery.tables import delivery_metadata
from shared.runtime.database import Database
from tests.patience import PATIENCE_SECONDS

_scripts: dict[tuple[str, str], str] = {}
"""Engine and package to all statements that make the tables and their triggers."""


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
