"""The incidents of the story: real ones from the public event log beside the checkout, or a few made up."""

import csv
import gzip
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LOG = Path(__file__).resolve().parents[2] / "shared" / "data" / "uci_incident_event_log" / "incident_event_log.csv.gz"
DATA = Path(os.environ.get("DEMO_DATA") or _LOG)

_COLUMNS = {
    "incident_state": "state",
    "impact": "impact",
    "urgency": "urgency",
    "priority": "priority",
    "category": "category",
    "subcategory": "subcategory",
    "caller_id": "caller",
    "assignment_group": "assignment_group",
    "assigned_to": "assigned_to",
    "location": "location",
    "contact_type": "contact_type",
}
_AT_THE_END = {"closed_code": "close_code", "resolved_at": "resolved_at", "closed_at": "closed_at"}
"""The log holds the final values on every row; an incident shows them only when it gets there."""


@dataclass(frozen=True)
class Event:
    """One step in the life of an incident: what has changed since the step before."""

    number: str
    """The log's number of the incident."""
    first: bool
    changes: dict[str, str]


def real() -> bool:
    """Tell whether the public event log stands beside the checkout."""
    return DATA.is_file()


def events(count: int) -> list[Event]:
    """Return whole incidents of at least ``count`` events in all."""
    found: list[Event] = []
    for event in _changes(_real() if real() else _made_up()):
        if len(found) >= count and event.first:
            break
        found.append(event)
    return found


def _changes(rows: Iterator[tuple[str, dict[str, str]]]) -> Iterator[Event]:
    """Of rows (number, all its fields) keep what each has changed; a row that changes nothing is no event."""
    number, known = "", dict[str, str]()
    for row_number, fields in rows:
        first = row_number != number
        if first:
            number, known = row_number, {}
        changes = {name: value for name, value in fields.items() if known.get(name) != value}
        known |= changes
        if changes:
            yield Event(number, first, changes)


def _real() -> Iterator[tuple[str, dict[str, str]]]:
    number = ""
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            fields = _fields(row)
            if row["number"] != number:
                number = row["number"]
                fields["short_description"] = f"Incident {number} of the public event log (text made up)"
                fields["opened_at"] = _time(row["opened_at"])
            yield number, fields


def _fields(row: dict[str, str]) -> dict[str, str]:
    fields = {ours: row[theirs] for theirs, ours in _COLUMNS.items() if row[theirs] != "?"}
    if fields.get("state") in {"Resolved", "Closed"}:
        for theirs, ours in _AT_THE_END.items():
            if row[theirs] != "?":
                fields[ours] = _time(row[theirs]) if ours.endswith("_at") else row[theirs]
    return fields


def _time(text: str) -> str:
    return datetime.strptime(text, "%d/%m/%Y %H:%M").strftime("%Y-%m-%dT%H:%M:00Z")  # noqa: DTZ007 - the log has no zone


def _made_up() -> Iterator[tuple[str, dict[str, str]]]:
    chance = random.Random(7)
    for serial in range(1, 100_000):
        number = f"INC{serial:07d}"
        yield number, {"short_description": f"Made-up incident {serial}", "state": "New", "impact": "2 - Medium"}
        for state in ("Active", *("Active",) * chance.randint(0, 3), "Resolved", "Closed"):
            yield number, {"state": state, "assignment_group": f"Group {chance.randint(1, 70)}"}
