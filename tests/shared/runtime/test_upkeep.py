"""Migrations, backup and restore through the command line of a small service of its own, on both engines."""

import asyncio
import json
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import Enum, ForeignKey, LargeBinary, MetaData, Text, select, text
from sqlalchemy.orm import Mapped, mapped_column
from starlette.applications import Starlette
from typer.testing import CliRunner, Result

from shared.runtime import archive, migrations
from shared.runtime.command import Program, make_cli, run
from shared.runtime.database import Database, JsonText, make_base
from shared.runtime.marker import Marker, MarkerState, compare, write_marker
from shared.runtime.settings import ServiceSettings
from shared.wire.errors import Conflict, ExchangeError, Invalid

Base = make_base()
WHEN = datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    part_of: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))
    name: Mapped[str] = mapped_column(Text, unique=True)
    at: Mapped[datetime]
    data: Mapped[dict[str, object] | None] = mapped_column(JsonText)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    colour: Mapped[Colour] = mapped_column(Enum(Colour))
    shade: Mapped[Colour]
    share: Mapped[float]
    open: Mapped[bool]


def things() -> list[Thing]:
    common = {"at": WHEN, "colour": Colour.RED, "shade": Colour.RED, "share": 0.1, "open": True}
    part = Thing(id=1, part_of=2, name="part", data={"$datetime": "ü", "n": [1, None]}, raw=b"\x00\xff", **common)
    return [Thing(id=2, name="whole", **common), part]


def metadatas() -> Sequence[MetaData]:
    return [Base.metadata]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrations of the small service, written by the product itself out of the models."""
    place = tmp_path_factory.mktemp("migrations")
    database = Database(f"sqlite:///{place / 'empty.db'}")
    migrations.new_revision(database, place, metadatas(), "Begin with things")
    database.close()
    return place


@pytest.fixture
def program(folder: Path) -> Program:
    return Program(
        name="small",
        settings_class=ServiceSettings,
        migrations=folder,
        metadatas=metadatas,
        make_app=lambda _settings: Starlette(),
        make_worker=lambda _settings: lambda stop: stop.wait(),
    )


def call(program: Program, url: str, data_dir: Path, *arguments: str) -> Result:
    environment = {"DATABASE_URL": url, "DATA_DIR": str(data_dir)}
    return CliRunner().invoke(make_cli(program), list(arguments), env=environment)


def test_a_migrated_database_equals_the_models(database_url: str, folder: Path) -> None:
    database = Database(database_url)
    assert migrations.state(database, folder) is migrations.SchemaState.BEHIND
    assert migrations.upgrade(database, folder) == "0001"
    assert migrations.upgrade(database, folder) == "0001"
    assert migrations.state(database, folder) is migrations.SchemaState.AT_HEAD
    assert migrations.differences(database, metadatas()) == []
    database.close()


def test_a_model_without_its_migration_is_noticed(database_url: str, folder: Path) -> None:
    database = Database(database_url)
    migrations.upgrade(database, folder)
    with database.maintenance() as connection:
        connection.execute(text("ALTER TABLE thing DROP COLUMN share"))
    assert [difference[0] for difference in migrations.differences(database, metadatas())] == ["add_column"]
    database.close()


def test_a_database_of_an_unknown_version_is_neither_served_nor_migrated(database_url: str, folder: Path) -> None:
    database = Database(database_url)
    migrations.upgrade(database, folder)
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict) as refusal:
        migrations.require_head(database, folder, program="small")
    assert refusal.value.code == "schema_unknown"
    with pytest.raises(Conflict):
        migrations.upgrade(database, folder)
    database.close()


def test_serving_is_refused_until_the_database_is_migrated(program: Program, sqlite_url: str, tmp_path: Path) -> None:
    result = call(program, sqlite_url, tmp_path, "worker")
    assert isinstance(result.exception, ExchangeError)
    assert (result.exception.code, result.exception.fix) == ("schema_behind", "Run: small migrate")


def test_the_doctor_names_each_fault_with_its_remedy(program: Program, database_url: str, tmp_path: Path) -> None:
    before = call(program, database_url, tmp_path, "doctor")
    assert before.exit_code == 1
    assert "small migrate" in before.stdout
    call(program, database_url, tmp_path, "migrate")
    after = call(program, database_url, tmp_path, "doctor")
    assert after.exit_code == 0, after.stdout


def test_an_error_on_the_command_line_says_why_and_what_to_do(
    program: Program, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setattr("sys.argv", ["small", "worker"])
    with pytest.raises(SystemExit) as ending:
        run(make_cli(program))
    assert ending.value.code == 1
    assert "What to do: Run: small migrate" in capsys.readouterr().err


def fill(url: str) -> None:
    database = Database(url)
    with database.transaction() as session:
        session.add_all(things())
    database.close()


def contents(url: str) -> list[dict[str, object]]:
    database = Database(url)
    with database.transaction() as session:
        rows = [
            {column.name: getattr(thing, column.name) for column in Thing.__table__.columns}
            for thing in session.scalars(select(Thing).order_by(Thing.id))
        ]
    database.close()
    return rows


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_restores_on_either_engine(
    program: Program, database_url: str, target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    call(program, database_url, tmp_path, "migrate")
    fill(database_url)
    file = tmp_path / "backup.tar.gz"
    made = call(program, database_url, tmp_path, "backup", str(file))
    assert made.exit_code == 0, made.exception
    assert file.stat().st_mode & 0o077 == 0
    before = contents(database_url)
    other = emptied(database_url) if database_url.startswith(target) else request.getfixturevalue(f"{target}_url")
    restored = call(program, other, tmp_path / "other", "restore", str(file))
    assert restored.exit_code == 0, restored.exception
    assert contents(other) == before


def emptied(url: str) -> str:
    database = Database(url)
    with database.maintenance() as connection:
        connection.execute(text("DROP TABLE thing"))
        connection.execute(text("DROP TABLE alembic_version"))
        if database.engine_name == "postgresql":
            connection.execute(text("DROP TYPE IF EXISTS colour"))
    database.close()
    return url


def test_a_database_restored_into_its_own_directory_is_not_taken_for_the_present_one(
    program: Program, database_url: str, tmp_path: Path
) -> None:
    call(program, database_url, tmp_path, "migrate")
    fill(database_url)
    write_marker(tmp_path, Marker("one", 1))
    call(program, database_url, tmp_path, "backup", str(tmp_path / "b"))
    call(program, emptied(database_url), tmp_path, "restore", str(tmp_path / "b"))
    assert compare(tmp_path, instance_id="one", epoch=1) is MarkerState.MISSING


def test_numbering_goes_on_after_a_restore(program: Program, database_url: str, tmp_path: Path) -> None:
    call(program, database_url, tmp_path, "migrate")
    fill(database_url)
    call(program, database_url, tmp_path, "backup", str(tmp_path / "b"))
    call(program, emptied(database_url), tmp_path, "restore", str(tmp_path / "b"))
    database = Database(database_url)
    with database.transaction() as session:
        thing = Thing(name="next", at=WHEN, colour=Colour.RED, shade=Colour.RED, share=1.0, open=False)
        session.add(thing)
        session.flush()
        assert thing.id == 3
    database.close()


def test_a_backup_is_one_moment_while_writing_goes_on(program: Program, database_url: str, tmp_path: Path) -> None:
    call(program, database_url, tmp_path, "migrate")
    fill(database_url)
    database = Database(database_url)
    with database.snapshot() as connection:
        before = connection.execute(text("SELECT count(*) FROM thing")).scalar_one()
        asyncio.run(database.write(lambda session: session.execute(text("DELETE FROM thing")) and None))
        assert connection.execute(text("SELECT count(*) FROM thing")).scalar_one() == before == 2
    database.close()


def test_restoring_over_data_is_refused(program: Program, database_url: str, tmp_path: Path) -> None:
    call(program, database_url, tmp_path, "migrate")
    fill(database_url)
    call(program, database_url, tmp_path, "backup", str(tmp_path / "b"))
    result = call(program, database_url, tmp_path, "restore", str(tmp_path / "b"))
    assert isinstance(result.exception, Conflict)
    assert result.exception.code == "database_not_empty"


def rewritten(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    with tarfile.open(source) as archived, tarfile.open(target, "w:gz") as out:
        for info in archived:
            content = archived.extractfile(info).read().replace(old, new)  # type: ignore[union-attr]
            (target.parent / "member").write_bytes(content)
            out.add(target.parent / "member", arcname=info.name)
    return target


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b'"whole"', b'"other"'), "archive_damaged"),
        ((b'"rows": 2', b'"rows": 3'), "archive_damaged"),
        ((b'"format": 1', b'"format": 2'), "archive_format"),
        ((b'"revision": "0001"', b'"revision": "0009"'), "archive_revision"),
        ((b'"program": "small"', b'"program": "large"'), "archive_program"),
    ],
)
def test_an_altered_archive_restores_nothing(
    program: Program, sqlite_url: str, tmp_path: Path, change: tuple[bytes, bytes], code: str
) -> None:
    call(program, sqlite_url, tmp_path, "migrate")
    fill(sqlite_url)
    call(program, sqlite_url, tmp_path, "backup", str(tmp_path / "b"))
    altered = rewritten(tmp_path / "b", tmp_path / "altered", *change)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    result = call(program, other, tmp_path, "restore", str(altered))
    assert isinstance(result.exception, ExchangeError)
    assert result.exception.code == code
    assert contents(other) == []


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b").write_text(json.dumps({}))
    with pytest.raises(Invalid) as refusal:
        archive.read_manifest(tmp_path / "b")
    assert refusal.value.code == "archive_unreadable"
