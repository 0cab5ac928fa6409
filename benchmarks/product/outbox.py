"""What the sender's database says of the exchange: how much is settled, and when it was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pysqlite3

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Settled:
    """A message's life at its sender, in unix milliseconds."""

    written_at: int
    settled_at: int


class Reader:
    """A read-only look at one database from outside."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def one(self, statement: str) -> Any:
        """Return the first column of the first row."""
        row = self._connection.execute(statement).fetchone()
        return row[0] if row else None

    def settled(self) -> int:
        """Return how many messages have their verdict, in all channels."""
        return int(self.one("SELECT coalesce(sum(settled_position), 0) FROM delivery_channels"))

    def queued(self) -> int:
        """Return how many messages wait."""
        return int(self.one("SELECT coalesce(sum(next_position - 1 - settled_position), 0) FROM delivery_channels"))

    def last_settled_at(self) -> int:
        """Return when the last verdict came, in unix milliseconds."""
        return int(self.one("SELECT coalesce(max(settled_at), 0) FROM delivery_settlements"))

    def received(self) -> int:
        """Return how many incident messages were applied here."""
        return int(self.one("SELECT count(*) FROM delivery_inbox WHERE outcome = 'applied' AND type = 'incident'"))

    def refusals(self) -> str:
        """Return the outcomes and problems of what was received, for the one who has to find out why."""
        rows = self._connection.execute(
            "SELECT type, outcome, problem, count(*) FROM delivery_inbox GROUP BY type, outcome, problem LIMIT 9"
        ).fetchall()
        return "; ".join(str(tuple(row)) for row in rows)

    def lives(self, count: int) -> list[Settled]:
        """Return the lives of the last ``count`` incident messages."""
        rows = self._connection.execute(
            "SELECT o.created_at, (SELECT s.settled_at FROM delivery_settlements s WHERE s.connection_id ="
            " o.connection_id AND s.channel = o.channel AND s.last_position >= o.position"
            " ORDER BY s.last_position LIMIT 1) FROM (SELECT * FROM delivery_outbox WHERE type = 'incident'"
            f" ORDER BY created_at DESC LIMIT {count}) o"
        ).fetchall()
        return [Settled(int(written), int(settled)) for written, settled in rows]

    def wait_until_empty(self, seconds: float) -> None:
        """Wait until nothing waits; raise RuntimeError if it takes longer than ``seconds``."""
        end = time.monotonic() + seconds
        while self.queued():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.queued()} messages still wait after {seconds:g} seconds")
            time.sleep(POLL_SECONDS)


@contextmanager
def reader(url: str) -> Iterator[Reader]:
    """Open a database for reading."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        connection: Any = pysqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    else:
        connection = psycopg.connect(url, autocommit=True)
    try:
        yield Reader(connection)
    finally:
        connection.close()
