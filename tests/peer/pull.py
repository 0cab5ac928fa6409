"""The provider's queue for consumers that are never called (section 9)."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.peer.connection import LANE, MESSAGES, Connection, Linked
from tests.peer.exchange import check_verdicts
from tests.peer.serving import Incoming, Route
from tests.peer.wire import Document, Problem, new_id

LEASE_SECONDS = 60


@dataclass
class Lease:
    """Messages given out until ``until`` (Unix seconds)."""

    connection: str
    messages: list[Document]
    until: float


class Queued(Linked):
    """An instance that gives out messages on leases."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.leases: dict[str, Lease] = {}

    def routes(self) -> list[Route]:
        """The two calls of a pull consumer."""
        return [
            *super().routes(),
            Route("GET", MESSAGES, "pull", self._on_pull, ("wait",)),
            Route("POST", "/exchange/v1/outcomes", "outcomes", self._on_outcomes),
        ]

    def goodbye_by_message(self, connection: Connection, reason: str) -> None:
        """Close, and queue a goodbye as the last message; the consumer may fetch until it has settled that."""
        connection.outbox.enqueue(LANE, "goodbye", {"reason": reason})
        connection.closed, connection.farewell = "us", True

    def _available(self, connection: Connection) -> list[Document]:
        self.leases = {name: lease for name, lease in self.leases.items() if lease.until > self.clock()}
        given = {message["id"] for lease in self.leases.values() for message in lease.messages}
        return [message for message in connection.outbox.waiting(10_000) if message["id"] not in given][:100]

    async def _on_pull(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming, fetching=True)
        wait = incoming.query.get("wait", "0")
        if not wait.isascii() or not wait.isdigit() or int(wait) > 25:
            raise Problem(422, "invalid", errors=[{"pointer": "/wait", "detail": "0 to 25"}])
        found = self._available(connection)
        if not found and int(wait):
            connection.outbox.filled.clear()
            try:
                async with asyncio.timeout(int(wait)):
                    await connection.outbox.filled.wait()
            except TimeoutError:
                pass
            found = self._available(connection)
        if not found:
            return {"epoch": self.epoch, "lease": None, "messages": []}
        lease = new_id(self.clock())
        self.leases[lease] = Lease(connection.id, found, self.clock() + LEASE_SECONDS)
        return {"epoch": self.epoch, "lease": lease, "messages": found}

    async def _on_outcomes(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming, fetching=True)
        document = incoming.document()
        connection.take_epoch(document.get("epoch"))
        lease = self.leases.get(str(document.get("lease")))
        if lease is None or lease.connection != connection.id or lease.until <= self.clock():
            raise Problem(409, "lease_unknown")
        given = {message["id"]: message["type"] for message in lease.messages}
        verdicts = [outcome for outcome in check_verdicts(document.get("outcomes")) if outcome["id"] in given]
        for outcome in verdicts:
            connection.outbox.verdict(outcome)
        connection.outbox.contact()
        del self.leases[str(document["lease"])]
        if any(given[outcome["id"]] == "goodbye" for outcome in verdicts):
            connection.farewell = False
        return {"epoch": self.epoch, "outcomes": []}
