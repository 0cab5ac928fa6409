"""The few statements the two engines spell differently, and the quick way to write many rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Dialect, Result
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

WAKE_CHANNEL = "service_exchange_delivery"
"""Name under which PostgreSQL tells workers that something is due (NOTIFY; the payload is the connection)."""

_compiled: dict[tuple[UpdateBase, str], SQLCompiler] = {}


def is_postgresql(session: Session) -> bool:
    """Tell whether many processes share the database, so that rows have to be locked."""
    return session.get_bind().dialect.name == "postgresql"


def insert_missing(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    session.execute(_insert_if_new(session, table), rows)


def insert_one_missing(session: Session, table: Table, row: dict[str, Any]) -> bool:
    """Insert the row unless its key is there already; tell whether it was inserted."""
    # Asked of the row itself: what drivers count for an insert differs.
    statement = _insert_if_new(session, table).returning(literal(1))
    return session.execute(statement, row).scalar_one_or_none() is not None


def affected(result: Result[Any]) -> int:
    """Return how many rows an UPDATE or DELETE wrote."""
    assert isinstance(result, CursorResult)  # noqa: S101 - every statement of this room has a cursor
    return result.rowcount


def _insert_if_new(session: Session, table: Table) -> Insert:
    if is_postgresql(session):
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


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
