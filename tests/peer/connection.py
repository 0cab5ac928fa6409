"""Connections after completion: messages, heartbeats, keys, goodbye, both ways (sections 8, 10 and 11)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.peer.crypto import KeySet, PublicKey, read_key_set
from tests.peer.exchange import Inbox, Outbox, check_message
from tests.peer.instance import Refused, idempotency_key
from tests.peer.records import Book
from tests.peer.serving import Incoming, Route, Served
from tests.peer.signing import CONNECTION
from tests.peer.wire import Document, PeerLied, Problem, b64u, encode, sha256

LANE = "connection"
MESSAGES = "/exchange/v1/messages"


@dataclass
class Connection:
    """One side's view. ``refusal`` makes every call fail; ``farewell``: closed, the goodbye still to be fetched."""

    id: str
    role: str
    peer: str
    keys: KeySet
    delivery: str
    clock: Callable[[], float]
    peer_epoch: int = 1
    theirs: Document | None = None
    closed: str | None = None
    farewell: bool = False
    refusal: Problem | None = None
    heartbeats: int = 0
    batch: int = 100
    dislikes: Callable[[Document], bool] = lambda _message: False
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.clock)
        self.inbox = Inbox(self.apply, late=lambda outcome: self.outbox.enqueue(LANE, "outcome", outcome))
        self.book = Book(self.role, self.inbox, self.outbox, self.clock)

    @property
    def agreed(self) -> bool:
        """Whether each side applied the other's settings."""
        ours = [entry for entry in self.outbox.entries.values() if entry.message["type"] == "settings"]
        return self.theirs is not None and bool(ours) and ours[-1].state == "done"

    def find_key(self, keyid: str) -> PublicKey | None:
        """The peer's http key."""
        return self.keys.find(keyid, "http")

    def pin(self, statement: Any) -> None:
        """Take a newer key set of the same identity; Problem with the code of the rule it breaks."""
        same = {"issuer": self.keys.issuer, "instance_id": self.keys.instance_id}
        now = int(self.clock())
        self.keys = read_key_set(statement, now=now, pinned=self.keys.identity, previous=self.keys, **same)

    def take_epoch(self, epoch: Any) -> None:
        """Note the peer's epoch; Problem ``epoch_old``."""
        if type(epoch) is not int:
            raise Problem(400, "malformed", "epoch")
        if epoch < self.peer_epoch:
            raise Problem(409, "epoch_old")
        self.peer_epoch = epoch

    def apply(self, message: Document) -> None:
        """Apply a message of any type; Problem rejects it."""
        kind, data = message["type"], message["data"]
        if kind == "settings":
            self.theirs = data
        elif kind == "outcome" and isinstance(data.get("id"), str) and isinstance(data.get("outcome"), str):
            self.outbox.verdict(data)
        elif kind == "keys":
            self.pin(data.get("key_set"))
        elif kind == "goodbye":
            self.closed = "peer"
        else:
            self.book.apply(message)
        self.told.append(kind)

    def heartbeat(self, epoch: int, software: str) -> Document:
        """The next heartbeat of this side."""
        self.heartbeats += 1
        return {
            "number": self.heartbeats,
            "epoch": epoch,
            "time": int(self.clock() * 1000),
            "state": "Closed" if self.closed else "Active",
            "queued": len(self.outbox.waiting(10_000)),
            "sent": sum(entry.state == "done" for entry in self.outbox.entries.values()),
            "received": len(self.inbox.applied),
            "digest": b64u(sha256(encode(sorted(self.inbox.highest.items())))),
            "software": software,
        }


def known(connection: Connection | None) -> Connection:
    """The connection, or Problem ``connection_unknown``."""
    if connection is None:
        raise Problem(404, "connection_unknown")
    return connection


class Linked(Served):
    """An instance with connections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.connections: dict[str, Connection] = {}
        self.stored: dict[tuple[str, str], tuple[tuple[str, bytes], Document]] = {}

    def routes(self) -> list[Route]:
        """The calls of a connection."""
        return [
            *super().routes(),
            Route("POST", MESSAGES, "messages", self._on_messages),
            Route("POST", "/exchange/v1/heartbeat", "heartbeat", self._on_heartbeat),
            Route("POST", "/exchange/v1/keys", "keys", self._on_keys),
            Route("POST", "/exchange/v1/goodbye", "goodbye", self._on_goodbye),
        ]

    def connect(self, connection: Connection) -> None:
        """Open a connection; this side's settings are its first message."""
        self.connections[connection.id] = connection
        connection.outbox.enqueue(LANE, "settings", self.settings())

    def authenticate(self, incoming: Incoming, *, fetching: bool = False) -> Connection:
        """The connection a verified request names; Problem otherwise. ``fetching`` may go on until the goodbye."""
        named = self.connections.get(incoming.header(CONNECTION) or "")
        self.verify(incoming, lambda kid: known(named).find_key(kid))
        connection = known(named)
        if connection.closed and not (fetching and connection.farewell):
            raise Problem(410, "connection_closed")
        connection.outbox.contact()
        if connection.refusal:
            raise connection.refusal
        return connection

    def repeated(self, scope: str, incoming: Incoming) -> Document | None:
        """The stored answer when key, path and body came before; Problem ``idempotency_key_reused`` for others."""
        wanted = (incoming.path, incoming.request.body)
        known, answer = self.stored.get((scope, incoming.header("idempotency-key") or ""), (wanted, None))
        if known != wanted:
            raise Problem(422, "idempotency_key_reused")
        return answer

    def store(self, scope: str, incoming: Incoming, answer: Document) -> Document:
        """Keep an answer for a repetition of the request."""
        wanted = (incoming.path, incoming.request.body)
        self.stored[scope, incoming.header("idempotency-key") or ""] = (wanted, answer)
        return answer

    async def _on_messages(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        document = incoming.document()
        connection.take_epoch(document.get("epoch"))
        messages = document.get("messages")
        if not isinstance(messages, list):
            raise Problem(400, "malformed", "messages")
        if not 1 <= len(messages) <= 100:
            raise Problem(422, "invalid", "messages")
        for message in messages:
            check_message(message, connection.dislikes)
        return {"epoch": self.epoch, "outcomes": [connection.inbox.receive(message) for message in messages]}

    async def _on_heartbeat(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        known = self.repeated(connection.id, incoming)
        if known:
            return known
        connection.take_epoch(incoming.document().get("epoch"))
        return self.store(connection.id, incoming, connection.heartbeat(self.epoch, self.software))

    async def _on_keys(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        connection.pin(incoming.document().get("key_set"))
        return {"sequence": connection.keys.sequence}

    async def _on_goodbye(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        connection.closed = str(incoming.document().get("reason"))
        return {"connection_id": connection.id, "state": "Closed"}

    async def on_connection(
        self, connection: Connection, method: str, path: str, document: Document | None, step: str
    ) -> Document:
        """One signed call to the peer of a connection."""
        keyed = method == "POST" and path not in (MESSAGES, "/exchange/v1/outcomes")
        return await self.call(
            method,
            connection.peer,
            path,
            document,
            step=step,
            find_key=connection.find_key,
            connection=connection.id,
            idempotency_key=idempotency_key() if keyed else None,
        )

    async def push(self, connection: Connection) -> str:
        """Send one batch; what came of it: ``nothing``, ``settled``, or the code or word of the failure."""
        sent = connection.outbox.waiting(connection.batch)
        if not sent or connection.closed:
            return "nothing"
        try:
            answer = await self.on_connection(
                connection, "POST", MESSAGES, {"epoch": self.epoch, "messages": sent}, "messages"
            )
            connection.take_epoch(answer.get("epoch"))
            connection.outbox.settle(sent, answer.get("outcomes"))
        except Refused as refusal:
            if refusal.code == "connection_closed":
                connection.closed = "peer"
            if refusal.code in ("too_large", "malformed", "invalid"):
                connection.batch = connection.outbox.split(sent, refusal.code)
            connection.outbox.failed(refusal.extra.get("retry_after"))
            return refusal.code
        except (PeerLied, Problem) as lie:
            connection.outbox.failed()
            return lie.why if isinstance(lie, PeerLied) else lie.code
        except httpx.HTTPError:
            connection.outbox.failed()
            return "unreachable"
        connection.batch = 100
        return "settled"

    async def beat(self, connection: Connection) -> Document:
        """Send a heartbeat; the peer's."""
        ours = connection.heartbeat(self.epoch, self.software)
        return await self.on_connection(connection, "POST", "/exchange/v1/heartbeat", ours, "heartbeat")

    async def tell_keys(self, connection: Connection) -> Document:
        """Tell the peer the key set of now."""
        return await self.on_connection(connection, "POST", "/exchange/v1/keys", {"key_set": self.key_set()}, "keys")

    async def refresh(self, connection: Connection) -> None:
        """Learn the peer's keys of now from its discovery; Problem or PeerLied."""
        known = connection.keys
        _, connection.keys = await self.discover(connection.peer, pinned=known.identity, previous=known)

    async def leave(self, connection: Connection, reason: str) -> Document:
        """Say goodbye."""
        answer = await self.on_connection(connection, "POST", "/exchange/v1/goodbye", {"reason": reason}, "goodbye")
        connection.closed = reason
        return answer
