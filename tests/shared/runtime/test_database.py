"""The database through its public surface, on both engines."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import ForeignKey, Text, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.runtime.database import Database, JsonText, UtcDateTime, after_commit, make_base
from shared.wire.errors import Conflict, Invalid, Unavailable
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

Base = make_base()


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    parent: Mapped[int | None] = mapped_column(ForeignKey("note.id"))
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, object] | None] = mapped_column(JsonText)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.maintenance() as connection:
        Base.metadata.create_all(connection)
    yield database
    database.close()


def add(session: Session, number: int, body: str = "", parent: int | None = None) -> int:
    session.add(Note(id=number, body=body, parent=parent))
    return number


def count(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Note)).one()


async def test_a_write_is_seen_by_the_next_read(database: Database) -> None:
    assert await database.write(add, 1, body="hello") == 1
    assert await database.read(count) == 1


async def test_a_work_that_raises_leaves_nothing_behind(database: Database) -> None:
    def fail(session: Session) -> None:
        add(session, 1)
        session.flush()
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        await database.write(fail)
    assert await database.read(count) == 0


async def test_one_failing_transaction_does_not_touch_the_others_sharing_its_commit(database: Database) -> None:
    await database.write(add, 1000)
    works = [database.write(add, 1000 if number % 10 == 0 else number) for number in range(1, 201)]
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    refused = [number for number, outcome in enumerate(outcomes, 1) if isinstance(outcome, IntegrityError)]
    assert refused == list(range(10, 201, 10))
    assert await database.read(count) == 181


async def test_a_foreign_key_is_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.write(add, 1, parent=99)


async def test_reading_refuses_to_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        await database.read(add, 1)
    assert await database.read(count) == 0


async def test_hooks_run_in_the_event_loop_after_the_commit_and_before_the_caller_goes_on(database: Database) -> None:
    seen: list[str] = []

    def work(session: Session) -> None:
        add(session, 1)
        after_commit(session, lambda: seen.append(threading.current_thread().name))

    await database.write(work)
    assert seen == [threading.current_thread().name]


async def test_hooks_do_not_run_after_a_rollback(database: Database) -> None:
    seen: list[str] = []

    def work(session: Session) -> None:
        after_commit(session, lambda: seen.append("ran"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)
    assert seen == []


async def test_a_failing_hook_does_not_undo_the_result(database: Database) -> None:
    def work(session: Session) -> int:
        after_commit(session, lambda: 1 // 0)
        return add(session, 1)

    assert await database.write(work) == 1


async def test_a_cancelled_write_that_has_begun_is_carried_through(database: Database) -> None:
    begun, go_on, committed = threading.Event(), threading.Event(), asyncio.Event()

    def work(session: Session) -> None:
        begun.set()
        go_on.wait(5)
        add(session, 1)
        after_commit(session, committed.set)

    task = asyncio.create_task(database.write(work))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.wait_for(committed.wait(), PATIENCE_SECONDS)
    assert await database.read(count) == 1


async def test_a_cancelled_write_that_has_not_begun_never_happens(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.maintenance() as connection:
        Base.metadata.create_all(connection)
    begun, go_on = threading.Event(), threading.Event()
    first = asyncio.create_task(database.write(lambda _session: (begun.set(), go_on.wait(5))))
    await asyncio.to_thread(begun.wait, 5)
    second = asyncio.create_task(database.write(add, 2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    go_on.set()
    await first
    await database.write(add, 3)
    assert await database.read(count) == 1
    database.close()


async def test_a_savepoint_inside_a_work_can_be_rolled_back_alone(database: Database) -> None:
    def work(session: Session) -> None:
        add(session, 1)
        session.flush()
        savepoint = session.begin_nested()
        session.execute(text("INSERT INTO note (id, body) VALUES (2, '')"))
        savepoint.rollback()

    await asyncio.gather(database.write(work), database.write(add, 3))
    assert await database.read(count) == 2


async def test_writers_in_many_event_loops_and_threads_lose_nothing(database: Database) -> None:
    def in_its_own_loop(base: int) -> None:
        async def run() -> None:
            await asyncio.gather(*(database.write(add, base + number) for number in range(50)))

        asyncio.run(run())

    await asyncio.gather(*(asyncio.to_thread(in_its_own_loop, base) for base in (100, 200, 300)))
    assert await database.read(count) == 150


async def test_an_instant_comes_back_in_utc_whatever_zone_it_was_given_in(database: Database) -> None:
    noon = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    def work(session: Session) -> None:
        session.add(Note(id=1, body="", at=noon, data={"b": [1, None], "a": "ü"}))

    await database.write(work)
    note = await database.read(lambda session: session.get_one(Note, 1))
    assert note.at == noon
    assert note.at.tzinfo is UTC
    assert note.data == {"b": [1, None], "a": "ü"}


async def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    def work(session: Session) -> None:
        session.add(Note(id=1, body="", at=datetime(2026, 7, 1)))  # noqa: DTZ001

    with pytest.raises(StatementError, match="no time zone"):
        await database.write(work)


async def test_a_listener_is_woken_by_a_commit_and_not_by_a_rollback(database: Database) -> None:
    woken = asyncio.Event()
    stop = database.listen("outbox", woken.set)
    if database.engine_name == "postgresql":
        await asyncio.wait_for(woken.wait(), PATIENCE_SECONDS)  # the call of first contact
        woken.clear()

    def work(session: Session, number: int) -> None:
        database.notify(session, "outbox")
        add(session, number)

    await database.write(work, 1)
    await asyncio.wait_for(woken.wait(), PATIENCE_SECONDS)
    woken.clear()
    with pytest.raises(IntegrityError):
        await database.write(work, 1)
    assert not woken.is_set()
    stop()
    await database.write(work, 2)
    assert not woken.is_set()


async def test_a_synchronous_transaction_commits_and_rolls_back(database: Database) -> None:
    with database.transaction() as session:
        add(session, 1)
    with pytest.raises(IntegrityError), database.transaction() as session:
        add(session, 1)
    assert await database.read(count) == 1
    assert await database.write(add, 3) == 3


async def test_a_closed_database_says_so(database: Database) -> None:
    database.close()
    with pytest.raises(Unavailable) as refusal:
        await database.read(count)
    assert refusal.value.code == "database_closed"


async def test_it_tells_its_engine_and_version(database: Database) -> None:
    assert (await database.ping()).lower().startswith(database.engine_name)


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "no url at all"])
def test_a_url_that_cannot_be_served_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Database(url)
    assert refusal.value.code == "database_url"
    assert refusal.value.fix


async def test_a_transaction_that_would_break_a_reference_is_refused_at_the_end_of_maintenance(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def break_a_reference() -> None:
        with database.maintenance() as connection:
            Base.metadata.create_all(connection)
            connection.execute(text("INSERT INTO note (id, body, parent) VALUES (1, '', 7)"))

    with pytest.raises(Conflict) as refusal:
        break_a_reference()
    assert refusal.value.code == "broken_references"
    assert await database.read(lambda s: s.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()) == 0
    database.close()


async def test_sqlite_commits_durably_and_keeps_readers_out_of_writing(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def settings(session: Session) -> tuple[object, ...]:
        names = ("journal_mode", "synchronous", "mmap_size", "foreign_keys")
        return tuple(session.execute(text(f"PRAGMA {name}")).scalar_one() for name in names)

    assert await database.write(settings) in {("wal", 2, 0, 1), ("delete", 3, 0, 1)}
    database.close()


async def test_a_full_disk_fails_the_write_as_unavailable_and_the_next_one_works(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.maintenance() as connection:
        Base.metadata.create_all(connection)

    def fill(session: Session) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages + 1}"))
        add(session, 1, body="x" * 100_000)

    with pytest.raises(Unavailable) as refusal:
        await database.write(fill)
    assert refusal.value.code == "database_unavailable"
    assert await database.read(count) == 0
    await database.write(lambda session: session.execute(text("PRAGMA max_page_count = 1000000")))
    await database.write(add, 2)
    assert await database.read(count) == 1
    database.close()
