"""PostgreSQL as the product uses it: psycopg 3 in a pool of threads, one transaction a hop."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from shared.runtime.database_errors import as_meaning, wants_another_try
from shared.runtime.jobs import Job, settle

ATTEMPTS = 5
"""Times a transaction is tried that the server ends for a deadlock; the work is run again from its beginning."""

PAUSE_SECONDS = 0.02
"""Longest rest before the second try, drawn anew and growing with each, so that the same two do not meet again."""

CONNECT_SECONDS = 10
"""How long to wait for the server, and for a free connection."""


class PostgresqlBackend:
    """Runs jobs against a PostgreSQL database. Thread-safe; `close` carries through what was submitted before it."""

    name = "postgresql"

    def __init__(self, url: URL, *, connections: int) -> None:
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=2,  # the command line's transaction() beside a busy pool
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            # A plan kept from when a table was empty goes on scanning it when it is full (measured: 3 times slower).
            connect_args={"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None},
        )
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="postgresql")

    def submit_write(self, job: Job) -> None:
        """Run a job on a pool thread, READ COMMITTED."""
        self._threads.submit(self._run, job, self._engine)

    def submit_read(self, job: Job) -> None:
        """Run a job on a pool thread, in a snapshot that refuses writing."""
        self._threads.submit(self._run, job, self._snapshots)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction in the calling thread."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One read-only transaction in the calling thread."""
        with self._snapshots.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """One transaction for changing the schema."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Finish what is queued, end the threads, close the connections."""
        self._threads.shutdown()
        self._engine.dispose()

    def _run(self, job: Job, engine: Engine) -> None:
        if job.abandoned:
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with Session(engine, expire_on_commit=False) as session:
                    job.attempt(session)
                job.error = None
                break
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the job
                job.error = as_meaning(error)
                if attempt == ATTEMPTS or not wants_another_try(error):
                    break
                time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))
        settle([job])
