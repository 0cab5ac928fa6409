"""The database as the rest of the product sees it: hand over a synchronous function, get its result after the commit.

A transaction is one function ``work(session, ...)`` run on a database thread, one hop a transaction. It never commits;
returning commits, raising rolls back. It may be run more than once (PostgreSQL ends deadlocks that way), so it touches
nothing but its session. Writers on SQLite share commits, which is where their speed comes from.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from shared.runtime.columns import JsonText, UtcDateTime, make_base
from shared.runtime.database_errors import as_meaning
from shared.runtime.jobs import AFTER_COMMIT, Job, call_in, run_hooks
from shared.runtime.notifications import LocalNotifications, PostgresqlNotifications
from shared.runtime.postgresql import PostgresqlBackend
from shared.runtime.sqlite import SqliteBackend, driver
from shared.wire.errors import Invalid, Unavailable

__all__ = ["AFTER_COMMIT", "Database", "JsonText", "UtcDateTime", "after_commit", "make_base", "notify", "parse_url"]

P = ParamSpec("P")
T = TypeVar("T")

DATABASE = "database"
"""Key in ``session.info``: the `Database` the session belongs to."""

POOL_SIZE = 8
"""Database threads: all of them on PostgreSQL, readers on SQLite (which has one writer besides)."""


class _Backend(Protocol):
    name: str

    def submit_write(self, job: Job) -> None: ...
    def submit_read(self, job: Job) -> None: ...
    def transaction(self) -> AbstractContextManager[Session]: ...
    def snapshot(self) -> AbstractContextManager[Connection]: ...
    def maintenance(self) -> AbstractContextManager[Connection]: ...
    def close(self) -> None: ...


class _Notifications(Protocol):
    def notify(self, session: Session, channel: str) -> None: ...
    def listen(self, channel: str, callback: Callable[[], None]) -> Callable[[], None]: ...
    def close(self) -> None: ...


class Database:
    """One database, opened by ``sqlite:///path`` or ``postgresql://...``. Connects when first used; `close` it.

    Raises `Invalid` for a URL it cannot serve. Its methods may be called from any thread, the awaited ones from any
    event loop.
    """

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE) -> None:
        self.url = parse_url(url)
        self._backend: _Backend
        self._notifications: _Notifications
        if self.url.get_backend_name() == "sqlite":
            self._backend = SqliteBackend(self.url, readers=pool_size)
            self._notifications = LocalNotifications()
        else:
            self._backend = PostgresqlBackend(self.url, connections=pool_size)
            self._notifications = PostgresqlNotifications(self.url)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def engine_name(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._backend.name

    async def write(self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work(session, *args, **kwargs)`` in a transaction; return its result once that is durably committed.

        Raises what the work raises, and `Unavailable` when the database cannot be used. Cancelling the await takes
        back a transaction that has not begun; one that has is carried through, hooks included.
        """
        job = self._job(partial(_call, self, work, args, kwargs))
        self._backend.submit_write(job)
        return await job.future  # type: ignore[no-any-return]

    async def read(self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work(session, *args, **kwargs)`` in one snapshot of everything committed; writing is refused."""
        job = self._job(partial(_call, self, work, args, kwargs))
        self._backend.submit_read(job)
        return await job.future  # type: ignore[no-any-return]

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction in the calling thread, for the command line and for tests.

        Never await `write` inside it: on SQLite there is one writer, and it is you.
        """
        self._require_open()
        hooks: list[Callable[[], None]] = []
        with _meanings(), self._backend.transaction() as session:
            session.info[DATABASE] = self
            yield session
            hooks = session.info.get(AFTER_COMMIT, [])
        if self._loop is not None and self._loop.is_running():
            call_in(self._loop, run_hooks, hooks)
        else:
            run_hooks(hooks)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One read-only view of everything committed, in the calling thread, keeping no writer waiting (backup)."""
        self._require_open()
        with _meanings(), self._backend.snapshot() as connection:
            yield connection

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """One transaction for changing the schema (migrations, restore)."""
        self._require_open()
        with _meanings(), self._backend.maintenance() as connection:
            yield connection

    def notify(self, session: Session, channel: str) -> None:
        """Wake the listeners of ``channel`` at commit: in every process on PostgreSQL, in this one on SQLite."""
        self._notifications.notify(session, channel)

    def listen(self, channel: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every commit that notified ``channel``; returns a function that ends it.

        Called in the event loop that was running when listening began, otherwise in a background thread. A lost
        server connection is made again by itself, followed by one call, since a notification may have been missed.
        """
        self._require_open()
        return self._notifications.listen(channel, callback)

    async def ping(self) -> str:
        """Return the server's version after a round trip; raises `Unavailable`."""
        if self.engine_name == "sqlite":
            await self.read(lambda session: session.execute(text("SELECT 1")).scalar_one())
            return f"SQLite {driver().sqlite_version}"
        version: str = await self.read(lambda session: session.execute(text("SHOW server_version")).scalar_one())
        return f"PostgreSQL {version}"

    def close(self) -> None:
        """Carry through what was submitted, then close every connection and thread. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        self._notifications.close()
        self._backend.close()

    def _job(self, work: Callable[[Session], T]) -> Job:
        self._require_open()
        loop = asyncio.get_running_loop()
        self._loop = loop
        return Job(work, loop, loop.create_future())

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("The database has been closed", code="database_closed", cause="The process is stopping")


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Call ``hook`` in the event loop once this transaction has been committed; never when it is rolled back."""
    session.info.setdefault(AFTER_COMMIT, []).append(hook)


def parse_url(url: str) -> URL:
    """Read a database URL; raise `Invalid`, without showing a password, for one that cannot be served."""
    fix = "Use sqlite:////absolute/path/file.db or postgresql://user:password@host/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Invalid("The database URL cannot be read", code="database_url", fix=fix) from error
    engine = parsed.get_backend_name()
    if engine == "postgres":
        return parsed.set(drivername="postgresql")
    if engine not in {"sqlite", "postgresql"}:
        raise Invalid(f"Databases of the kind {engine!r} are not supported", code="database_url", fix=fix)
    if engine == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise Invalid("SQLite in memory would forget everything", code="database_url", fix=fix)
    return parsed


def notify(session: Session, channel: str) -> None:
    """Wake the listeners of ``channel`` once this session's transaction has been committed (see `Database.notify`)."""
    database: Database = session.info[DATABASE]
    database.notify(session, channel)


@contextmanager
def _meanings() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        meaning = as_meaning(error)
        if meaning is error:
            raise
        raise meaning from error


def _call(
    database: Database, work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object], session: Session
) -> T:
    session.info[DATABASE] = database
    return work(session, *args, **kwargs)
