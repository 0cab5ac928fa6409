"""Waking whoever waits for a commit: LISTEN/NOTIFY between processes on PostgreSQL, a plain call on SQLite."""

import asyncio
import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from shared.runtime.jobs import AFTER_COMMIT, call_in

if TYPE_CHECKING:
    import psycopg

RECONNECT_SECONDS = 1.0
"""Pause between tries to reach a lost server."""

_log = logging.getLogger(__name__)


class _Listeners:
    """Who wants to hear of which channel, and in which event loop. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[str, list[Callable[[], None]]] = {}

    def add(self, channel: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a callback; the returned function removes it."""
        try:
            call = partial(call_in, asyncio.get_running_loop(), callback)
        except RuntimeError:
            call = partial(callback)
        with self._lock:
            self._callbacks.setdefault(channel, []).append(call)
        return partial(self._remove, channel, call)

    def channels(self) -> set[str]:
        """Channels anybody ever asked for."""
        with self._lock:
            return set(self._callbacks)

    def call(self, channel: str) -> None:
        """Call everybody who listens; one failing listener does not keep it from the others."""
        with self._lock:
            callbacks = list(self._callbacks.get(channel, ()))
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - logged; the others must hear all the same
                _log.exception("notification_failed")

    def _remove(self, channel: str, call: Callable[[], None]) -> None:
        with self._lock, suppress(ValueError):
            self._callbacks[channel].remove(call)


class LocalNotifications:
    """Within this process: an after-commit hook that calls the listeners."""

    def __init__(self) -> None:
        self._listeners = _Listeners()

    def notify(self, session: Session, channel: str) -> None:
        """Call the channel's listeners once the transaction has been committed."""
        session.info.setdefault(AFTER_COMMIT, []).append(partial(self._listeners.call, channel))

    def listen(self, channel: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a callback; the returned function removes it."""
        return self._listeners.add(channel, callback)

    def close(self) -> None:
        """Nothing is held open."""


class PostgresqlNotifications:
    """Between processes: NOTIFY inside the transaction; one listening connection on a thread begun when needed."""

    def __init__(self, url: URL) -> None:
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._listeners = _Listeners()
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def notify(self, session: Session, channel: str) -> None:
        """Send a notification that PostgreSQL delivers at commit, and not at all after a rollback."""
        session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})

    def listen(self, channel: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a callback, which may be called once without need at first; the returned function removes it."""
        remove = self._listeners.add(channel, callback)
        with self._lock:
            if self._wake is None:
                self._wake = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._run, args=(self._wake[1],), name="postgresql-listener", daemon=True
                )
                self._thread.start()
            else:
                self._wake[0].send(b"+")
        return remove

    def close(self) -> None:
        """End the thread and its connection."""
        self._closing.set()
        if self._wake is None or self._thread is None:
            return
        self._wake[0].send(b"-")
        self._thread.join()
        for end in self._wake:
            end.close()

    def _run(self, wake: socket.socket) -> None:
        import psycopg  # noqa: PLC0415 - a start on SQLite needs none

        while not self._closing.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5) as connection:
                    self._follow(connection, wake)
            except psycopg.Error as error:
                _log.warning("notifications_interrupted", extra={"cause": str(error)})
                self._closing.wait(RECONNECT_SECONDS)

    def _follow(self, connection: "psycopg.Connection[tuple[object, ...]]", wake: socket.socket) -> None:
        from psycopg import sql  # noqa: PLC0415 - as above

        heard: set[str] = set()
        while not self._closing.is_set():
            for channel in self._listeners.channels() - heard:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                heard.add(channel)
                self._listeners.call(channel)
            for channel in {notification.channel for notification in connection.notifies(timeout=0)}:
                self._listeners.call(channel)
            readable, _, _ = select.select([connection.fileno(), wake.fileno()], [], [])
            if wake.fileno() in readable:
                wake.recv(64)
