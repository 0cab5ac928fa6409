"""The audit trail's table, and the triggers that keep anybody from rewriting it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import DDL, BigInteger, ExecutableDDLElement, Index, Integer, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from provider_service.base import Base
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


class current_transaction(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it stands for
    """The number of the writing transaction on PostgreSQL; 0 on SQLite, whose writers stand in line anyway."""

    type = BigInteger()
    inherit_cache = True


@compiles(current_transaction)
def _zero(_element: current_transaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "0"


@compiles(current_transaction, "postgresql")
def _transaction_id(_element: current_transaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


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


for _dialect, _statements in AUDIT_TRIGGERS.items():
    for _statement in _statements:
        _install: ExecutableDDLElement = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(AuditEntry.__table__, "after_create", _install.execute_if(dialect=_dialect))
