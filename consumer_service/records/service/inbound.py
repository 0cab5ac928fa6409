"""What a peer's messages do here: applied batch by batch, each judged on its own (docs/protocol.md, section 10)."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.connections import service as connections
from consumer_service.records import store
from consumer_service.records.domain import BondWork, pointer_to, refusal, settle_conflicts
from consumer_service.records.service import moving
from consumer_service.records.service.work import Work
from shared.delivery.inbox import Handler
from shared.delivery.reconcile import Shift
from shared.delivery.settling import Settled
from shared.wire.incident import CommentData, IncidentData
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.states import MessageType, OutcomeKind

_INCIDENT: TypeAdapter[IncidentData] = TypeAdapter(IncidentData)
_BOND_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMMENT: TypeAdapter[CommentData] = TypeAdapter(CommentData)

Data = TypeVar("Data", IncidentData, CommentData)

_TYPES = (MessageType.INCIDENT, MessageType.INCIDENT_COMMENT)
_REFUSED = (OutcomeKind.REJECTED, OutcomeKind.CONFLICT)


def message_handlers() -> dict[str, Handler]:
    """Return who applies the messages of this slice."""
    return {MessageType.INCIDENT: apply_incidents, MessageType.INCIDENT_COMMENT: apply_comments}


def apply_incidents(
    session: Session, connection_id: str, messages: Sequence[Message], now_ms: int
) -> list[Problem | None]:
    """Apply creates and updates; return why each was rejected, or None."""
    work = _begin(session, connection_id, messages, now_ms)
    read = [_read(_INCIDENT, message) for message in messages]
    moved = moving.follow(work, connection_id, messages, read)
    numbers = _numbers(work, messages, read)
    verdicts: list[Problem | None] = []
    for message, data in zip(messages, read, strict=True):
        bond = work.bonds.get(message.lane)
        if isinstance(data, Problem):
            verdicts.append(data)
        elif bond is not None:
            verdicts.append(_change(work, bond, data, message))
            if message.lane in moved and verdicts[-1] is None:
                moving.answer(work, bond, data, moved.pop(message.lane))
        elif data.op == "create" and not _BOND_ID.fullmatch(message.lane):
            verdicts.append(_invalid("/lane", "a bond's id is a UUID in lower case"))
        elif data.op == "create" and message.lane in numbers:
            number, values = numbers[message.lane], message.data["fields"]
            incident = work.create(values, number=number, origin=connection_id)
            bond = work.bond(incident, connection_id, bond_id=message.lane, data=data)
            verdicts.append(None)
        else:
            verdicts.append(_unknown(message.lane))
        _taken(bond, message)
    work.store()
    return verdicts


def apply_comments(
    session: Session, connection_id: str, messages: Sequence[Message], now_ms: int
) -> list[Problem | None]:
    """Add comments; return why each was rejected, or None. One that is known is not added again."""
    work = _begin(session, connection_id, messages, now_ms)
    read = [_read(_COMMENT, message) for message in messages]
    known = store.known_comments(session, [data.comment_id for data in read if isinstance(data, CommentData)])
    verdicts: list[Problem | None] = []
    for message, data in zip(messages, read, strict=True):
        bond = work.bonds.get(message.lane)
        if isinstance(data, Problem):
            verdicts.append(data)
        elif bond is None:
            verdicts.append(_unknown(message.lane))
        else:
            verdicts.append(_comment(work, bond, data, known))
        _taken(bond, message)
    work.store()
    return verdicts


def passing_over(voids: Handler) -> Handler:
    """Return the handler of messages the peer withdrew: ``voids``, and the bond knows that their sequences are gone."""

    def apply(
        session: Session, connection_id: str, messages: Sequence[Message], now_ms: int
    ) -> Sequence[Problem | None]:
        work = _begin(session, connection_id, messages, now_ms)
        for message in messages:
            bond = work.bonds.get(message.lane)
            if bond is not None:
                work.miss(work.incidents[bond.incident_id], message.data.get("code"))
            _taken(bond, message)
        work.store()
        return voids(session, connection_id, messages, now_ms)

    return apply


def _comment(work: Work, bond: BondWork, data: CommentData, known: dict[str, str]) -> Problem | None:
    incident_id = bond.incident_id
    holder = known.get(data.comment_id)
    if holder is not None:
        return None if holder == incident_id else _invalid("/data/comment_id", "it names a comment of another record")
    known[data.comment_id] = incident_id
    work.comment(
        work.incidents[incident_id],
        kind="comment",
        author=data.author,
        text=data.text,
        comment_id=data.comment_id,
        origin=bond.connection_id,
    )
    return None


def on_settled(session: Session, connection_id: str, settled: Sequence[Settled], now_ms: int) -> None:
    """Show on the bond that the peer made its copy, and what it did not take."""
    first = {
        message.lane
        for message in settled
        if message.sequence == 1 and message.outcome is OutcomeKind.APPLIED and message.type in _TYPES
    }
    if first:
        store.note_applied(session, connection_id, first, _instant(now_ms))
    refused = {  # the last verdict on a lane is the one to show
        message.lane: message.problem.to_wire() if message.problem else None
        for message in settled
        if message.type in _TYPES and message.outcome in _REFUSED
    }
    if refused:
        store.fail_bonds(session, connection_id, refused, _instant(now_ms))


def connection_closed(session: Session, connection_id: str, now: datetime) -> None:
    """Disconnect the bonds of a connection that has ended, so that their incidents can be worked on."""
    store.disconnect_bonds(session, connection_id, now)


def renumbering(
    session: Session, connection_id: str, lanes: Collection[str], now: datetime
) -> Callable[[Mapping[str, Shift]], None]:
    """Lock the bonds of lanes whose messages may get higher numbers after a restore; return what follows them.

    So ``seen`` goes on to mean what it says.
    """
    work = Work(session, actor=SYSTEM, now=now)
    work.load_lanes(connection_id, lanes)

    def follow(shifts: Mapping[str, Shift]) -> None:
        for bond in work.bonds.values():
            if bond.id not in shifts:
                continue
            shift = shifts[bond.id]
            bond.sent_sequence += shift.by
            late = {name: number + shift.by for name, number in bond.changed.items() if number >= shift.floor}
            bond.changed = {**bond.changed, **late}
            bond.touched = True
        work.store()

    return follow


def _begin(session: Session, connection_id: str, messages: Sequence[Message], now_ms: int) -> Work:
    peer = connections.party(session, connection_id)
    actor = Actor(kind="peer", id=peer.instance_id, name=peer.name)
    work = Work(session, actor=actor, now=_instant(now_ms))
    work.load_lanes(connection_id, {message.lane for message in messages})
    return work


def _numbers(work: Work, messages: Sequence[Message], read: Sequence[IncidentData | Problem]) -> dict[str, str]:
    """Return a number for each lane that a message of the batch may create a record in."""
    fresh = {
        message.lane
        for message, data in zip(messages, read, strict=True)
        if isinstance(data, IncidentData) and data.op == "create" and message.lane not in work.bonds
        if _BOND_ID.fullmatch(message.lane)
    }
    if not fresh:
        return {}
    free = sorted(fresh - work.foreign)
    return dict(zip(free, work.numbers(len(free)), strict=True))


def _change(work: Work, bond: BondWork, data: IncidentData, message: Message) -> Problem | None:
    if bond.peer_record_id not in {None, data.record_id}:
        return refusal(
            "bond_exists", f"{message.lane} ties another record of yours", "Share the record under a new bond."
        )
    bond.peer_record_id, bond.peer_number = data.record_id, data.number
    incident, told = work.incidents[bond.incident_id], message.data["fields"]  # texts and nulls, as validated
    wanted, kept = settle_conflicts(bond, data.seen, told)
    work.change(incident, wanted)
    work.keep(incident, {name: told[name] for name in kept})
    return None


def _taken(bond: BondWork | None, message: Message) -> None:
    if bond is not None:
        bond.received_sequence = max(bond.received_sequence, message.sequence)
        bond.touched = True


def _read(adapter: TypeAdapter[Data], message: Message) -> Data | Problem:
    try:
        return adapter.validate_python(message.data)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return _invalid(pointer_to(fault["loc"]), fault["msg"])


def _invalid(pointer: str, why: str) -> Problem:
    return refusal("invalid", f"{pointer}: {why}", "Correct the member and send it as a new message.", pointer)


def _unknown(lane: str) -> Problem:
    return refusal("bond_unknown", f"No record is tied by {lane}", "Share the record first, by an incident 'create'.")


def _instant(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC)
