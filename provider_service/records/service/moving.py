"""A bond goes on over the connection that took the place of its own: closed, and the same peer registered again.

Each side tells what it ever changed; where both did, the provider wins. Whoever reconnects first moves both ends.
"""

from collections.abc import Sequence
from datetime import datetime

from provider_service.connections import service as connections
from provider_service.records import store
from provider_service.records.domain import BondState, BondWork
from provider_service.records.service.work import Work
from shared.wire.errors import Conflict
from shared.wire.identifiers import new_id
from shared.wire.incident import IncidentData
from shared.wire.messages import Message
from shared.wire.problems import Problem


def move(work: Work, bond: BondWork, connection_id: str) -> None:
    """Move a bond to the connection that took its own's place; raise `Conflict` (``shared_anew``)."""
    if any(other.connection_id == connection_id for other in work.incidents[bond.incident_id].bonds):
        raise Conflict(
            "The record was shared anew with this peer",
            code="shared_anew",
            cause="Over the connection that took this one's place the record has another bond.",
            fix="Nothing to do: changes travel over that bond.",
        )
    store.move_bonds(work.session, [bond.id], connection_id)
    _begin_anew(bond, connection_id)


def follow(
    work: Work, connection_id: str, messages: Sequence[Message], read: Sequence[IncidentData | Problem]
) -> dict[str, datetime]:
    """Move the bonds that the peer has reconnected over this connection; return them, and since when they stand."""
    wanted = {
        message.lane
        for message, data in zip(messages, read, strict=True)
        if isinstance(data, IncidentData) and data.op == "create" and message.lane in work.foreign
    }
    if not wanted:
        return {}
    follows = {  # a record has one bond with a peer, however many of its earlier ones are asked for at once
        row.incident_id: row
        for row in store.bonds_elsewhere(work.session, connection_id, wanted)
        if connections.succeeds(work.session, connection_id, row.connection_id)
    }
    found = {row.id: row.created_at for row in follows.values()}
    if found:
        store.move_bonds(work.session, list(found), connection_id)
        work.load_lanes(connection_id, found)
    for bond_id in found:
        _begin_anew(work.bonds[bond_id], connection_id)
    return found


def answer(work: Work, bond: BondWork, data: IncidentData, since: datetime) -> None:
    """Tell the peer what we had changed, once its own was applied; comments too."""
    incident = work.incidents[bond.incident_id]
    taken = {
        name for name, value in data.fields.model_dump(exclude_unset=True).items() if incident.values[name] == value
    }
    missed = [name for name in bond.pending if name not in taken]
    bond.state, bond.pending = BondState.CONNECTED, []
    if missed:
        work.send(incident, bond, "update", {name: incident.values[name] for name in missed}, new_id())
    send_comments(work, bond, since=since)


def send_comments(work: Work, bond: BondWork, *, since: datetime) -> None:
    """Send our comments since the record was shared; those the peer has, it knows by their ids."""
    incident = work.incidents[bond.incident_id]
    for comment in store.comments(work.session, incident.id):
        if (comment.kind, comment.origin) == ("comment", "local") and comment.created_at >= since:
            work.send_comment(incident, bond, comment.id, comment.author, comment.text, comment.created_at)


def _begin_anew(bond: BondWork, connection_id: str) -> None:
    """The lane begins at 1; everything ever changed here is to be told."""
    bond.connection_id, bond.sent_sequence, bond.received_sequence = connection_id, 0, 0
    bond.pending, bond.changed, bond.touched = sorted({*bond.pending, *bond.changed}), {}, True
