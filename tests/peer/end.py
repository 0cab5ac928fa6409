"""One side's view of a connection: what is pinned, queued, received (sections 8, 10 and 11)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.peer.crypto import KeySet, PublicKey, read_key_set
from tests.peer.exchange import Inbox, Outbox
from tests.peer.records import Book
from tests.peer.restores import Words
from tests.peer.wire import Document, Problem, b64u, encode, sha256

LANE = "connection"


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
    words: Words = field(default_factory=Words)
    floors: dict[str, int] | None = None
    """Restored, and the marks not compared yet: the first sequence given out since, by lane."""
    peer_restored: bool = False

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
        if epoch > self.peer_epoch:
            self.peer_epoch, self.peer_restored, self.words.heard = epoch, True, []

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
        } | self.words.carried()


def known(connection: Connection | None) -> Connection:
    """The connection, or Problem ``connection_unknown``."""
    if connection is None:
        raise Problem(404, "connection_unknown")
    return connection
