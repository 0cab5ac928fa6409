"""Words that tell two histories apart, and marks compared after a restore (section 11)."""

import copy
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.peer.exchange import Entry, Inbox, Outbox
from tests.peer.records import Book
from tests.peer.wire import Document, PeerLied, Problem

KEPT_WORDS = 4
PAGE = 2
"""Lanes a page: few, so that there are many pages."""
LEAP = 1_000_000
NUMBERS = ("sent", "received", "known", "kept")
_WORD = re.compile(r"([A-Za-z0-9_-]{22,64})?\Z")


def new_word() -> str:
    """A word nobody else makes."""
    return secrets.token_urlsafe(16)


@dataclass
class Words:
    """The series of this side, and what was heard of the other's, the newest first."""

    own: str = field(default_factory=new_word)
    told: str = ""
    heard: list[str] = field(default_factory=list)

    def carried(self) -> Document:
        """What a heartbeat says of them."""
        return {"history": self.own, "previous": self.told}

    def answered(self, word: str) -> None:
        """A heartbeat with this word was answered."""
        if word == self.own:
            self.own, self.told = new_word(), word

    def take(self, beat: Document) -> None:
        """Take a heartbeat's word; Problem ``history_contested`` for one of another history."""
        said = [beat.get(name, "") for name in ("history", "previous")]
        if not all(isinstance(word, str) and _WORD.match(word) for word in said):
            raise Problem(422, "invalid", "history")
        if beat.get("asks"):
            return
        if self.heard and self.heard[0] not in said:
            raise Problem(409, "history_contested", retry_after=10)
        if said[0] and said[0] not in self.heard:
            self.heard = [said[0], *self.heard][:KEPT_WORDS]

    def check(self, word: Any) -> None:
        """Problem ``history_contested`` for a batch of another history."""
        if word and self.heard and word not in self.heard:
            raise Problem(409, "history_contested", retry_after=10)


class End(Protocol):
    """What is needed of a connection."""

    inbox: Inbox
    outbox: Outbox
    book: Book
    floors: dict[str, int] | None


def back_up(end: End) -> Document:
    """What a backup holds of a connection."""
    kept = {
        "outbox": {name: getattr(end.outbox, name) for name in ("entries", "sequences")},
        "inbox": {
            name: getattr(end.inbox, name) for name in ("highest", "hashes", "outcomes", "places", "held", "applied")
        },
        "book": {"records": end.book.records},
    }
    return copy.deepcopy(kept)


def bring_back(end: End, kept: Document) -> None:
    """Set a connection back to its backup; it sends nothing until `floors` is None again."""
    for name, values in copy.deepcopy(kept).items():
        for key, value in values.items():
            setattr(getattr(end, name), key, value)
    end.floors = {lane: sequence + 1 for lane, sequence in end.outbox.sequences.items()}


def marks(end: End, after: str, upto: str | None) -> list[Document]:
    """The marks of the lanes between two names."""
    names = {*end.outbox.sequences, *end.inbox.highest, *(lane for lane, _ in end.inbox.held)}
    between = sorted(name for name in names if after < name and (upto is None or name <= upto))
    return [_mark(end, name) for name in between]


def page(end: End, after: str) -> tuple[str | None, list[Document]]:
    """One page behind a name, and where it ends."""
    found = marks(end, after, None)
    return (found[PAGE - 1]["lane"] if len(found) > PAGE else None), found[:PAGE]


def _mark(end: End, lane: str) -> Document:
    received = end.inbox.highest.get(lane, 0)
    known = max([received, *(sequence for name, sequence in end.inbox.held if name == lane)])
    return {"lane": lane, "sent": end.outbox.sequences.get(lane, 0), "received": received, "known": known}


def read_marks(lanes: Any) -> dict[str, Document]:
    """The other side's marks by lane; Problem for what cannot be."""
    if not isinstance(lanes, list) or any(not isinstance(mark.get("lane"), str) for mark in lanes):
        raise Problem(422, "invalid", "lanes")
    found = {mark["lane"]: {name: mark.get(name, 0) for name in NUMBERS} for mark in lanes}
    for mark in found.values():
        if any(type(number) is not int or number < 0 for number in mark.values()):
            raise Problem(422, "invalid", "lanes")
        if mark["received"] > mark["known"] or mark["kept"] > mark["sent"] + 1:
            raise Problem(409, "marks_absurd")
    return found


def align(end: End, mine: list[Document], theirs: dict[str, Document]) -> dict[str, int]:
    """Do what follows from both sides' marks; from which sequence on each lane goes out again."""
    kept = {}
    for lane in sorted({*theirs, *(mark["lane"] for mark in mine)}):
        mark = theirs.get(lane, dict.fromkeys(NUMBERS, 0))
        beyond = mark["known"] - end.outbox.sequences.get(lane, 0)
        if beyond > LEAP:
            raise Problem(409, "marks_absurd")
        if beyond > 0 and end.floors is None:
            raise Problem(409, "marks_unknown")
        if end.floors is not None:
            _renumber(end, lane, mark["known"])
        lowest = _again(end.outbox, lane, mark["received"])
        if end.outbox.sequences.get(lane, 0) > mark["received"]:
            kept[lane] = lowest
    return kept


def _renumber(end: End, lane: str, known: int) -> None:
    floors = end.floors if end.floors is not None else {}
    floor = floors.get(lane, 1)
    by = known + 1 - floor
    if by <= 0:
        return
    for entry in _of(end.outbox, lane):
        if entry.message["sequence"] >= floor:
            entry.message["sequence"] += by
    record = end.book.records.get(lane)
    if record is not None:
        record.own = {name: number + by * (number >= floor) for name, number in record.own.items()}
    end.outbox.sequences[lane] = end.outbox.sequences.get(lane, 0) + by
    floors[lane] = known + 1


def _again(outbox: Outbox, lane: str, received: int) -> int:
    there = {entry.message["sequence"]: entry for entry in _of(outbox, lane)}
    lowest = outbox.sequences.get(lane, 0) + 1
    while lowest - 1 > received and lowest - 1 in there:
        lowest -= 1
        entry = there[lowest]
        if entry.state in ("rejected", "conflict") and entry.original is None:
            entry.refused("skipped")
        entry.state = "waiting"
    return lowest


def _of(outbox: Outbox, lane: str) -> list[Entry]:
    return [entry for entry in outbox.entries.values() if entry.message["lane"] == lane]


def pass_over(end: End, gone: dict[str, int]) -> None:
    """Wait no more for what nobody keeps, below each lane's sequence."""
    for lane, before in gone.items():
        end.inbox.leap(lane, before)


def read_gone(gone: Any) -> dict[str, int]:
    """What a page says is lost for ever."""
    if not isinstance(gone, list) or any(type(one.get("before")) is not int for one in gone):
        raise Problem(422, "invalid", "gone")
    return {one["lane"]: one["before"] for one in gone}


def require_page(asked: Document, answer: Document) -> None:
    """PeerLied unless the answer is about a part of the page."""
    names = [mark["lane"] for mark in answer["lanes"]]
    end = answer.get("upto")
    inside = all(asked["after"] < name and (end is None or name <= end) for name in names)
    if not inside or names != sorted(set(names)) or (end is None and asked["upto"] is not None):
        raise PeerLied("marks")
