"""Schema migrations: alembic without an ini file or an ``env.py``; a service's folder holds nothing but ``versions/``.

A start with a database behind or ahead of this software is refused; migrating is a command of its own.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.sql.elements import False_, True_
from sqlalchemy.types import TypeDecorator

from shared.runtime.database import Database
from shared.wire.errors import Conflict

_LOCK = 7_302_116_904
"""Number of the advisory lock that keeps two migrating processes apart on PostgreSQL."""

_REVISION = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {previous!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


class SchemaState(StrEnum):
    """How a database stands to the migrations of this software."""

    AT_HEAD = "at_head"
    BEHIND = "behind"
    UNKNOWN = "unknown"


def revision_of(connection: Connection) -> str | None:
    """Return the revision a database is at, None for one that was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def head_of(folder: Path) -> str | None:
    """Return the newest revision of a migrations folder."""
    return _scripts(folder).get_current_head()


def state(database: Database, folder: Path) -> SchemaState:
    """Compare the database with a migrations folder; ``UNKNOWN`` is a revision of some other, usually newer version."""
    with database.snapshot() as connection:
        current = revision_of(connection)
    scripts = _scripts(folder)
    if current == scripts.get_current_head():
        return SchemaState.AT_HEAD
    known = {script.revision for script in scripts.walk_revisions()}
    return SchemaState.BEHIND if current is None or current in known else SchemaState.UNKNOWN


def require_head(database: Database, folder: Path, *, program: str) -> None:
    """Raise `Conflict` unless the database is exactly where this software needs it."""
    found = state(database, folder)
    if found is SchemaState.BEHIND:
        raise Conflict(
            "The database is not migrated to this version", code="schema_behind", fix=f"Run: {program} migrate"
        )
    if found is SchemaState.UNKNOWN:
        raise Conflict(
            "The database belongs to another version of this software",
            code="schema_unknown",
            cause="Its schema revision is not one this version knows",
            fix="Start the version that migrated it, or restore a backup made before",
        )


def upgrade(database: Database, folder: Path) -> str | None:
    """Migrate to the newest revision in one transaction; return it. Raises `Conflict` for an unknown revision."""
    if state(database, folder) is SchemaState.UNKNOWN:
        require_head(database, folder, program="")
    scripts = _scripts(folder)

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 - alembic's own command does the same

    with database.maintenance() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(connection=connection, render_as_batch=True, transactional_ddl=True)
            environment.run_migrations()
    return scripts.get_current_head()


def differences(database: Database, metadatas: Sequence[MetaData]) -> list[Any]:
    """Return what a new revision would have to change for the database to equal the models; empty when it does."""
    with database.snapshot() as connection:
        return list(compare_metadata(_context(connection), _target(metadatas)))


def new_revision(database: Database, folder: Path, metadatas: Sequence[MetaData], message: str) -> Path:
    """Write the revision that takes the database, which stands at head, to the models; return its file."""
    with database.snapshot() as connection:
        script = produce_migrations(_context(connection), _target(metadatas))
        previous = revision_of(connection)
    if script.upgrade_ops is None or script.downgrade_ops is None:
        raise Conflict("There is nothing to compare", code="no_models")
    options: dict[str, Any] = {"render_as_batch": True, "render_item": _render_item}
    revision = f"{int(previous or 0) + 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    path = folder / "versions" / f"{revision}_{slug}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        _REVISION.format(
            message=message,
            revision=revision,
            previous=previous,
            upgrade=_indented(render_python_code(script.upgrade_ops, **options)),
            downgrade=_indented(render_python_code(script.downgrade_ops, **options)),
        ),
        encoding="utf-8",
    )
    return path


def _scripts(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True})


def _target(metadatas: Sequence[MetaData]) -> Any:
    return list(metadatas)


def _render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Migrations outlive our column types and one engine's spelling: write what every database stores."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), False_ | True_):
        return f"sa.{item.arg}()"
    return False


def _indented(code: str) -> str:
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("#")]
    return "\n    ".join(lines).replace("\n    \n", "\n\n")
