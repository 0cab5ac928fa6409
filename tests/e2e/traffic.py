"""API clients that write incidents, changes and comments on one side, and remember what was acknowledged.

A call that got no answer is repeated with its idempotency key until one comes: it must count once, whether or not the
first attempt was carried out before the process died. The clients of one side change ``category`` (provider) or
``subcategory`` (consumer), which nobody else writes, and ``description``, which both sides fight over.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.e2e.machines import Api, Machine
from tests.patience import PATIENCE_SECONDS

OWN_FIELD = {"provider": "category", "consumer": "subcategory"}
ANSWER_SECONDS = PATIENCE_SECONDS
CLIENTS = 2


@dataclass(frozen=True)
class Acknowledged:
    """One operation that got its 2xx: on which side, in which order of its client, and what it wrote."""

    side: str
    client: str
    op: str
    incident_id: str
    mark: str
    """A text no other operation writes: the created record's, the changed field's, or the comment's."""
    field: str = ""


@dataclass
class Log:
    """What all clients were told is done, in the order they were told."""

    entries: list[Acknowledged] = field(default_factory=list)
    repeated: int = 0
    """Calls that were sent more than once."""


class Client:
    """Writes through one side's API until stopped; of the peer's records it changes the ``index``-th part."""

    def __init__(self, machine: Machine, index: int, connection_id: str, log: Log, seed: str, pause: float) -> None:
        self.side = machine.name
        self.name = f"{self.side[0]}{index}"
        self._index = index
        self._connection_id = connection_id
        self._api = Api(machine)
        self._log = log
        self._random = Random(f"{seed}/{self.name}")
        self._pause = pause
        self._marks = 0
        self._mine: list[str] = []
        self._theirs: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Write until ``stop``; everything begun is acknowledged when this returns."""
        try:
            while not stop.is_set():
                await self._bulk(list(self._operations()))
                await self._look_for_theirs()
                await _pause(stop, self._pause)
        finally:
            await self._api.aclose()

    def _operations(self) -> Iterator[dict[str, Any]]:
        for step in range(self._random.randint(1, 2)):
            fields = {"short_description": "Something is down", "state": "New", "location": self._mark()}
            yield {"op": "create", "ref": f"r{step}", "fields": fields}
        known = [*self._mine[-20:], *self._theirs[-20:]]
        for incident_id in self._random.sample(known, min(len(known), 3)):
            for _ in range(self._random.randint(1, 2)):
                yield {"id": incident_id, **self._touch()}

    def _touch(self) -> dict[str, Any]:
        kind = self._random.choice((OWN_FIELD[self.side], OWN_FIELD[self.side], "comment", "comment", "description"))
        if kind == "comment":
            return {"op": "comment", "text": self._mark()}
        return {"op": "update", "fields": {kind: self._mark()}}

    def _mark(self) -> str:
        self._marks += 1
        return f"{self.name}-{self._marks}"

    async def _bulk(self, operations: list[dict[str, Any]]) -> None:
        body = {"connection_id": self._connection_id, "operations": operations}
        answer = await self._acknowledged("POST", "/api/v1/incidents/bulk", body)
        for operation, item in zip(operations, answer["items"], strict=True):
            assert item["status"] < 300, item
            fields = operation.get("fields", {})
            name = "location" if operation["op"] == "create" else next(iter(fields), "")
            mark = fields.get(name) or operation["text"]
            self._log.entries.append(Acknowledged(self.side, self.name, operation["op"], item["id"], mark, name))
            if operation["op"] == "create":
                self._mine.append(item["id"])

    async def _look_for_theirs(self) -> None:
        """Learn of records of the peer, of which each client takes its part."""
        answer = await self._acknowledged("GET", "/api/v1/incidents?limit=30", None)
        for item in answer["items"]:
            number = int(item["fields"].get("location", "-0").rpartition("-")[2])
            if item["origin"] != "local" and number % CLIENTS == self._index and item["id"] not in self._theirs:
                self._theirs.append(item["id"])

    async def _acknowledged(self, method: str, path: str, body: Any) -> Any:
        key = f"{self.name}-{self._random.getrandbits(64):016x}"
        response = await self._answer(method, path, body, key)
        if response is None:
            self._log.repeated += 1
            async with asyncio.timeout(ANSWER_SECONDS):
                while response is None:
                    await asyncio.sleep(0.05)
                    response = await self._answer(method, path, body, key)
        assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    async def _answer(self, method: str, path: str, body: Any, key: str) -> httpx.Response | None:
        """Send once; return None for what tells nothing of whether it was carried out."""
        try:
            response = await self._api.send(method, path, body, key=key)
        except httpx.TransportError:
            return None
        return response if response.status_code < 500 else None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
