"""Backups that belong to no engine: a compressed tar of one JSON-lines file a table, and a manifest to check it by.

Made from one snapshot beside a running service. What the database holds sealed stays sealed: without the master key, an
archive gives no secret away. A restored instance finds its marker missing or disagreeing and stays muted until the
operator says what happened.
"""

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import (
    Connection,
    DateTime,
    Enum,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    column,
    func,
    insert,
    select,
    table,
    text,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.runtime.columns import UtcDateTime
from shared.runtime.database import Database
from shared.runtime.marker import Marker
from shared.runtime.migrations import revision_of
from shared.wire.errors import Conflict, Invalid

FORMAT = 1
"""Version of the archive's own layout."""

AFTER_RESTORE: Final = "after_restore"
"""Key in `Table.info` of what is called with the connection once every table was filled from an archive."""

ROWS_AT_ONCE = 500
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What the archive holds of one table; ``sha256`` is over its JSON lines."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself."""

    format: int
    created_at: str
    program: str
    revision: str | None
    marker: dict[str, Any] | None
    tables: tuple[TableEntry, ...]


def backup(
    database: Database,
    path: Path,
    metadatas: Sequence[MetaData],
    *,
    program: str,
    now: datetime,
    marker: Marker | None = None,
) -> Manifest:
    """Write an archive of everything committed at this moment; it appears under ``path`` only when complete."""
    handle, unfinished = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            with database.snapshot() as connection:
                entries = tuple(_add_table(archive, connection, one) for one in _tables(metadatas))
                revision = revision_of(connection)
            about = Manifest(
                FORMAT, now.isoformat(), program, revision, None if marker is None else asdict(marker), entries
            )
            _add(archive, _MANIFEST, io.BytesIO(json.dumps(asdict(about), indent=2).encode()))
        _sync(Path(unfinished))
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return about


def read_manifest(path: Path) -> Manifest:
    """Read what an archive says of itself; raise `Invalid` for a file that is none of ours."""
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            value = json.load(_member(archive, _MANIFEST))
        entries = tuple(TableEntry(**entry) for entry in value.pop("tables"))
        about = Manifest(**value, tables=entries)
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path} is no backup of this software", code="archive_unreadable", cause=str(error)) from error
    if about.format != FORMAT:
        raise Invalid(f"The archive has format {about.format}, this version reads {FORMAT}", code="archive_format")
    return about


def restore(database: Database, path: Path, metadatas: Sequence[MetaData], *, program: str) -> Manifest:
    """Fill an empty, migrated database from an archive in one transaction, checking every count and hash.

    Raises `Conflict` when the database is not empty or stands at another revision than the archive, `Invalid` when the
    archive is damaged or another program's.
    """
    about = read_manifest(path)
    if about.program != program:
        raise Invalid(f"The archive is one of {about.program}, not of {program}", code="archive_program")
    tables = {one.name: one for one in _tables(metadatas)}
    with database.maintenance() as connection, tarfile.open(path, mode="r:gz") as archive:
        _require_place(connection, about, tables)
        with _without_references(connection, list(tables.values())):
            for entry in about.tables:
                _fill(archive, connection, tables[entry.name], entry)
        _continue_numbering(connection, tables.values())
        for one in tables.values():
            if AFTER_RESTORE in one.info:
                one.info[AFTER_RESTORE](connection)
    return about


def _tables(metadatas: Sequence[MetaData]) -> list[Table]:
    return [one for metadata in metadatas for one in metadata.sorted_tables]


def _require_place(connection: Connection, about: Manifest, tables: dict[str, Table]) -> None:
    revision = revision_of(connection)
    if revision != about.revision or set(tables) != {entry.name for entry in about.tables}:
        raise Conflict(
            f"The archive was made at schema revision {about.revision}, this database is at {revision}",
            code="archive_revision",
            fix="Restore with the version that made the archive, then migrate",
        )
    for one in tables.values():
        if connection.execute(select(func.count()).select_from(one)).scalar_one():
            raise Conflict(
                f"The database is not empty: table {one.name} has rows",
                code="database_not_empty",
                fix="Restore into a new database",
            )


def _add_table(archive: tarfile.TarFile, connection: Connection, one: Table) -> TableEntry:
    names = [each.name for each in one.columns]
    query = select(*(type_coerce(each, _stored(each.type)).label(each.name) for each in one.columns))
    digest, rows = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as file:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
            query.order_by(*one.primary_key.columns)
        ):
            line = json.dumps(dict(zip(names, row, strict=True)), default=_encode, ensure_ascii=False).encode() + b"\n"
            file.write(line)
            digest.update(line)
            rows += 1
        _add(archive, f"tables/{one.name}.jsonl", file)
    return TableEntry(one.name, rows, digest.hexdigest())


def _fill(archive: tarfile.TarFile, connection: Connection, one: Table, entry: TableEntry) -> None:
    types = {each.name: _stored(each.type) for each in one.columns}
    native = {each.name: each.type for each in one.columns if isinstance(each.type, Enum)}  # PostgreSQL wants a cast
    target = table(one.name, *(column(name, native.get(name, kind)) for name, kind in types.items()))
    digest, rows = hashlib.sha256(), 0
    for lines in _chunks(_member(archive, f"tables/{entry.name}.jsonl")):
        for line in lines:
            digest.update(line)
        values = [{name: _decode(value, types[name]) for name, value in json.loads(line).items()} for line in lines]
        connection.execute(insert(target), values)
        rows += len(values)
    stored = connection.execute(select(func.count()).select_from(one)).scalar_one()
    if rows != entry.rows or stored != entry.rows or digest.hexdigest() != entry.sha256:
        raise Invalid(f"The archive is damaged: table {one.name} is not what it says", code="archive_damaged")


def _chunks(file: IO[bytes]) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    for line in file:
        lines.append(line)
        if len(lines) == ROWS_AT_ONCE:
            yield lines
            lines = []
    if lines:
        yield lines


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type a value is archived in: what the database stores, bar our own conversions and enumerations."""
    if isinstance(kind, UtcDateTime):
        return kind
    while isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return String() if isinstance(kind, Enum) else kind


def _encode(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be archived")


def _decode(value: Any, kind: TypeEngine[Any]) -> Any:
    if value is None:
        return None
    if isinstance(kind, UtcDateTime | DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    if isinstance(kind, Numeric) and isinstance(value, str):
        return Decimal(value)
    return value


_REFERENCES = text(
    "SELECT conrelid::regclass::text AS relation, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition"
    " FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY(:names)"
)


class _without_references:  # noqa: N801 - reads as what it does in a with statement
    """Foreign keys taken off for the filling and put back, and thereby checked, after it.

    They are those the database has: migrations may have named them otherwise than the models do. Needed on PostgreSQL
    only: `Database.maintenance` does the same on SQLite.
    """

    def __init__(self, connection: Connection, tables: list[Table]) -> None:
        self._connection = connection
        wanted = connection.dialect.name == "postgresql"
        names = [one.name for one in tables]
        self._keys = connection.execute(_REFERENCES, {"names": names}).all() if wanted else []

    def __enter__(self) -> None:
        for key in self._keys:
            self._connection.execute(text(f"ALTER TABLE {key.relation} DROP CONSTRAINT {key.name}"))

    def __exit__(self, kind: object, *_rest: object) -> None:
        if kind is None:
            for key in self._keys:
                self._connection.execute(text(f"ALTER TABLE {key.relation} ADD CONSTRAINT {key.name} {key.definition}"))


def _continue_numbering(connection: Connection, tables: Any) -> None:
    """PostgreSQL's sequences do not notice rows that came with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for one in tables:
        counted = one.autoincrement_column
        if counted is None:
            continue
        last = connection.execute(select(func.max(counted))).scalar_one()
        sequence = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        if last is not None:
            connection.execute(sequence, {"table": one.name, "column": counted.name, "last": last})


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size = file.seek(0, os.SEEK_END)
    info.mode = 0o600
    file.seek(0)
    archive.addfile(info, file)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
