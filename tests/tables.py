"""Lay a service's tables into an empty database of a test: composed once a test process, then sent as one script."""

import importlib
from typing import Any

from sqlalchemy import Connection, event, inspect

from shared.delivery.tables import delivery_metadata
from shared.runtime.database import Database

_scripts: dict[tuple[str, str], str] = {}
"""Engine and package to all statements that make the tables and their triggers."""


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
