"""Column types and the declarative base every table of the product is made with."""

import enum
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import DateTime, Dialect, Enum, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator, TypeEngine

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a migration can name it on either engine."""


spell = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""JSON as `JsonText` keeps it."""

_EMPTY: dict[Any, str] = {dict: "{}", list: "[]"}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant. A naive `datetime` is refused with `ValueError`; reading always gives UTC back.

    PostgreSQL keeps it as ``timestamptz``. SQLite keeps text of one fixed width in UTC, so text order is time order.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware instant into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give an aware datetime")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant back in UTC, whatever zone the server speaks."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """A JSON value kept as compact text: the same bytes on both engines, and never reordered by the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Spell the value; ``None`` is SQL NULL."""
        if value is None:
            return None
        return spell(value) if value else _EMPTY.get(type(value)) or spell(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the value back."""
        return None if value is None else json.loads(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Compare as a JSON value, not as the bare text."""
        return self


def native(session: Session, table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn the values of rows that set the same columns, in place, into what the driver takes; return the rows.

    A column at a time, and a value that stands in many rows (the instant of a change) once.
    """
    for name, turn in _turns(session.get_bind().dialect, table) if rows else ():
        if name in rows[0]:
            before, after = None, None
            for row in rows:
                value = row[name]
                if value is not before:
                    before, after = value, turn(value)
                row[name] = after
    return rows


@lru_cache(maxsize=256)
def _turns(dialect: Dialect, table: Table) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return the columns whose values are not the driver's own, and what turns them."""
    found = ((column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns)
    return [(name, turn) for name, turn in found if turn is not None]


_WORDS = Enum(
    enum.Enum,
    native_enum=False,  # a further member needs no migration
    length=64,
    validate_strings=True,
    values_callable=lambda members: [str(member.value) for member in members],
)


def make_base() -> type[DeclarativeBase]:
    """Return a fresh declarative base: one a service, with its own metadata and the naming convention.

    ``Mapped[datetime]`` is a `UtcDateTime`, ``Mapped[SomeEnum]`` keeps its member's value as text on both engines.
    By convention every relationship of a mapped class is ``lazy="raise"``: what a use case needs it asks for.
    """

    class Base(DeclarativeBase):
        """Root of one service's mapped classes."""

        metadata = MetaData(naming_convention=NAMING_CONVENTION)
        type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, enum.Enum: _WORDS}

    return Base
