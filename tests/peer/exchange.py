"""Lanes, sequences, outcomes: one direction's outbox and the other direction's inbox (section 8)."""

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.peer.wire import Document, PeerLied, Problem, content_hash, new_id

SCHEDULE = (1, 5, 30, 120, 600, 1800, 3600)
HELD_A_LANE, HELD_A_CONNECTION = 100, 10_000
VOID = "void"
OUTCOMES = ("applied", "duplicate", "held", "deferred", "rejected", "conflict")
_LANE = re.compile(r"[A-Za-z0-9._:-]{1,80}\Z")
_FORM = {"id": str, "lane": str, "sequence": int, "type": str, "time": str, "subject": str, "data": dict}


def rfc3339(unix_seconds: float) -> str:
    """A time as documents have it."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_message(message: Any, dislikes: Callable[[Document], bool] = lambda _message: False) -> None:
    """Problem ``malformed`` unless it has the form of a message, ``too_large`` for one that the receiver dislikes."""
    if not isinstance(message, dict) or any(type(message.get(name)) is not kind for name, kind in _FORM.items()):
        raise Problem(400, "malformed", "not a message")
    if message["sequence"] < 1 or not _LANE.match(message["lane"]) or len(message["subject"]) > 200:
        raise Problem(400, "malformed", "not a message")
    if dislikes(message):
        raise Problem(413, "too_large", "disliked")


@dataclass
class Inbox:
    """What came from the peer. ``apply`` raises Problem to reject; ``late`` hears the verdicts on held messages."""

    apply: Callable[[Document], None]
    late: Callable[[Document], None] = lambda _outcome: None
    highest: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Document] = field(default_factory=dict)
    places: dict[tuple[str, int], str] = field(default_factory=dict)
    held: dict[tuple[str, int], Document] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)

    def receive(self, message: Document) -> Document:
        """The outcome of one message."""
        check_message(message)
        known = self._withdrawn(message) or self._known(message)
        if known:
            return known
        lane, sequence = message["lane"], message["sequence"]
        if sequence <= self.highest.get(lane, 0):
            return {"id": message["id"], "outcome": "duplicate"}
        if sequence > self.highest.get(lane, 0) + 1:
            return self._hold(message)
        outcome = self._settle(message)
        self._drain(lane)
        return outcome

    def _known(self, message: Document) -> Document | None:
        said = content_hash(message)
        before = self.places.get((message["lane"], message["sequence"]))
        before = message["id"] if message["id"] in self.hashes else before
        if before is None:
            return None
        if self.hashes[before] != said:
            return {"id": message["id"], "outcome": "conflict"}
        return {"id": message["id"], "outcome": "duplicate", "stored": self.outcomes[before]["outcome"]}

    def _withdrawn(self, message: Document) -> Document | None:
        """A void of a message that is here changes nothing: what became of that one stands."""
        here = self.places.get((message["lane"], message["sequence"]))
        if message["type"] != VOID or here != message["id"]:
            return None
        return {"id": message["id"], "outcome": "duplicate", "stored": self.outcomes[here]["outcome"]}

    def _remember(self, message: Document, outcome: Document) -> Document:
        self.hashes[message["id"]] = content_hash(message)
        self.outcomes[message["id"]] = outcome
        self.places[message["lane"], message["sequence"]] = message["id"]
        return outcome

    def _hold(self, message: Document) -> Document:
        in_lane = sum(lane == message["lane"] for lane, _ in self.held)
        if in_lane >= HELD_A_LANE or len(self.held) >= HELD_A_CONNECTION:
            return {"id": message["id"], "outcome": "deferred"}
        self.held[message["lane"], message["sequence"]] = message
        return self._remember(message, {"id": message["id"], "outcome": "held"})

    def _settle(self, message: Document) -> Document:
        outcome: Document = {"id": message["id"], "outcome": "applied"}
        try:
            if message["type"] == VOID:
                raise Problem(422, "voided")
            self.apply(message)
            self.applied.append(message["id"])
        except Problem as problem:
            outcome |= {"outcome": "rejected", "problem": problem.document()}
        self.highest[message["lane"]] = message["sequence"]
        return self._remember(message, outcome)

    def leap(self, lane: str, before: int) -> None:
        """Wait no more for what is missing below a sequence; what is held there is applied, in order."""
        for held in sorted(sequence for name, sequence in self.held if name == lane and sequence < before):
            self.late(self._settle(self.held.pop((lane, held))))
        self.highest[lane] = max(self.highest.get(lane, 0), before - 1)
        self._drain(lane)

    def _drain(self, lane: str) -> None:
        while message := self.held.pop((lane, self.highest[lane] + 1), None):
            self.late(self._settle(message))


@dataclass
class Entry:
    """A message on its way out; ``state`` is waiting, held, done, rejected or conflict.

    ``original`` is what ``message`` stands for as a void.
    """

    message: Document
    state: str = "waiting"
    problem: Document | None = None
    original: Document | None = None

    def refused(self, code: str) -> None:
        """The peer refused the request with this message alone: void it, or take a refused void back."""
        if self.original is not None:
            self.message, self.original = self.original, None
            return
        self.original = self.message
        data = {"type": self.message["type"], "code": code, "detail": ""}
        self.message = {**self.message, "type": VOID, "subject": "", "data": data}


@dataclass
class Outbox:
    """What goes to the peer, in order within a lane, retried until there is a verdict."""

    clock: Callable[[], float]
    entries: dict[str, Entry] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    next_at: float = 0.0
    disorder: random.Random | None = None
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    def enqueue(self, lane: str, kind: str, data: Document, subject: str = "") -> Document:
        """Queue a message on its lane's next sequence."""
        self.sequences[lane] = self.sequences.get(lane, 0) + 1
        now = self.clock()
        message: Document = {
            "id": new_id(now),
            "lane": lane,
            "sequence": self.sequences[lane],
            "type": kind,
            "time": rfc3339(now),
            "subject": subject,
            "data": data,
        }
        self.entries[message["id"]] = Entry(message)
        self.filled.set()
        return message

    def waiting(self, limit: int = 100) -> list[Document]:
        """What to send next, oldest first; with ``disorder`` a random part of it in no order at all."""
        found = [entry.message for entry in self.entries.values() if entry.state == "waiting"][:limit]
        if self.disorder and found:
            return self.disorder.sample(found, self.disorder.randint(1, len(found)))
        return found

    @property
    def due(self) -> bool:
        """Whether there is something to send and the back-off is over."""
        return bool(self.waiting(1)) and self.clock() >= self.next_at

    @property
    def settled(self) -> bool:
        """Whether every message has a final verdict."""
        return all(entry.state in ("done", "rejected", "conflict") for entry in self.entries.values())

    def settle(self, sent: list[Document], outcomes: Any) -> None:
        """Take the verdicts of an answer; PeerLied (nothing taken) unless there is one a message, in order."""
        check_outcomes([message["id"] for message in sent], outcomes)
        for outcome in outcomes:
            self.verdict(outcome)
        deferred = any(outcome["outcome"] == "deferred" for outcome in outcomes)
        if deferred:
            self.failed()
        else:
            self.contact()

    def verdict(self, outcome: Document) -> None:
        """Take one verdict; a final one is never taken back."""
        entry = self.entries.get(outcome["id"])
        if entry is None or entry.state not in ("waiting", "held"):
            return
        word: str = outcome["outcome"]
        if word == "duplicate":
            word = outcome.get("stored", "applied")
        states: dict[str, str] = {"applied": "done", "duplicate": "done", "deferred": "waiting"}
        entry.state = states.get(word, word)
        entry.problem = outcome.get("problem")

    def split(self, sent: list[Document], code: str) -> int:
        """A request was refused whole; how many messages to send next. One that stood alone is withdrawn."""
        if len(sent) == 1:
            self.entries[sent[0]["id"]].refused(code)
        return max(len(sent) // 2, 1)

    def failed(self, retry_after: float | None = None) -> None:
        """No verdict came: back off (without the spread, so that tests can count)."""
        wait = SCHEDULE[min(self.failures, len(SCHEDULE) - 1)] if retry_after is None else min(retry_after, 3600)
        self.failures += 1
        self.next_at = self.clock() + wait

    def contact(self) -> None:
        """The peer was heard: the back-off ends."""
        self.failures, self.next_at = 0, 0.0


def check_verdicts(outcomes: Any) -> list[Document]:
    """The verdicts a pull consumer sends; Problem ``invalid`` for what has not their form."""
    found = [one for one in outcomes if isinstance(one, dict)] if isinstance(outcomes, list) else []
    if not found or any(not isinstance(one.get("id"), str) or one.get("outcome") not in OUTCOMES for one in found):
        raise Problem(422, "invalid", "outcomes")
    return found


def check_outcomes(ids: list[str], outcomes: Any) -> None:
    """PeerLied unless there is exactly one well-formed outcome for each id, in order."""
    try:
        found = [outcome["id"] for outcome in outcomes]
        words = {outcome["outcome"] for outcome in outcomes}
    except (TypeError, KeyError) as error:
        raise PeerLied("outcomes", "form") from error
    if found != ids or not words <= set(OUTCOMES):
        raise PeerLied("outcomes", "not one a message in the order of the messages")
