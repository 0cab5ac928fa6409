"""Groups of people: making and ending them, and who belongs to them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor, changes
from provider_service.directory import domain, store
from provider_service.directory.domain import GroupRecord
from provider_service.directory.tables import Group
from shared.wire.errors import Conflict, FieldError, Invalid, NotFound
from shared.wire.identifiers import new_id


def create_group(
    session: Session,
    *,
    name: str,
    members: Collection[str] = (),
    privileged: bool = False,
    actor: Actor,
    now: datetime,
) -> GroupRecord:
    """Make a group. Raises `Conflict` (``group_taken``), `Invalid` (``member_unknown``)."""
    group = Group(
        id=new_id(),
        name=name,
        name_key=domain.email_key(name),
        privileged=privileged,
        created_at=now,
        updated_at=now,
        version=1,
    )
    session.add(group)
    _flush(session)
    _put_in(session, group, members)
    made = _record(group, sorted(members))
    _note(session, actor, "group.created", group, after=_facts(made), now=now)
    return made


def ensure_group(session: Session, name: str, *, privileged: bool, actor: Actor, now: datetime) -> GroupRecord:
    """Return the group of this name, made if there is none; its people are not read."""
    found = store.group_by_key(session, domain.email_key(name))
    if found is not None:
        return _record(found, ())
    return create_group(session, name=name, privileged=privileged, actor=actor, now=now)


def find_group(session: Session, name: str) -> GroupRecord | None:
    """Return the group with a name, however it is spelled."""
    group = store.group_by_key(session, domain.email_key(name))
    return None if group is None else _records(session, [group])[0]


def get_group(session: Session, group_id: str) -> GroupRecord:
    """Return a group. Raises `NotFound` (``group_unknown``)."""
    return _records(session, [_required(store.group(session, group_id))])[0]


def list_groups(session: Session, *, after: str | None = None, limit: int = 50) -> list[GroupRecord]:
    """Return groups in order of their creation, behind the one with id ``after``."""
    return _records(session, store.groups(session, after=after, limit=limit))


def groups_of(session: Session, user_ids: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Return ids and names of the groups of each of these people."""
    found = store.groups_of(session, user_ids)
    return {user_id: [(group.id, group.name) for group in groups] for user_id, groups in found.items()}


def update_group(
    session: Session, group_id: str, *, name: str, members: Collection[str], actor: Actor, now: datetime
) -> GroupRecord:
    """Let a group have this name and exactly these people. Raises as `create_group` does, and `NotFound`."""
    group = _required(store.group(session, group_id, lock=True))
    before = _records(session, [group])[0]
    store.change_members(session, group.id, lost=set(before.members) - set(members), gained=())
    _put_in(session, group, set(members) - set(before.members))
    group.name, group.name_key = name, domain.email_key(name)
    old, new = changes(_facts(before), _facts(_record(group, sorted(set(members)))))
    if new:
        group.updated_at, group.version = now, group.version + 1
        _flush(session)
        _note(session, actor, "group.updated", group, before=old, after=new, now=now)
    return _record(group, sorted(set(members)))


def add_member(session: Session, group_id: str, user_id: str, *, actor: Actor, now: datetime) -> None:
    """Put a person into a group; one who is in it stays. Raises `NotFound`, `Invalid` (``member_unknown``).

    Neither this nor `remove_member` reads the group's other people: there may be very many.
    """
    group = _required(store.group(session, group_id, lock=True))
    if not store.is_member(session, group_id, user_id):
        _put_in(session, group, [user_id])
        _member_changed(session, group, "group.member_added", user_id, actor, now)


def remove_member(session: Session, group_id: str, user_id: str, *, actor: Actor, now: datetime) -> None:
    """Take a person out of a group; one who is not in it stays out. Raises `NotFound`."""
    group = _required(store.group(session, group_id, lock=True))
    if store.is_member(session, group_id, user_id):
        store.change_members(session, group_id, lost=[user_id], gained=())
        _member_changed(session, group, "group.member_removed", user_id, actor, now)


def delete_group(session: Session, group_id: str, *, actor: Actor, now: datetime) -> None:
    """End a group; its people stay. Raises `NotFound`."""
    group = _required(store.group(session, group_id, lock=True))
    before = _records(session, [group])[0]
    store.change_members(session, group_id, lost=before.members, gained=())
    session.flush()
    store.delete_group(session, group_id)
    session.expunge(group)
    _note(session, actor, "group.deleted", group, before=_facts(before), after={}, now=now)


def _put_in(session: Session, group: Group, user_ids: Collection[str]) -> None:
    known = {user.id for user in store.users(session, list(user_ids))}
    unknown = sorted(set(user_ids) - known)
    if unknown:
        raise Invalid(
            "There is no such person",
            code="member_unknown",
            cause=f"Nobody has the id {unknown[0][:60]!a}.",
            errors=[FieldError("/members", "Unknown person")],
        )
    store.change_members(session, group.id, lost=(), gained=user_ids)


def _member_changed(session: Session, group: Group, action: str, user_id: str, actor: Actor, now: datetime) -> None:
    group.updated_at, group.version = now, group.version + 1
    session.flush()
    _note(session, actor, action, group, after={"name": group.name, "member": user_id}, now=now)


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(
            "There is a group of this name",
            code="group_taken",
            fix="Choose another name, or change the group there is.",
            errors=[FieldError("/name", "Taken")],
        ) from error


def _records(session: Session, groups: Sequence[Group]) -> list[GroupRecord]:
    members = store.members(session, [group.id for group in groups])
    return [_record(group, members[group.id]) for group in groups]


def _record(group: Group, members: Sequence[str]) -> GroupRecord:
    return GroupRecord(
        id=group.id,
        name=group.name,
        privileged=group.privileged,
        members=tuple(members),
        created_at=group.created_at,
        updated_at=group.updated_at,
        version=group.version,
    )


def _facts(group: GroupRecord) -> dict[str, Any]:
    return {"name": group.name, "privileged": group.privileged, "members": list(group.members)}


def _note(
    session: Session,
    actor: Actor,
    action: str,
    group: Group,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any],
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="group",
        subject_id=group.id,
        before=before,
        after=after,
        now=now,
    )


def _required(group: Group | None) -> Group:
    if group is None:
        raise NotFound("There is no such group", code="group_unknown")
    return group
