"""One transaction's work on many records: loaded at once, changed in memory, written with few statements."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import Actor, Entry
from consumer_service.records import store
from consumer_service.records.domain import FIELDS, BondState, BondWork, IncidentWork, differences, number_of
from consumer_service.records.tables import Bond, Incident, IncidentComment
from shared.delivery.outbox import Draft, enqueue_many
from shared.runtime.database import notify
from shared.wire.identifiers import new_id
from shared.wire.incident import CommentData, IncidentData
from shared.wire.states import MessageType

SUBJECT = "incident"
Operation = Literal["create", "update"]
_spell = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Work:
    """Incidents and bonds under change; `store` writes what was touched, sends, and leaves the trail."""

    def __init__(self, session: Session, *, actor: Actor, now: datetime) -> None:
        self.session = session
        self.actor = actor
        self.now = now
        self.incidents: dict[str, IncidentWork] = {}
        self.bonds: dict[str, BondWork] = {}
        self.foreign: set[str] = set()
        """Lanes that name another connection's bond."""
        self._comments: list[dict[str, Any]] = []
        self._drafts: dict[str, list[Draft]] = {}
        self._entries: list[Entry] = []

    def load(self, *, ids: Collection[str] = (), numbers: Collection[str] = (), with_bonds: bool) -> None:
        """Load and lock incidents, and all their bonds where asked."""
        for row in store.incidents(self.session, ids=ids, numbers=numbers):
            self.incidents[row.id] = _incident(row)
        if with_bonds:
            self.attach(store.bonds_of(self.session, list(self.incidents)))

    def load_lanes(self, connection_id: str, lanes: Collection[str]) -> None:
        """Load and lock the bonds named by a peer's lanes, and their incidents, and note those of other connections.

        Incidents are locked before bonds, as everybody does.
        """
        tied = store.tied(self.session, lanes)
        mine = [row for row in tied if row.connection_id == connection_id]
        self.foreign = (self.foreign | {row.id for row in tied}) - {row.id for row in mine}
        if mine:
            self.load(ids={row.incident_id for row in mine}, with_bonds=False)
            self.attach(store.bonds(self.session, [row.id for row in mine]))

    def attach(self, rows: Sequence[Row[Any]]) -> None:
        """Take bonds into the work."""
        for row in rows:
            bond = _bond(row)
            self.bonds[bond.id] = bond
            if bond.incident_id in self.incidents:
                self.incidents[bond.incident_id].bonds.append(bond)

    def create(self, values: Mapping[str, Any], *, number: str, origin: str = "local") -> IncidentWork:
        """Begin a new incident."""
        incident = IncidentWork(
            id=new_id(),
            number=number,
            values={name: values.get(name) for name in FIELDS},
            version=1,
            new=True,
            origin=origin,
        )
        self.incidents[incident.id] = incident
        self._note(
            "incident.created", incident, after={name: value for name, value in values.items() if value is not None}
        )
        return incident

    def change(self, incident: IncidentWork, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Change an incident; return what really changed."""
        changed = differences(incident.values, wanted)
        if changed:
            before = {name: incident.values.get(name) for name in changed}
            incident.values.update(changed)
            incident.touched = True
            incident.version += not incident.new
            self._note("incident.updated", incident, before=before, after=changed)
        return changed

    def keep(self, incident: IncidentWork, theirs: Mapping[str, Any]) -> None:
        """Note a peer's concurrent change that our values stand against."""
        ours = {name: incident.values.get(name) for name in theirs}
        if ours != dict(theirs):
            self._note("incident.conflicted", incident, after={"kept": ours, "refused": dict(theirs)})

    def miss(self, incident: IncidentWork, code: Any) -> None:
        """Note that the peer withdrew a change or comment it could not send."""
        self._note("incident.change_withdrawn", incident, after={"code": str(code)[:64]})

    def bond(
        self,
        incident: IncidentWork,
        connection_id: str,
        *,
        bond_id: str | None = None,
        data: IncidentData | None = None,
    ) -> BondWork:
        """Tie an incident to a connection: by us, or (with ``data``) by the peer."""
        bond = BondWork(
            id=bond_id or new_id(),
            connection_id=connection_id,
            incident_id=incident.id,
            state=BondState.CONNECTED,
            opened_by_us=data is None,
            peer_record_id=data.record_id if data else None,
            peer_number=data.number if data else None,
            sent_sequence=0,
            received_sequence=0,
            changed={},
            pending=[],
            new=True,
        )
        self.bonds[bond.id] = bond
        incident.bonds.append(bond)
        return bond

    def send(
        self, incident: IncidentWork, bond: BondWork, op: Operation, fields: Mapping[str, Any], change_id: str
    ) -> None:
        """Send a create or update over a bond, or note it for the reconnection."""
        bond.touched = True
        if bond.state == BondState.DISCONNECTED:
            bond.pending = sorted({*bond.pending, *fields})
            return
        bond.sent_sequence += 1
        bond.changed.update(dict.fromkeys(fields, bond.sent_sequence))
        data = {  # an `IncidentData`; its fields were checked where they came in
            "op": op,
            "record_id": incident.id,
            "number": incident.number,
            "change_id": change_id,
            "seen": bond.received_sequence,
            "fields": dict(fields),
        }
        self._draft(bond, MessageType.INCIDENT, incident.number, _spell(data))

    def comment(
        self,
        incident: IncidentWork,
        *,
        kind: str,
        author: str,
        text: str,
        comment_id: str | None = None,
        origin: str = "local",
    ) -> str:
        """Add a comment or work note; a comment of ours travels over every bond."""
        made = comment_id or new_id()
        row = {
            "id": made,
            "incident_id": incident.id,
            "kind": kind,
            "author": author,
            "text": text,
            "origin": origin,
            "created_at": self.now,
        }
        self._comments.append(row)
        self._note(f"incident.{'commented' if kind == 'comment' else 'noted'}", incident, after={"comment_id": made})
        if kind == "comment" and origin == "local":
            for bond in incident.bonds:
                if bond.state != BondState.DISCONNECTED:
                    self.send_comment(incident, bond, made, author, text, self.now)
        return made

    def send_comment(
        self, incident: IncidentWork, bond: BondWork, comment_id: str, author: str, text: str, at: datetime
    ) -> None:
        """Send a comment over a bond."""
        bond.sent_sequence += 1
        bond.touched = True
        data = CommentData(comment_id=comment_id, author=author, time=_time(at), text=text)
        self._draft(bond, MessageType.INCIDENT_COMMENT, incident.number, data.model_dump_json())

    def numbers(self, count: int) -> list[str]:
        """Return fresh numbers."""
        first = store.take_numbers(self.session, count) if count else 0
        return [number_of(first + step) for step in range(count)]

    def store(self) -> None:
        """Write everything that was touched, queue what is to be sent, and leave the trail."""
        session, now = self.session, self.now
        store.insert_rows(
            session, Incident, [self._new(incident) for incident in self.incidents.values() if incident.new]
        )
        changed = [incident for incident in self.incidents.values() if incident.touched and not incident.new]
        store.update_rows(session, Incident, [self._changed(incident) for incident in changed])
        store.insert_rows(session, Bond, [_bond_row(bond, now) for bond in self.bonds.values() if bond.new])
        known = [bond for bond in self.bonds.values() if bond.touched and not bond.new]
        store.update_rows(session, Bond, [_bond_change(bond, now) for bond in known])
        store.insert_rows(session, IncidentComment, self._comments)
        for connection_id in sorted(self._drafts):
            enqueue_many(
                session,
                connection_id=connection_id,
                drafts=self._drafts[connection_id],
                now_ms=int(now.timestamp() * 1000),
            )
        if self._drafts:
            notify(session, "worker")
        audit.record_many(session, self._entries, now=now)

    def _draft(self, bond: BondWork, kind: MessageType, subject: str, data: str) -> None:
        self._drafts.setdefault(bond.connection_id, []).append(Draft(bond.id, kind, subject, data))

    def _note(
        self, action: str, incident: IncidentWork, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any]
    ) -> None:
        self._entries.append(Entry(self.actor, action, SUBJECT, incident.id, incident.number, before, after))

    def _new(self, incident: IncidentWork) -> dict[str, Any]:
        own = {
            "id": incident.id,
            "number": incident.number,
            "origin": incident.origin,
            "created_at": self.now,
            "updated_at": self.now,
            "version": 1,
        }
        return {**own, **incident.values}

    def _changed(self, incident: IncidentWork) -> dict[str, Any]:
        return {"id": incident.id, "updated_at": self.now, "version": incident.version, **incident.values}


def _incident(row: Row[Any]) -> IncidentWork:
    values: dict[str, Any] = dict(zip(FIELDS, row[4:], strict=True))
    return IncidentWork(row.id, row.number, values, row.version, origin=row.origin)


def _bond(row: Row[Any]) -> BondWork:
    return BondWork(
        id=row.id,
        connection_id=row.connection_id,
        incident_id=row.incident_id,
        state=row.state,
        opened_by_us=bool(row.opened_by_us),
        peer_record_id=row.peer_record_id,
        peer_number=row.peer_number,
        sent_sequence=row.sent_sequence,
        received_sequence=row.received_sequence,
        changed=json.loads(row.changed),
        pending=json.loads(row.pending),
    )


def _bond_change(bond: BondWork, now: datetime) -> dict[str, Any]:
    return {
        "id": bond.id,
        "state": bond.state,
        "peer_record_id": bond.peer_record_id,
        "peer_number": bond.peer_number,
        "sent_sequence": bond.sent_sequence,
        "received_sequence": bond.received_sequence,
        "changed": bond.changed,
        "pending": bond.pending,
        "updated_at": now,
    }


def _bond_row(bond: BondWork, now: datetime) -> dict[str, Any]:
    own = {
        "connection_id": bond.connection_id,
        "incident_id": bond.incident_id,
        "opened_by_us": bond.opened_by_us,
        "problem": None,
        "created_at": now,
    }
    return {**_bond_change(bond, now), **own}


def _time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
