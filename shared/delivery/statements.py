"""The few statements the two engines spell differently."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

WAKE_CHANNEL = "service_exchange_delivery"
"""Name under which PostgreSQL tells workers that something is due (NOTIFY; the payload is the connection)."""


def is_postgresql(session: Session) -> bool:
    """Tell whether many processes share the database, so that rows have to be locked."""
    return session.get_bind().dialect.name == "postgresql"


def insert_missing(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; the count is exact for a single row."""
    dialect = postgresql if is_postgresql(session) else sqlite
    result = session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
    return result.rowcount if isinstance(result, CursorResult) else 0
