"""Incidents and comments on bonds, and who wins when both sides change a field (section 10)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.peer.exchange import Inbox, Outbox, rfc3339
from tests.peer.wire import Document, Problem, new_id

_SHORT = (
    "impact urgency priority category subcategory caller assignment_group assigned_to location contact_type close_code"
)
LENGTHS = dict.fromkeys(_SHORT.split(), 80) | {
    "short_description": 160,
    "description": 8000,
    "state": 40,
    "opened_at": 40,
    "resolved_at": 40,
    "closed_at": 40,
}


@dataclass
class Record:
    """One side's copy. ``own`` has the sequence of the last own change a field, ``notes`` what was overruled."""

    record_id: str
    number: str
    fields: dict[str, str | None] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    notes: list[tuple[str, str | None]] = field(default_factory=list)
    comments: dict[str, Document] = field(default_factory=dict)
    theirs: str | None = None


@dataclass
class Book:
    """The records of one side of one connection, by bond."""

    role: str
    inbox: Inbox
    outbox: Outbox
    clock: Callable[[], float]
    records: dict[str, Record] = field(default_factory=dict)

    def share(self, **fields: str | None) -> str:
        """Open a record, share it, and return the bond's id."""
        bond = new_id(self.clock())
        number = f"INC{len(self.records) + 1:07d}"
        self.records[bond] = Record(new_id(self.clock()), number)
        self._change(bond, "create", fields)
        return bond

    def change(self, bond: str, **fields: str | None) -> Document:
        """Change fields and tell the peer; the message."""
        return self._change(bond, "update", fields)

    def comment(self, bond: str, text: str, author: str = "somebody") -> Document:
        """Comment and tell the peer; the message."""
        now = self.clock()
        data = {"comment_id": new_id(now), "author": author, "time": rfc3339(now), "text": text}
        self.records[bond].comments[data["comment_id"]] = data
        return self.outbox.enqueue(bond, "incident.comment", data, self.records[bond].number)

    def _change(self, bond: str, op: str, fields: dict[str, str | None]) -> Document:
        record = self.records[bond]
        data = {
            "op": op,
            "record_id": record.record_id,
            "number": record.number,
            "change_id": new_id(self.clock()),
            "seen": self.inbox.highest.get(bond, 0),
            "fields": dict(fields),
        }
        message = self.outbox.enqueue(bond, "incident", data, record.number)
        record.fields.update(fields)
        record.own |= {name: int(message["sequence"]) for name in fields}
        return message

    def apply(self, message: Document) -> None:
        """Apply what the peer sent; Problem with the code of the rejection."""
        if message["type"] == "incident":
            self._apply_incident(message["lane"], message["data"])
        elif message["type"] == "incident.comment":
            self._apply_comment(message["lane"], message["data"])
        else:
            raise Problem(422, "unsupported_type")

    def _apply_incident(self, bond: str, data: Document) -> None:
        check_incident(data)
        record = self.records.get(bond)
        if data["op"] == "update" and record is None:
            raise Problem(422, "bond_unknown")
        if data["op"] == "create" and record is not None and record.theirs != data["record_id"]:
            raise Problem(422, "bond_exists")
        if record is None:
            record = Record(new_id(self.clock()), f"INC{len(self.records) + 1:07d}")
            self.records[bond] = record
        record.theirs = data["record_id"]
        for name, value in data["fields"].items():
            if data["seen"] < record.own.get(name, 0) and self.role == "provider":
                record.notes.append((name, value))
            else:
                record.fields[name] = value

    def _apply_comment(self, bond: str, data: Document) -> None:
        if bond not in self.records:
            raise Problem(422, "bond_unknown")
        text, author = data.get("text"), data.get("author")
        if not isinstance(text, str) or not isinstance(author, str) or not isinstance(data.get("comment_id"), str):
            raise Problem(422, "invalid")
        if not 1 <= len(text) <= 8000 or len(author) > 120:
            raise Problem(422, "invalid")
        self.records[bond].comments[data["comment_id"]] = {
            name: data[name] for name in ("comment_id", "author", "time", "text")
        }


def check_incident(data: Document) -> None:
    """Problem ``invalid`` unless the data of an incident has its form."""
    fields: Any = data.get("fields")
    texts = all(isinstance(data.get(name), str) for name in ("record_id", "number", "change_id"))
    if data.get("op") not in ("create", "update") or type(data.get("seen")) is not int or not texts:
        raise Problem(422, "invalid")
    if not isinstance(fields, dict) or not all(_fits(name, value) for name, value in fields.items()):
        raise Problem(422, "invalid", errors=[{"pointer": "/data/fields", "detail": "a field"}])


def _fits(name: str, value: Any) -> bool:
    if name not in LENGTHS:
        return False
    return value is None or (isinstance(value, str) and len(value) <= LENGTHS[name])
