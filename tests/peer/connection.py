"""Connections after completion: messages, heartbeats, keys, goodbye, both ways (sections 8, 10 and 11)."""

from typing import Any

import httpx

from tests.peer.end import LANE, Connection, known
from tests.peer.exchange import check_message
from tests.peer.instance import Refused, idempotency_key
from tests.peer.restores import align, marks, page, pass_over, read_gone, read_marks, require_page
from tests.peer.serving import Incoming, Route, Served
from tests.peer.signing import CONNECTION
from tests.peer.wire import Document, PeerLied, Problem

MESSAGES = "/exchange/v1/messages"
MARKS = "/exchange/v1/marks"

__all__ = ["LANE", "MARKS", "MESSAGES", "Connection", "Linked"]


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
            Route("POST", MARKS, "marks", self._on_marks),
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
        connection.words.check(document.get("history"))
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
        connection.words.take(incoming.document())
        return self.store(connection.id, incoming, connection.heartbeat(self.epoch, self.software))

    async def _on_marks(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        known = self.repeated(connection.id, incoming)
        if known:
            return known
        asked = incoming.document()
        connection.take_epoch(asked.get("epoch"))
        if connection.floors is None and not connection.peer_restored:
            raise Problem(409, "marks_unasked")
        pass_over(connection, read_gone(asked.get("gone")))
        answer: Document = {
            "epoch": self.epoch,
            "after": asked["after"],
            "upto": asked["upto"],
            "lanes": [],
            "gone": [],
        }
        if asked.get("done"):
            connection.floors, connection.peer_restored = None, False
            return self.store(connection.id, incoming, answer | {"done": True})
        mine = marks(connection, asked["after"], asked["upto"])
        kept = align(connection, mine, read_marks(asked["lanes"]))
        answer["lanes"] = [mark | {"kept": kept.get(mark["lane"], 0)} for mark in mine]
        return self.store(connection.id, incoming, answer | {"done": False})

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
        if not sent or connection.closed or connection.floors is not None:
            return "nothing"
        try:
            answer = await self.on_connection(
                connection,
                "POST",
                MESSAGES,
                {"epoch": self.epoch, "history": connection.words.told, "messages": sent},
                "messages",
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
        answer = await self.on_connection(connection, "POST", "/exchange/v1/heartbeat", ours, "heartbeat")
        connection.take_epoch(answer.get("epoch"))
        connection.words.answered(ours["history"])
        connection.words.take(answer)
        return answer

    async def compare(self, connection: Connection) -> None:
        """Compare marks with the peer after a restore of either side."""
        after: str | None = ""
        gone: list[Document] = []
        while after is not None:
            upto, mine = page(connection, after)
            asked = {"epoch": self.epoch, "after": after, "upto": upto, "lanes": mine, "gone": gone, "done": False}
            answer = await self.on_connection(connection, "POST", MARKS, asked, "marks")
            connection.take_epoch(answer.get("epoch"))
            require_page(asked, answer)
            after = answer.get("upto")
            theirs = read_marks(answer["lanes"])
            pass_over(connection, {lane: mark["kept"] for lane, mark in theirs.items() if mark["kept"]})
            kept = align(connection, [mark for mark in mine if after is None or mark["lane"] <= after], theirs)
            received = {lane: mark["received"] for lane, mark in theirs.items()}
            lost = {lane: before for lane, before in kept.items() if before > received.get(lane, 0) + 1}
            gone = [{"lane": lane, "before": before} for lane, before in lost.items()]
        over = {"epoch": self.epoch, "after": "", "upto": None, "lanes": [], "gone": gone, "done": True}
        await self.on_connection(connection, "POST", MARKS, over, "marks")
        connection.floors, connection.peer_restored = None, False

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
