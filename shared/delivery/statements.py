"""The few statements the two engines spell differently, and the quick way to run those on the way of every batch.

What SQLAlchemy does anew for each statement it is given (cache key, parameters, types, a result of its own) costs more
than the database's own work. So statements on the hot path are spelled once, and values go to the driver as they are:
texts, integers, booleans, None.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Table, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult, Dialect, Result
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler

_Computed = tuple[tuple[str, ColumnElement[Any]], ...]

WAKE_CHANNEL = "service_exchange_delivery"
"""Name under which PostgreSQL tells workers that something is due (NOTIFY; the payload is the connection)."""


def is_postgresql(session: Session) -> bool:
    """Tell whether many processes share the database, so that rows have to be locked."""
    return session.get_bind().dialect.name == "postgresql"


def insert_one_missing(session: Session, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert the row unless its key is there already; tell whether it was inserted."""
    text = _values_text(session.get_bind().dialect, table, tuple(row), ())
    # Asked of the row itself: what drivers count for an insert differs.
    new = session.connection().exec_driver_sql(f"{text} ON CONFLICT DO NOTHING RETURNING 1", tuple(row.values()))
    return new.first() is not None


def affected(result: Result[Any]) -> int:
    """Return how many rows an UPDATE or DELETE wrote."""
    assert isinstance(result, CursorResult)  # noqa: S101 - every statement of this room has a cursor
    return result.rowcount


class among(ColumnElement[bool]):  # noqa: N801 - reads as the SQL it stands for
    """``column`` is one of the texts of the list parameter ``name``: one spelling, however long the list."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[str], name: str) -> None:
        self.column = column
        self.texts = bindparam(name, type_=ARRAY(Text))

    def self_group(self, against: Any = None) -> "among":
        """Stand as it is: with the ``= 1`` that SQLAlchemy would add, SQLite reads the whole table."""
        return self


@compiles(among, "sqlite")
def _among_on_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in (element.column, bindparam(element.texts.key)))
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608


@compiles(among, "postgresql")
def _among_on_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in (element.column, element.texts))
    return f"{column} = ANY ({texts.replace(')s::', ')b::')})"  # binary, as `_arrays`


class Spelled:
    """A statement written out once for each engine.

    Its answers are what the driver gives: SQLite's booleans are 0 and 1, instants and JSON stay text.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, Sequence[str] | None, Mapping[str, Any]]] = {}

    def run(self, session: Session, **values: Any) -> CursorResult[Any]:
        """Run it with a value for each parameter; a list is one for `among`."""
        session.flush()  # as before any query
        connection = session.connection()
        text, places, constants = self._texts.get(connection.dialect.name) or self._spell(connection.dialect)
        if places is None:
            return connection.exec_driver_sql(text, {**constants, **values})
        given = {**constants, **values}
        return connection.exec_driver_sql(text, tuple(_scalar(given[name]) for name in places))

    def _spell(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, Mapping[str, Any]]:
        compiled = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        spelled = (str(compiled), compiled.positiontup if compiled.positional else None, constants)
        self._texts[dialect.name] = spelled
        return spelled


def _scalar(value: Any) -> Any:
    return json.dumps(value) if type(value) is list else value


def insert_many(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], **computed: ColumnElement[Any]
) -> None:
    """Insert rows that all name the same columns, in their order; ``computed`` columns are the database's to fill."""
    _insert(session, table, rows, tuple(computed.items()))


def insert_missing(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of such rows whose key is not there yet."""
    _insert(session, table, rows, (), " ON CONFLICT DO NOTHING")


def update_many(session: Session, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows by ``keys``; every other member of a row is a column to set, the same ones in all of them."""
    if not rows:
        return
    values = tuple(name for name in rows[0] if name not in keys)
    text = _update_text(session.get_bind().dialect, table, tuple(keys), values)
    (_run_once if is_postgresql(session) else _run_for_each)(session, text, (*values, *keys), rows)


def _insert(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], computed: _Computed, ending: str = ""
) -> None:
    if not rows:
        return
    names = tuple(rows[0])
    text = _insert_text(session.get_bind().dialect, table, names, computed) + ending
    (_run_once if is_postgresql(session) else _run_for_each)(session, text, names, rows)


@lru_cache(maxsize=256)
def _insert_text(dialect: Dialect, table: Table, names: tuple[str, ...], computed: _Computed) -> str:
    if dialect.name != "postgresql":
        return _values_text(dialect, table, names, computed)
    columns = ", ".join(_quoted(dialect, name) for name in (*(name for name, _ in computed), *names))
    extra = "".join(f"{expression.compile(dialect=dialect)}, " for _, expression in computed)
    return f"INSERT INTO {table.name} ({columns}) SELECT {extra}given.* FROM {_arrays(table, names)} AS given"  # noqa: S608


@lru_cache(maxsize=256)
def _values_text(dialect: Dialect, table: Table, names: tuple[str, ...], computed: _Computed) -> str:
    columns = ", ".join(_quoted(dialect, name) for name in (*(name for name, _ in computed), *names))
    mark = "%s" if dialect.name == "postgresql" else "?"
    values = [str(expression.compile(dialect=dialect)) for _, expression in computed] + [mark] * len(names)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join(values)})"  # noqa: S608


@lru_cache(maxsize=256)
def _update_text(dialect: Dialect, table: Table, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    if dialect.name == "postgresql":
        changes = ", ".join(f"{name} = given.{name}" for name in values)
        match = " AND ".join(f"{table.name}.{name} = given.{name}" for name in keys)
        names = (*values, *keys)
        given = f"{_arrays(table, names)} AS given({', '.join(names)})"
        return f"UPDATE {table.name} SET {changes} FROM {given} WHERE {match}"  # noqa: S608
    changes = ", ".join(f"{name} = ?" for name in values)
    return f"UPDATE {table.name} SET {changes} WHERE {' AND '.join(f'{name} = ?' for name in keys)}"  # noqa: S608


def _quoted(dialect: Dialect, name: str) -> str:
    return dialect.identifier_preparer.quote(name)


def _arrays(table: Table, names: Sequence[str]) -> str:
    """Spell the rows as one array a column, so that PostgreSQL plans and answers once for all of them.

    In binary (``%b``), as the driver takes several times longer to write lists as text.
    """
    return f"unnest({', '.join(f'%b::{_array_type(table, name)}[]' for name in names)})"


def _array_type(table: Table, name: str) -> str:
    """Texts stand without their length: a cast would cut them to it, where storing them refuses."""
    text = table.c[name].type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]
    return "TEXT" if text.startswith("VARCHAR") else text


def _run_once(session: Session, text: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    session.connection().exec_driver_sql(text, tuple([row[name] for row in rows] for name in names))


def _run_for_each(session: Session, text: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    session.connection().exec_driver_sql(text, list(map(itemgetter(*names), rows)))
