"""The database when things go wrong beneath it: acknowledged is stored, and it recovers unaided."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Text, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

import shared.runtime.sqlite
from shared.runtime.database import Database, make_base
from shared.wire.errors import Unavailable
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

Base = make_base()


class Entry(Base):
    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)


def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    with database.maintenance() as connection:
        Base.metadata.create_all(connection)
    yield database
    database.close()


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Database]:
    yield from opened(sqlite_url)


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Iterator[Database]:
    yield from opened(postgresql_url)


def add(session: Session, number: int, body: str = "") -> int:
    session.add(Entry(id=number, body=body))
    return number


def ids(session: Session) -> set[int]:
    return set(session.scalars(select(Entry.id)))


async def test_on_a_filling_disk_exactly_the_acknowledged_writes_are_stored(on_sqlite: Database) -> None:
    def limit(session: Session, more: int) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages + more}"))

    await on_sqlite.write(limit, 20)
    works = [on_sqlite.write(add, number, "x" * 3000) for number in range(200)]
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    acknowledged = {outcome for outcome in outcomes if isinstance(outcome, int)}
    assert acknowledged
    assert len(acknowledged) < 200
    assert {type(outcome) for outcome in outcomes} == {int, Unavailable}
    assert await on_sqlite.read(ids) == acknowledged
    await on_sqlite.write(limit, 100_000)
    assert await on_sqlite.write(add, 1000) == 1000


async def test_a_write_waits_for_another_process_and_then_says_the_database_is_busy(
    on_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.runtime.sqlite, "LOCK_SECONDS", 0.1)
    impatient = Database(str(on_sqlite.url))
    with on_sqlite.transaction() as session:
        add(session, 1)
        session.flush()
        with pytest.raises(Unavailable):
            await impatient.write(add, 2)
    assert await impatient.write(add, 3) == 3
    assert await impatient.read(ids) == {1, 3}
    impatient.close()


async def test_an_old_sqlite_gets_a_rollback_journal_that_is_synced_extra(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sqlite3.sqlite_version_info >= (3, 51, 3):
        monkeypatch.setattr(shared.runtime.sqlite, "_WAL_SAFE", (99,))
    monkeypatch.setattr(shared.runtime.sqlite, "driver", lambda: sqlite3)
    for database in opened(sqlite_url):
        mode = await database.write(lambda session: session.execute(text("PRAGMA journal_mode")).scalar_one())
        level = await database.write(lambda session: session.execute(text("PRAGMA synchronous")).scalar_one())
        assert (mode, level) == ("delete", 3)
        await asyncio.gather(*(database.write(add, number) for number in range(20)))
        assert await database.read(ids) == set(range(20))


async def test_a_deadlock_is_run_again_until_both_have_happened(on_postgresql: Database) -> None:
    both_hold_one = threading.Barrier(2)
    await on_postgresql.write(add, 1)
    await on_postgresql.write(add, 2)
    tries = []

    def append(session: Session, first: int, second: int) -> None:
        tries.append(first)
        for number in (first, second):
            session.execute(text("UPDATE entry SET body = body || 'x' WHERE id = :id"), {"id": number})
            if number == first and len(tries) <= 2:
                both_hold_one.wait(5)

    await asyncio.gather(on_postgresql.write(append, 1, 2), on_postgresql.write(append, 2, 1))
    assert len(tries) == 3
    assert await on_postgresql.read(lambda s: s.scalar(select(func.min(func.length(Entry.body))))) == 2


async def test_lost_connections_are_made_again_unaided(on_postgresql: Database, postgresql_url: str) -> None:
    woken = asyncio.Event()
    on_postgresql.listen("worker", woken.set)
    await asyncio.wait_for(woken.wait(), PATIENCE_SECONDS)
    woken.clear()
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(postgresql_url) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")
    assert await on_postgresql.write(add, 1) == 1
    await asyncio.wait_for(woken.wait(), PATIENCE_SECONDS)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")

    def connect() -> None:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable) as refusal:
        connect()
    assert refusal.value.code == "database_unavailable"
    database.close()
