"""Reads two databases and judges them by what clients were told. It uses nothing of the services' code.

The faults it looks for: an acknowledged operation that is missing on a side or is there twice, a lane whose messages
have gaps, were not settled, or took effect in another order, and copies that are not equal.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.e2e.traffic import OWN_FIELD, Acknowledged

Row = dict[str, Any]

_QUERIES = {
    "incidents": "SELECT * FROM incidents ORDER BY id",
    "comments": "SELECT * FROM incident_comments ORDER BY id",
    "bonds": "SELECT * FROM bonds ORDER BY id",
    "entries": "SELECT action, subject_id, actor_kind, after, position FROM audit_entries ORDER BY position",
    "outbox": "SELECT id, lane, sequence, type, outcome FROM delivery_outbox ORDER BY lane, sequence",
    "inbox": "SELECT id, lane, sequence, type, outcome, quarantined FROM delivery_inbox ORDER BY lane, sequence",
    "channels": "SELECT channel, next_position, settled_position FROM delivery_channels",
    "lanes_in": "SELECT lane, applied_sequence, held FROM delivery_lanes_in",
    "lanes_out": "SELECT lane, next_sequence FROM delivery_lanes_out",
}
_NOT_SHARED = {"id", "number", "company_id", "origin", "created_at", "updated_at", "version"}


@dataclass
class Copy:
    """What one side's database holds."""

    side: str
    incidents: list[Row]
    comments: list[Row]
    bonds: list[Row]
    entries: list[Row]
    outbox: list[Row]
    inbox: list[Row]
    channels: list[Row]
    lanes_in: list[Row]
    lanes_out: list[Row]


def read_copy(side: str, url: str) -> Copy:
    """Read everything the judgement needs, in one snapshot."""
    return Copy(side, **dict(zip(_QUERIES, _rows(url, list(_QUERIES.values())), strict=True)))


def is_quiet(url: str) -> bool:
    """Tell whether nothing waits to be sent or applied."""
    waiting, held = _rows(
        url,
        [
            "SELECT count(*) AS n FROM delivery_channels WHERE next_position - 1 > settled_position",
            "SELECT count(*) AS n FROM delivery_lanes_in WHERE held > 0",
        ],
    )
    return bool(waiting[0]["n"] == held[0]["n"] == 0)


def integrity(url: str) -> str:
    """Return what SQLite says of its file: ``ok``, or what is broken."""
    return str(next(iter(_rows(url, ["PRAGMA integrity_check"])[0][0].values())))


def _rows(url: str, queries: Sequence[str]) -> list[list[Row]]:
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            return [[dict(row) for row in connection.execute(query)] for query in queries]
        finally:
            connection.close()
    with psycopg.connect(url, row_factory=dict_row) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return [list(server.execute(query.encode())) for query in queries]


def judge(provider: Copy, consumer: Copy, told: Iterable[Acknowledged]) -> list[str]:
    """Return every fault found, in words; none where both sides are as they must be."""
    told = list(told)
    faults: list[str] = []
    faults += _equality(provider, consumer)
    for here, there in ((provider, consumer), (consumer, provider)):
        mine = [one for one in told if one.side == here.side]
        faults += _delivery(here, there)
        faults += _effects(here, there, mine)
        faults += _order(here, there, mine)
    return faults


def _equality(provider: Copy, consumer: Copy) -> Iterator[str]:
    """Both copies of every record are equal, and tied to each other."""
    ours, theirs = ({bond["id"]: bond for bond in copy.bonds} for copy in (provider, consumer))
    for bond_id in ours.keys() ^ theirs.keys():
        yield f"bond {bond_id} is on one side only"
    records = [{row["id"]: row for row in copy.incidents} for copy in (provider, consumer)]
    comments = [_comments_of(copy) for copy in (provider, consumer)]
    for bond_id in ours.keys() & theirs.keys():
        pair = ours[bond_id], theirs[bond_id]
        yield from _tied(*pair)
        left, right = (records[side][bond["incident_id"]] for side, bond in enumerate(pair))
        for name in left.keys() & right.keys() - _NOT_SHARED:
            if left[name] != right[name]:
                yield f"bond {bond_id}: {name} is {left[name]!r} at the provider, {right[name]!r} at the consumer"
        if comments[0][left["id"]] != comments[1][right["id"]]:
            yield f"bond {bond_id}: the comments differ"


def _tied(bond: Row, other: Row) -> Iterator[str]:
    for one, its_peer in ((bond, other), (other, bond)):
        if one["state"] != "Connected":
            yield f"bond {one['id']} is {one['state']}"
        if one["opened_by_us"] and its_peer["peer_record_id"] != one["incident_id"]:
            yield f"bond {one['id']} ties {its_peer['peer_record_id']}, not {one['incident_id']}"


def _comments_of(copy: Copy) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in copy.comments:
        found[row["incident_id"]].append((row["id"], row["text"]))
    return found


def _delivery(here: Copy, there: Copy) -> Iterator[str]:
    """Every message arrived once and in its place, nothing was refused, and everything is settled."""
    for channel in here.channels:
        if channel["settled_position"] != channel["next_position"] - 1:
            yield f"{here.side}: channel {channel['channel']} has unsettled messages"
    refused = [row for row in here.outbox if row["outcome"] not in {None, "applied"}]
    refused += [row for row in there.inbox if row["outcome"] != "applied" or row["quarantined"]]
    yield from (f"{here.side}: message {row['id']} of lane {row['lane']} is {row['outcome']}" for row in refused)
    sent, came = _places(here.outbox), _places(there.inbox)
    if sent != came:
        yield f"{here.side}: what was sent is not what arrived: {sorted(set(sent) ^ set(came))[:5]}"
    applied = {row["lane"]: row["applied_sequence"] for row in there.lanes_in}
    by_lane = Counter(row["lane"] for row in here.outbox)
    for lane, following in ((row["lane"], row["next_sequence"]) for row in here.lanes_out):
        if not by_lane[lane] == following - 1 == applied.get(lane):
            yield f"{here.side}: lane {lane} sent {by_lane[lane]}, gave {following - 1}, applied {applied.get(lane)}"


def _places(rows: Iterable[Row]) -> list[tuple[str, int, str]]:
    return sorted((row["lane"], row["sequence"], row["id"]) for row in rows)


def _effects(here: Copy, there: Copy, told: Sequence[Acknowledged]) -> Iterator[str]:
    """Every acknowledged operation has its effect once on each side; nothing at all has one twice."""
    for copy in (here, there):
        marks = Counter(mark for _, mark in _trail(copy))
        yield from (f"{copy.side}: {mark} took effect {count} times" for mark, count in marks.items() if count > 1)
        rows = Counter(row["location"] for row in copy.incidents) + Counter(row["text"] for row in copy.comments)
        yield from (f"{copy.side}: {mark} is there {count} times" for mark, count in rows.items() if count > 1)
        for one in told:
            if one.field == "description" and copy is there:
                continue  # the provider's counts where both changed it; the copies' equality says the rest
            if marks[one.mark] == 0:
                yield f"{copy.side}: {one.op} {one.mark} of {one.client} was acknowledged and is lost"
            if one.op != "update" and rows[one.mark] == 0:
                yield f"{copy.side}: {one.op} {one.mark} of {one.client} left a trail but no row"
    changes = Counter(row["subject_id"] for row in here.entries if row["action"] == "incident.updated")
    for row in here.incidents:
        if row["version"] > 1 + changes[row["id"]]:
            yield f"{here.side}: {row['number']} has version {row['version']} after {changes[row['id']]} changes"


def _order(here: Copy, there: Copy, told: Sequence[Acknowledged]) -> Iterator[str]:
    """What one client did to a record in order took effect in that order, on both sides."""
    expected: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for one in told:
        if one.op == "comment" or one.field == OWN_FIELD[one.side]:
            expected[one.client, one.incident_id, one.op == "comment"].append(one.mark)
    for copy in (here, there):
        places = {mark: place for place, (_, mark) in enumerate(_trail(copy))}
        for (client, incident_id, _), marks in expected.items():
            order = [places[mark] for mark in marks if mark in places]
            if order != sorted(order):
                yield f"{copy.side}: {client}'s work on {incident_id} took effect in another order"


def _trail(copy: Copy) -> Iterator[tuple[str, str]]:
    """Yield the subject and the mark of every effect, in the order of the audit trail."""
    texts = {row["id"]: row["text"] for row in copy.comments}
    for entry in copy.entries:
        after = json.loads(entry["after"]) if entry["after"] else {}
        if entry["action"] == "incident.commented":
            yield entry["subject_id"], texts[after["comment_id"]]
        elif entry["action"] == "incident.created":
            yield entry["subject_id"], after["location"]
        elif entry["action"] == "incident.updated":
            for name in sorted(after):
                yield entry["subject_id"], after[name]
