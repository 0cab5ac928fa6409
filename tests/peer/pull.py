"""The provider's queue for consumers that are never called (section 9)."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.peer.connection import LANE, MESSAGES, Connection, Linked
from tests.peer.exchange import check_outcomes
from tests.peer.serving import Incoming, Route
from tests.peer.wire import Document, PeerLied, Problem, new_id

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
        """Queue a goodbye; the connection closes when the consumer has settled it."""
        connection.outbox.enqueue(LANE, "goodbye", {"reason": reason})

    def _available(self, connection: Connection) -> list[Document]:
        self.leases = {name: lease for name, lease in self.leases.items() if lease.until > self.clock()}
        given = {message["id"] for lease in self.leases.values() for message in lease.messages}
        return [message for message in connection.outbox.waiting(10_000) if message["id"] not in given][:100]

    async def _on_pull(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
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
        connection = self.authenticate(incoming)
        document = incoming.document()
        connection.take_epoch(document.get("epoch"))
        lease = self.leases.get(str(document.get("lease")))
        if lease is None or lease.connection != connection.id or lease.until <= self.clock():
            raise Problem(409, "lease_unknown")
        try:
            check_outcomes([message["id"] for message in lease.messages], document.get("outcomes"))
        except PeerLied as lie:
            raise Problem(422, "invalid", str(lie)) from lie
        connection.outbox.settle(lease.messages, document["outcomes"])
        del self.leases[str(document["lease"])]
        if any(message["type"] == "goodbye" for message in lease.messages):
            connection.closed = "us"
        return {"epoch": self.epoch, "outcomes": []}
