"""One transaction's view of the receiving side: the lanes it holds locked, and every entry it knows or makes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from shared.delivery.quotas import NewLanes
from shared.delivery.statements import Spelled, among, insert_many, insert_missing, is_postgresql, update_many
from shared.delivery.tables import inbox, lanes_in
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind


@dataclass(slots=True, eq=False)
class Entry:
    """A message we have met: stored before, or new in this transaction."""

    id: str
    lane: str
    sequence: int
    hash: str
    message: Message | None = None
    outcome: OutcomeKind | None = None
    problem: Problem | None = None
    stored: bool = False
    quarantined: bool = False

    @property
    def verdict(self) -> OutcomeKind:
        """The outcome, once judged."""
        assert self.outcome is not None, self.id  # noqa: S101 - everything planned is run before it is asked
        return self.outcome

    @property
    def content(self) -> Message:
        """The message, once read."""
        assert self.message is not None, self.id  # noqa: S101 - its body is read before it is planned
        return self.message


@dataclass(slots=True, eq=False)
class Lane:
    """State of one lane; ``planned`` runs ahead of ``applied`` while a batch is judged."""

    name: str
    applied: int
    blocked: bool
    held_before: int
    new: bool = False
    """There is no row of it yet."""
    planned: int = 0
    waiting: dict[int, Entry] = field(default_factory=dict)
    """Held and quarantined entries by sequence."""
    changed: bool = False


class Intake:
    """Loads what a batch needs in a handful of statements, and writes back what became of it."""

    def __init__(self, session: Session, connection_id: str, now_ms: int, new_lanes: NewLanes | None = None) -> None:
        self.session = session
        self.connection_id = connection_id
        self.now_ms = now_ms
        self.lanes: dict[str, Lane] = {}
        self.by_id: dict[str, Entry] = {}
        self.by_place: dict[tuple[str, int], Entry] = {}
        self.fresh: list[Entry] = []
        self.drained: list[Entry] = []
        self._held_in_all: int | None = None
        self.new_lanes = new_lanes
        self.unwelcome: set[str] = set()
        """Lanes that may not begin now; nothing is stored of them."""

    def load(self, messages: Sequence[Message]) -> None:
        """Lock the lanes of the messages and read what is known of their ids and places."""
        self.lock_lanes({message.lane for message in messages})
        self._take_entries(_ENTRIES.run(self.session, connection=self.connection_id, ids=[one.id for one in messages]))
        places = [
            (message.lane, message.sequence)
            for message in messages
            if message.sequence <= self.lanes[message.lane].applied and message.id not in self.by_id
        ]
        if places:
            standing_there = _KNOWN.where(tuple_(inbox.c.lane, inbox.c.sequence).in_(places))
            self._take_entries(self.session.execute(standing_there, {"connection": self.connection_id}))

    def lock_lanes(self, names: Iterable[str]) -> None:
        """Lock the lanes, making those that are new, and read what waits in them.

        New rows are made before any is locked, both in order of names: two batches cannot wait for each other.
        """
        wanted = sorted(names)
        mine = {"connection": self.connection_id, "names": wanted}
        rows = _LANES.run(self.session, **mine).all()
        known = {row.lane for row in rows}
        missing = [name for name in wanted if name not in known]
        if missing and self.new_lanes is not None:
            admitted = self.new_lanes.admit(len(missing))
            self.unwelcome.update(missing[admitted:])
            missing = missing[:admitted]
        if is_postgresql(self.session):  # where nobody else writes, new rows wait for what is to stand in them
            insert_missing(
                self.session, lanes_in, [{"connection_id": self.connection_id, "lane": name} for name in missing]
            )
            rows, missing = _LANES_LOCKED.run(self.session, **mine).all(), []
        self.lanes = {row.lane: Lane(row.lane, row.applied_sequence, bool(row.blocked), row.held) for row in rows}
        begun = {name: Lane(name, 0, blocked=False, held_before=0, new=True) for name in (*missing, *self.unwelcome)}
        self.lanes.update(begun)
        for lane in self.lanes.values():
            lane.planned = lane.applied
        self._read_waiting()

    def _read_waiting(self) -> None:
        names = [lane.name for lane in self.lanes.values() if lane.held_before]
        if not names:
            return
        for entry in self._take_entries(_WAITING.run(self.session, connection=self.connection_id, names=names)):
            self.lanes[entry.lane].waiting[entry.sequence] = entry

    def _take_entries(self, rows: Iterable[Row[Any]]) -> list[Entry]:
        entries = []
        for row in rows:
            entry = self.by_id.get(row.id)
            if entry is None:
                entry = Entry(row.id, row.lane, row.sequence, row.hash, stored=True, quarantined=bool(row.quarantined))
                entry.outcome = OutcomeKind(row.outcome)
                entry.problem = Problem.model_validate_json(row.problem) if row.problem else None
                self.know(entry)
            entries.append(entry)
        return entries

    def lane_of(self, message_id: str) -> str | None:
        """Return the lane a stored message stands in."""
        return self.session.execute(
            select(inbox.c.lane).where(inbox.c.connection_id == self.connection_id, inbox.c.id == message_id)
        ).scalar_one_or_none()

    def know(self, entry: Entry) -> None:
        """Find the entry by its id and its place from now on."""
        self.by_id[entry.id] = entry
        self.by_place[entry.lane, entry.sequence] = entry

    def forget(self, entry: Entry) -> None:
        """Undo `know`, for an entry of which nothing is stored."""
        del self.by_id[entry.id]
        del self.by_place[entry.lane, entry.sequence]

    def held_in_all(self) -> int:
        """Return how many messages of the connection are held, with those of this transaction."""
        if self._held_in_all is None:
            self._held_in_all = int(
                self.session.execute(
                    select(func.coalesce(func.sum(lanes_in.c.held), 0)).where(
                        lanes_in.c.connection_id == self.connection_id, lanes_in.c.held > 0
                    )
                ).scalar_one()
            ) - sum(lane.held_before for lane in self.lanes.values())
        return self._held_in_all + sum(len(lane.waiting) for lane in self.lanes.values())

    def read_bodies(self, entries: Iterable[Entry]) -> None:
        """Bring back the messages of entries stored while they were held."""
        ids = [entry.id for entry in entries if entry.message is None]
        if not ids:
            return
        rows = self.session.execute(
            select(inbox.c.id, inbox.c.body).where(inbox.c.connection_id == self.connection_id, inbox.c.id.in_(ids))
        )
        for row in rows:
            self.by_id[row.id].message = Message.model_validate_json(row.body)

    def store(self) -> None:
        """Write new entries, the drained ones and the lanes that moved."""
        insert_many(self.session, inbox, [self._row(entry) for entry in self.fresh])
        settled = [entry for entry in self.drained if entry.outcome is not OutcomeKind.HELD]
        stuck = [entry for entry in self.drained if entry.outcome is OutcomeKind.HELD]
        keys = ("connection_id", "id")
        update_many(
            self.session, inbox, keys, [{**self._state(e), "settled_at": self.now_ms, "body": None} for e in settled]
        )
        update_many(self.session, inbox, keys, [self._state(entry) for entry in stuck])
        moved = [lane for lane in self.lanes.values() if lane.changed]
        insert_many(self.session, lanes_in, [self._standing(lane) for lane in moved if lane.new])
        known = [self._standing(lane) for lane in moved if not lane.new]
        update_many(self.session, lanes_in, ("connection_id", "lane"), known)

    def _standing(self, lane: Lane) -> Mapping[str, Any]:
        return {
            "connection_id": self.connection_id,
            "lane": lane.name,
            "applied_sequence": lane.applied,
            "held": len(lane.waiting),
            "blocked": lane.blocked,
        }

    def _state(self, entry: Entry) -> dict[str, Any]:
        return {
            "connection_id": self.connection_id,
            "id": entry.id,
            "outcome": entry.verdict.value,
            "problem": _text(entry.problem),
            "quarantined": entry.quarantined,
        }

    def _row(self, entry: Entry) -> Mapping[str, Any]:
        message = entry.content
        waits = entry.outcome is OutcomeKind.HELD
        return {
            **self._state(entry),
            "lane": entry.lane,
            "sequence": entry.sequence,
            "type": message.type,
            "hash": entry.hash,
            "received_at": self.now_ms,
            "settled_at": None if waits else self.now_ms,
            "body": message.model_dump_json() if waits else None,
        }


def _text(problem: Problem | None) -> str | None:
    return None if problem is None else problem.model_dump_json(exclude_none=True)


_MINE = lanes_in.c.connection_id == bindparam("connection")
_LANES_OF_NAMES = select(lanes_in.c.lane, lanes_in.c.applied_sequence, lanes_in.c.blocked, lanes_in.c.held).where(
    _MINE, among(lanes_in.c.lane, "names")
)
_LANES = Spelled(_LANES_OF_NAMES)
_LANES_LOCKED = Spelled(_LANES_OF_NAMES.order_by(lanes_in.c.lane).with_for_update())

_KNOWN = select(
    inbox.c.id, inbox.c.lane, inbox.c.sequence, inbox.c.hash, inbox.c.outcome, inbox.c.problem, inbox.c.quarantined
).where(inbox.c.connection_id == bindparam("connection"))
_ENTRIES = Spelled(_KNOWN.where(among(inbox.c.id, "ids")))

# Beyond its applied sequence a lane has nothing but held messages; the index finds them by place.
_BEYOND = (
    select(inbox.c.id)
    .join(
        lanes_in,
        and_(
            lanes_in.c.connection_id == inbox.c.connection_id,
            lanes_in.c.lane == inbox.c.lane,
            lanes_in.c.applied_sequence < inbox.c.sequence,
        ),
    )
    .where(_MINE, among(lanes_in.c.lane, "names"))
)
_WAITING = Spelled(_KNOWN.where(inbox.c.id.in_(_BEYOND)))
