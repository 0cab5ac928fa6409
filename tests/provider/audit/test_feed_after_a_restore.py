"""The events feed after a restore into another engine, or into a cluster that has counted fewer transactions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from provider_service import cli
from provider_service.audit import service
from provider_service.audit.domain import SYSTEM, Position
from provider_service.audit.tables import AuditEntry
from shared.runtime import archive, migrations
from shared.runtime.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FAR = 5_000_000_000
"""A number that a busy cluster has come to, and a fresh one has not."""


def write(database: Database, subject_id: str) -> None:
    with database.transaction() as session:
        service.record(session, actor=SYSTEM, action="thing.made", subject_type="thing", subject_id=subject_id, now=NOW)


def told(database: Database, after: str | None = None) -> list[str]:
    with database.transaction() as session:
        return [entry.subject_id for entry in service.events(session, after=after, subject_type="thing")]


def archived(folder: Path, *numbers: int) -> Path:
    """An archive with an entry of each transaction."""
    database = Database(f"sqlite:///{folder / 'before.db'}")
    migrations.upgrade(database, cli.MIGRATIONS)
    with database.transaction() as session:
        for place, number in enumerate(numbers):
            texts = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "actor_address", "number"), "")
            entry = {"subject_type": "thing", "subject_id": str(place), "action": "thing.made", "at": NOW}
            session.execute(insert(AuditEntry).values(**texts, **entry, transaction_id=number))
    archive.backup(database, folder / "backup", cli.metadatas(), program=cli.NAME, now=NOW)
    database.close()
    return folder / "backup"


def brought_back(url: str, file: Path) -> Database:
    database = Database(url)
    migrations.upgrade(database, cli.MIGRATIONS)
    archive.restore(database, file, cli.metadatas(), program=cli.NAME)
    return database


def test_the_feed_shows_all_and_a_reader_goes_on_where_it_stopped(database_url: str, tmp_path: Path) -> None:
    database = brought_back(database_url, archived(tmp_path, FAR, FAR + 7))
    assert told(database) == ["0", "1"]
    for subject_id in ("2", "3"):
        write(database, subject_id)
    assert told(database, Position(FAR + 7, 2).to_text()) == ["2", "3"]
    assert told(database) == ["0", "1", "2", "3"]
    database.close()


def test_a_second_restore_goes_on_behind_the_first_one(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first = brought_back(f"sqlite:///{tmp_path / 'first.db'}", archived(tmp_path, FAR))
    write(first, "1")
    file = tmp_path / "again" / "backup"
    archive.backup(first, file, cli.metadatas(), program=cli.NAME, now=NOW)
    first.close()
    database = brought_back(database_url, file)
    write(database, "2")
    assert told(database) == ["0", "1", "2"]
    assert told(database, Position(FAR, 2).to_text()) == ["2"]
    database.close()


def test_a_restore_that_changes_no_numbers_leaves_them_alone(sqlite_url: str, tmp_path: Path) -> None:
    database = brought_back(sqlite_url, archived(tmp_path, 0, 0))
    write(database, "2")
    assert told(database, Position(0, 2).to_text()) == ["2"]
    database.close()


@pytest.mark.parametrize("declared", [False, True])
def test_declaring_a_restore_of_another_kind_lets_the_feed_go_on(
    database_url: str, tmp_path: Path, declared: bool
) -> None:
    """What a dump of the engine's own brings is numbered on when the restore is declared."""
    database = brought_back(database_url, archived(tmp_path))
    with database.transaction() as session:
        texts = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "actor_address", "number"), "")
        entry = {"subject_type": "thing", "subject_id": "0", "action": "thing.made", "at": NOW}
        session.execute(insert(AuditEntry).values(**texts, **entry, transaction_id=FAR))
    if declared:
        with database.transaction() as session:
            service.restored(session)
    write(database, "1")
    assert told(database, Position(FAR, 1).to_text()) == (["1"] if declared else [])
    database.close()
