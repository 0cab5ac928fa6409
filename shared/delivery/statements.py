"""The few statements the two engines spell differently, and the quick way to write many rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Result
from sqlalchemy.orm import Session

WAKE_CHANNEL = "service_exchange_delivery"
"""Name under which PostgreSQL tells workers that something is due (NOTIFY; the payload is the connection)."""


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


def insert_many(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns.

    Like `update_many` it hands the values to the driver as they are, which leaves out SQLAlchemy's work for each
    parameter: it costs more than the database's own. Values must be what drivers take natively: texts, integers,
    booleans, None.
    """
    if not rows:
        return
    names = tuple(rows[0])
    mark = "%s" if is_postgresql(session) else "?"
    places = ", ".join([mark] * len(names))
    _run_for_each(session, f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})", names, rows)  # noqa: S608


def update_many(session: Session, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows by ``keys``; every other member of a row is a column to set, the same ones in all of them."""
    if not rows:
        return
    values = [name for name in rows[0] if name not in keys]
    names = (*values, *keys)
    if is_postgresql(session):
        changes = ", ".join(f"{name} = given.{name}" for name in values)
        match = " AND ".join(f"{table.name}.{name} = given.{name}" for name in keys)
        given = f"{_arrays(table, names)} AS given({', '.join(names)})"
        _run_once(session, f"UPDATE {table.name} SET {changes} FROM {given} WHERE {match}", names, rows)  # noqa: S608
    else:
        changes = ", ".join(f"{name} = ?" for name in values)
        match = " AND ".join(f"{name} = ?" for name in keys)
        _run_for_each(session, f"UPDATE {table.name} SET {changes} WHERE {match}", names, rows)  # noqa: S608


def _arrays(table: Table, names: Sequence[str]) -> str:
    """Spell the rows as one array a column, so that PostgreSQL plans and answers once for all of them."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return f"unnest({', '.join(f'%s::{table.c[name].type.compile(dialect)}[]' for name in names)})"


def _run_once(session: Session, text: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    session.connection().exec_driver_sql(text, tuple([row[name] for row in rows] for name in names))


def _run_for_each(session: Session, text: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    session.connection().exec_driver_sql(text, [tuple(map(row.__getitem__, names)) for row in rows])
