"""Read both databases and prove that what one side sent is what the other has: nothing lost, twice, or out of order.

Knows the tables, and nothing of the services' code. Use: ``python demo/verify.py PROVIDER.db CONSUMER.db``
"""

import json
import sqlite3
import sys
from pathlib import Path

FIELDS = (
    "short_description", "state", "impact", "urgency", "priority", "category", "subcategory", "caller",
    "assignment_group", "assigned_to", "location", "contact_type", "close_code", "opened_at", "resolved_at",
    "closed_at",
)  # fmt: skip


def read(path: Path, query: str) -> list[sqlite3.Row]:
    """Return the rows of a query on a database that nobody else is asked about."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def check_direction(sender: Path, receiver: Path, faults: list[str]) -> tuple[int, int]:
    """Hold what ``sender`` sent against what ``receiver`` took; return both numbers of record messages."""
    sent = read(sender, "SELECT connection_id, lane, sequence, id, type FROM delivery_outbox "
                        "WHERE type LIKE 'incident%' ORDER BY lane, sequence")  # fmt: skip
    taken = read(receiver, "SELECT connection_id, lane, sequence, id, outcome FROM delivery_inbox "
                           "WHERE type LIKE 'incident%' ORDER BY lane, sequence")  # fmt: skip
    place = {(row["connection_id"], row["lane"], row["sequence"]): row for row in taken}
    if len({row["id"] for row in taken}) != len(taken):
        faults.append("a message was taken twice")
    lanes: dict[str, int] = {}
    for row in sent:
        found = place.get((row["connection_id"], row["lane"], row["sequence"]))
        lanes[row["lane"]] = lanes.get(row["lane"], 0) + 1
        if row["sequence"] != lanes[row["lane"]]:
            faults.append(f"{row['lane']} has a gap before {row['sequence']}")
        if found is None:
            faults.append(f"lost: {row['type']} {row['sequence']} of {row['lane']}")
        elif found["id"] != row["id"] or found["outcome"] != "applied":
            faults.append(f"{row['lane']} {row['sequence']}: {found['outcome']}")
    if len(taken) != len(sent):
        faults.append(f"{len(sent)} sent, {len(taken)} taken")
    return len(sent), sum(row["outcome"] == "applied" for row in taken)


def check_order(sender: Path, receiver: Path, faults: list[str]) -> None:
    """The changes of every incident must stand in the receiver's trail in the order they were made."""
    made = _states(sender, "NOT")
    seen = _states(receiver, "")
    for lane, states in made.items():
        if lane in seen and seen[lane] != states:
            faults.append(f"{lane}: {seen[lane]} instead of {states}")


def _states(path: Path, negation: str) -> dict[str, list[str]]:
    """Return, by bond, the states an incident went through, as the trail of this side tells it."""
    bonds = {row["incident_id"]: row["id"] for row in read(path, "SELECT id, incident_id FROM bonds")}
    rows = read(
        path,
        "SELECT subject_id, after FROM audit_entries WHERE subject_type = 'incident' "
        f"AND {negation} actor_kind = 'peer' ORDER BY position",
    )
    states: dict[str, list[str]] = {}
    for row in rows:
        state = json.loads(row["after"] or "{}").get("state")
        if state is not None and row["subject_id"] in bonds:
            states.setdefault(bonds[row["subject_id"]], []).append(state)
    return states


def check_contents(provider: Path, consumer: Path, faults: list[str]) -> int:
    """Both copies of every incident must be equal field by field; return how many there are."""
    names = ", ".join(f"i.{field}" for field in FIELDS)
    query = f"SELECT b.id AS bond, {names} FROM bonds b JOIN incidents i ON i.id = b.incident_id"
    ours, theirs = ({row["bond"]: tuple(row)[1:] for row in read(path, query)} for path in (provider, consumer))
    if ours.keys() != theirs.keys():
        faults.append(f"{len(ours)} bonds at the provider, {len(theirs)} at the consumer")
    faults += [f"{bond}: the copies differ" for bond in ours.keys() & theirs.keys() if ours[bond] != theirs[bond]]
    return len(ours)


def verify(provider: Path, consumer: Path) -> dict[str, object]:
    """Run every check; ``faults`` is empty when all is well."""
    faults: list[str] = []
    out_sent, out_applied = check_direction(provider, consumer, faults)
    in_sent, in_applied = check_direction(consumer, provider, faults)
    check_order(provider, consumer, faults)
    check_order(consumer, provider, faults)
    incidents = check_contents(provider, consumer, faults)
    return {
        "sent": out_sent + in_sent,
        "applied": out_applied + in_applied,
        "to_consumer": out_applied,
        "to_provider": in_applied,
        "incidents": incidents,
        "faults": faults[:20],
    }


if __name__ == "__main__":
    found = verify(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(found, indent=2))
    sys.exit(1 if found["faults"] else 0)
