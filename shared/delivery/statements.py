"""The few statements the two engines spell differently, and the quick way to write many rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

WAKE_CHANNEL = "service_exchange_delivery"
"""Name under which PostgreSQL tells workers that something is due (NOTIFY; the payload is the connection)."""

_compiled: dict[tuple[UpdateBase, str], SQLCompiler] = {}


def is_postgresql(session: Session) -> bool:
    """Tell whether many processes share the database, so that rows have to be locked."""
    return session.get_bind().dialect.name == "postgresql"


def insert_missing(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; the count is exact for a single row."""
    dialect = postgresql if is_postgresql(session) else sqlite
    result = session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
    return result.rowcount if isinstance(result, CursorResult) else 0


def write_many(session: Session, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run ``statement``, made once at import, for every row, handing the rows to the driver as they are.

    That leaves out SQLAlchemy's work for each parameter, which costs more than the database's own. Values must be what
    drivers take natively: texts, integers, booleans, None.
    """
    if not rows:
        return
    connection = session.connection()
    compiled = _compile(statement, connection.dialect, rows[0])
    names = compiled.positiontup
    parameters = [tuple(row[name] for name in names) for row in rows] if names else [dict(row) for row in rows]
    connection.exec_driver_sql(compiled.string, parameters)


def _compile(statement: UpdateBase, dialect: Dialect, row: Mapping[str, Any]) -> SQLCompiler:
    key = (statement, dialect.name)
    if key not in _compiled:
        compiled = statement.compile(dialect=dialect, column_keys=list(row) if statement.is_insert else None)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - statements that write always compile to one
        _compiled[key] = compiled
    return _compiled[key]
