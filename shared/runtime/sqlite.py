"""SQLite as the product uses it: one writer connection on one thread, shared commits, read-only readers.

The version decides how durable commits are reached (design: architecture.md, fact 6): from 3.51.3 on a write-ahead log
with ``synchronous=FULL``; older ones can corrupt a write-ahead log and get a rollback journal with ``EXTRA``.
"""

import importlib
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from shared.runtime.database_errors import as_meaning
from shared.runtime.jobs import Job, settle
from shared.wire.errors import Conflict, Unavailable

GROUP_JOBS = 64
"""Transactions that may share one commit."""

GROUP_SECONDS = 0.005
"""How long a shared commit goes on taking in waiting transactions."""

LOCK_SECONDS = 10.0
"""How long to wait for another process, or for a `transaction()` of this one, before giving up."""

_WAL_SAFE = (3, 51, 3)


def driver() -> ModuleType:
    """Return the newest SQLite there is: the bundled driver where installed, otherwise the standard library's."""
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return importlib.import_module("sqlite3")


class SqliteBackend:
    """Runs jobs against one SQLite file. Thread-safe; `close` carries through what was submitted before it."""

    name = "sqlite"

    def __init__(self, url: URL, *, readers: int) -> None:
        path = Path(str(url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._writing = _engine(url, begin="BEGIN IMMEDIATE", pool_size=1, read_only=False)
        self._reading = _engine(url, begin="BEGIN", pool_size=readers, read_only=True)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="sqlite-reader")
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._writer = threading.Thread(target=self._write_for_ever, name="sqlite-writer", daemon=True)
        self._writer.start()

    def submit_write(self, job: Job) -> None:
        """Queue a job for the writer thread."""
        self._jobs.put(job)

    def submit_read(self, job: Job) -> None:
        """Run a job on a reader thread, in a snapshot that refuses writing."""
        self._readers.submit(self._read, job)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction in the calling thread, over the writer's own connection."""
        with self._exclusively() as connection:
            transaction = connection.begin()
            try:
                with _session(connection, "rollback_only") as session:
                    yield session
                    session.commit()
                transaction.commit()
            except BaseException:
                self._give_up(connection)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One read-only transaction in the calling thread, beside the writer."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """One transaction for changing the schema: foreign keys are checked once, at its end, not on the way."""
        with self._exclusively() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None  # noqa: S101 - narrows a type; a live connection always has it
            raw.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    broken = raw.execute("PRAGMA foreign_key_check").fetchall()
                    if broken:
                        raise Conflict(
                            "The change would leave references without their target",
                            code="broken_references",
                            cause=f"Table, row, target: {broken[:5]}",
                        )
            finally:
                self._give_up(connection)

    def close(self) -> None:
        """Finish what is queued, end the threads, close the file."""
        self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._writing.dispose()
        self._reading.dispose()

    def _write_for_ever(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._write(job)

    def _write(self, first: Job) -> None:
        jobs: list[Job] = [first]
        try:
            with self._exclusively() as connection:
                try:
                    if self._jobs.empty():
                        _run_alone(connection, first)
                    else:
                        self._run_together(connection, jobs)
                except BaseException:
                    self._give_up(connection)
                    raise
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the jobs
            meaning = as_meaning(error)
            for job in jobs:
                job.error = job.error or meaning
        settle(jobs)

    def _run_together(self, connection: Connection, jobs: list[Job]) -> None:
        """Each job in a savepoint of its own, one commit for all. Takes further jobs in while time and room last."""
        deadline = time.monotonic() + GROUP_SECONDS
        transaction = connection.begin()
        job: Job | None = jobs[0]
        while job is not None:
            if not job.abandoned:
                _attempt_in_savepoint(connection, job)
            job = None
            if len(jobs) < GROUP_JOBS and time.monotonic() < deadline:
                job = self._next_waiting()
            if job is not None:
                jobs.append(job)
        _require_transaction(connection)
        transaction.commit()

    def _next_waiting(self) -> Job | None:
        try:
            job = self._jobs.get_nowait()
        except queue.Empty:
            return None
        if job is None:
            self._jobs.put(None)  # closing: the loop must see it too
        return job

    def _read(self, job: Job) -> None:
        if job.abandoned:
            return
        try:
            with self._reading.connect() as connection, _session(connection, "control_fully") as session:
                job.attempt(session)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the job
            job.error = as_meaning(error)
        settle([job])

    @contextmanager
    def _exclusively(self) -> Iterator[Connection]:
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise Unavailable(
                "Another transaction of this process has been holding the database",
                code="database_unavailable",
                cause="A synchronous transaction() is open while a write is awaited",
            )
        try:
            if self._connection is None:
                self._connection = self._writing.connect()
            yield self._connection
        finally:
            self._lock.release()

    def _give_up(self, connection: Connection) -> None:
        """Drop the connection: closing the file handle is the one rollback that works after every failure."""
        connection.invalidate()
        connection.close()
        self._connection = None


def _run_alone(connection: Connection, job: Job) -> None:
    if job.abandoned:
        return
    transaction = connection.begin()
    try:
        with _session(connection, "rollback_only") as session:
            job.attempt(session)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the job
        job.error = as_meaning(error)
        if transaction.is_active:
            transaction.rollback()
        return
    transaction.commit()


def _attempt_in_savepoint(connection: Connection, job: Job) -> None:
    try:
        with _session(connection, "create_savepoint") as session:
            job.attempt(session)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the job
        job.error = as_meaning(error)
        _require_transaction(connection)


def _require_transaction(connection: Connection) -> None:
    """A full disk or an I/O error may end the whole transaction behind our back; then nothing of it may count."""
    raw: Any = connection.connection.driver_connection
    if not raw.in_transaction:
        raise _lost()


def _lost() -> Unavailable:
    return Unavailable(
        "The transaction ended early; nothing of it was stored",
        code="database_unavailable",
        cause="SQLite rolled back by itself, usually because of a full disk or an I/O error",
        fix="Check the disk, then try again",
        retry_after=5,
    )


def _session(connection: Connection, mode: Any) -> Session:
    return Session(connection, expire_on_commit=False, join_transaction_mode=mode)


def _engine(url: URL, *, begin: str, pool_size: int, read_only: bool) -> Engine:
    module = driver()
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        module=module,
        connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False, "isolation_level": None},
        pool_size=pool_size,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: object) -> None:
        _prepare(raw, module.sqlite_version_info, read_only=read_only)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    @event.listens_for(engine, "before_cursor_execute")
    def refuse_outside(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        raw: Any = connection.connection.driver_connection
        if not raw.in_transaction and not statement.startswith("BEGIN"):
            raise _lost()

    return engine


def _prepare(raw: Any, version: tuple[int, ...], *, read_only: bool) -> None:
    wal = version >= _WAL_SAFE
    pragmas = [
        f"journal_mode = {'WAL' if wal else 'DELETE'}",
        f"synchronous = {'FULL' if wal else 'EXTRA'}",
        "journal_size_limit = 67108864",
        "mmap_size = 0",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        f"cache_size = {-8192 if read_only else -65536}",
    ]
    if read_only:
        pragmas.append("query_only = ON")
    for pragma in pragmas:
        raw.execute(f"PRAGMA {pragma}").close()
