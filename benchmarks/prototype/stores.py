"""The two tables of the prototype on either engine: the sender's outbox, the receiver's records.

A channel is a log read from its last settled position onwards, so that a claim costs the same however much was sent
before. Each operation is one transaction, committed durably.
"""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import psycopg
import pysqlite3

Claimed = Sequence[tuple[int, str, str]]
"""Position, id and JSON text of messages, in order."""

Arrived = Sequence[tuple[str, str, int, str, int]]
"""Id, lane, sequence, data as JSON text, and the instant in unix microseconds."""

_SCHEMA = (
    "CREATE TABLE settled (channel INTEGER PRIMARY KEY, position BIGINT NOT NULL)",
    """CREATE TABLE outbox (channel INTEGER, position BIGINT, id TEXT NOT NULL, body TEXT NOT NULL,
       PRIMARY KEY (channel, position))""",
    """CREATE TABLE records (id TEXT PRIMARY KEY, lane TEXT NOT NULL, sequence BIGINT NOT NULL, data TEXT NOT NULL,
       arrived BIGINT NOT NULL)""",
)


class Store(Protocol):
    """What sender and receiver ask of their database."""

    def create(self, channels: int) -> None:
        """Make the tables."""

    def enqueue(self, channel: int, rows: Claimed) -> None:
        """Write messages into the outbox."""

    def claim(self, channel: int, after: int, limit: int) -> Claimed:
        """Return what follows a position."""

    def settle(self, channel: int, position: int) -> None:
        """Mark everything up to the position delivered."""

    def insert(self, rows: Arrived) -> set[str]:
        """Store what is new; return the ids of it."""

    def count(self) -> int:
        """Return how many records arrived."""

    def close(self) -> None:
        """Close the calling thread's connection."""


def open_store(url: str) -> Store:
    """Return the store of a ``sqlite:///`` or ``postgresql://`` URL."""
    if url.startswith("sqlite:///"):
        return SqliteStore(url.removeprefix("sqlite:///"))
    return PostgresStore(url)


class SqliteStore:
    """One connection of the process, write-ahead log, every commit synced."""

    def __init__(self, path: str) -> None:
        self._connection: Any = pysqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "temp_store = MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}").close()

    def create(self, channels: int) -> None:
        """Make the tables; the primary key is the table itself."""
        for statement in _SCHEMA:
            self._connection.execute(f"{statement} WITHOUT ROWID")
        self._connection.executemany("INSERT INTO settled VALUES (?, 0)", [(channel,) for channel in range(channels)])

    def enqueue(self, channel: int, rows: Claimed) -> None:
        """Write messages into the outbox."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(f"INSERT INTO outbox VALUES ({channel}, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def claim(self, channel: int, after: int, limit: int) -> Claimed:
        """Return what follows a position."""
        claimed: Claimed = self._connection.execute(
            "SELECT position, id, body FROM outbox WHERE channel = ? AND position > ? ORDER BY position LIMIT ?",
            (channel, after, limit),
        ).fetchall()
        return claimed

    def settle(self, channel: int, position: int) -> None:
        """Mark everything up to the position delivered."""
        self._connection.execute("UPDATE settled SET position = ? WHERE channel = ?", (position, channel))

    def insert(self, rows: Arrived) -> set[str]:
        """Store what is new; return the ids of it."""
        places = ", ".join(["(?, ?, ?, ?, ?)"] * len(rows))
        values = [value for row in rows for value in row]
        new = self._connection.execute(
            f"INSERT INTO records VALUES {places} ON CONFLICT DO NOTHING RETURNING id", values
        )
        return {identity for (identity,) in new.fetchall()}

    def count(self) -> int:
        """Return how many records arrived."""
        number: int = self._connection.execute("SELECT count(*) FROM records").fetchone()[0]
        return number

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresStore:
    """One connection a thread, every commit synced as the server is set."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=1)
        connection: psycopg.Connection[Any] = self._local.connection
        return connection

    def create(self, channels: int) -> None:
        """Make the tables."""
        for statement in _SCHEMA:
            self._connection.execute(statement)
        self._connection.execute("INSERT INTO settled SELECT n, 0 FROM generate_series(0, %s - 1) n", (channels,))

    def enqueue(self, channel: int, rows: Claimed) -> None:
        """Write messages into the outbox."""
        positions, identities, bodies = (list(column) for column in zip(*rows, strict=True))
        self._connection.execute(
            "INSERT INTO outbox SELECT %s, * FROM unnest(%b::bigint[], %b::text[], %b::text[])",
            (channel, positions, identities, bodies),
        )

    def claim(self, channel: int, after: int, limit: int) -> Claimed:
        """Return what follows a position."""
        return self._connection.execute(
            "SELECT position, id, body FROM outbox WHERE channel = %s AND position > %s ORDER BY position LIMIT %s",
            (channel, after, limit),
        ).fetchall()

    def settle(self, channel: int, position: int) -> None:
        """Mark everything up to the position delivered."""
        self._connection.execute("UPDATE settled SET position = %s WHERE channel = %s", (position, channel))

    def insert(self, rows: Arrived) -> set[str]:
        """Store what is new; return the ids of it."""
        new = self._connection.execute(
            "INSERT INTO records SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::bigint[]) "
            "ON CONFLICT DO NOTHING RETURNING id",
            [list(column) for column in zip(*rows, strict=True)],
        )
        return {identity for (identity,) in new.fetchall()}

    def count(self) -> int:
        """Return how many records arrived."""
        row = self._connection.execute("SELECT count(*) FROM records").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close the calling thread's connection."""
        self._connection.close()
