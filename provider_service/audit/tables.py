"""The audit trail's table, and the triggers that keep anybody from rewriting it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Connection,
    ExecutableDDLElement,
    Index,
    Integer,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from provider_service.base import Base
from shared.runtime.archive import AFTER_RESTORE
from shared.runtime.database import JsonText, UtcDateTime

AUDIT_TRIGGERS: Final[dict[str, list[str]]] = {
    "sqlite": [
        f"CREATE TRIGGER audit_entries_no_{action.lower()} BEFORE {action} ON audit_entries "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END"
        for action in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'audit entries are never changed' USING ERRCODE = 'restrict_violation'; END$$""",
        """CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
    ],
}
"""Engine to statements that make its triggers; run after the table is made, by `create_all` and by the migration."""


AHEAD: Final = "coalesce((SELECT ahead FROM audit_numbering), 0)"
"""How far numbers run ahead of the engine's own since a restore (`AuditNumbering`)."""


class current_transaction(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it stands for
    """The number of the writing transaction on PostgreSQL; 0 on SQLite, whose writers stand in line anyway.

    After a restore it is higher by what keeps it above the numbers that came with the archive.
    """

    type = BigInteger()
    inherit_cache = True


@compiles(current_transaction)
def _zero(_element: current_transaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return AHEAD


@compiles(current_transaction, "postgresql")
def _transaction_id(_element: current_transaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return f"(pg_current_xact_id()::text::bigint + {AHEAD})"


class AuditEntry(Base):
    """One change. Written in the transaction that makes the change, never altered afterwards."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "transaction_id", "position"),
        Index(None, "subject_type", "subject_id", "position"),
        {"sqlite_autoincrement": True},
    )

    position: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger, default=current_transaction())
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    actor_address: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    number: Mapped[str]
    before: Mapped[Any | None] = mapped_column(JsonText)
    after: Mapped[Any | None] = mapped_column(JsonText)


class AuditNumbering(Base):
    """One row since a restore, none before: archives carry numbers that another engine or cluster has counted."""

    __tablename__ = "audit_numbering"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ahead: Mapped[int] = mapped_column(BigInteger)


def go_on_numbering(connection: Connection) -> None:
    """Number what is written from now on behind all that is there, so that no reader of the feed misses it."""
    highest = connection.execute(select(func.max(AuditEntry.transaction_id))).scalar_one()
    present = connection.execute(select(current_transaction())).scalar_one()
    if highest is None or present >= highest:
        return
    ahead = connection.execute(select(func.max(AuditNumbering.ahead))).scalar_one() or 0
    connection.execute(delete(AuditNumbering))
    connection.execute(insert(AuditNumbering).values(id=1, ahead=ahead + highest - present))


AuditNumbering.__table__.info[AFTER_RESTORE] = go_on_numbering  # type: ignore[attr-defined]

for _dialect, _statements in AUDIT_TRIGGERS.items():
    for _statement in _statements:
        _install: ExecutableDDLElement = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(AuditEntry.__table__, "after_create", _install.execute_if(dialect=_dialect))
