"""Groups as one SCIM client sees them: those it made, and those an administrator gave it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from scim2_models import ForbiddenException, InvalidValueException, Meta, NotFoundException, PatchOp
from sqlalchemy.orm import Session

from provider_service.directory import service as directory
from provider_service.directory.domain import GroupRecord
from provider_service.scim import store
from provider_service.scim.domain import PREFIX, resources
from provider_service.scim.domain.resources import Group
from provider_service.scim.service.users import View
from provider_service.scim.tables import ScimGroup


def create_group(session: Session, view: View, group: Group, *, now: datetime) -> Group:
    """Make a group of people the client sees. Raises `Conflict` (``group_taken``), `InvalidValueException`."""
    members = _known(session, view, resources.member_ids(group))
    made = directory.create_group(session, name=_name(group), members=members, actor=view.actor, now=now)
    row = ScimGroup(group_id=made.id, client_id=view.client_id, external_id=group.external_id)
    session.add(row)
    session.flush()
    return _resources(session, view, [row])[0]


def get_group(session: Session, view: View, group_id: str) -> Group:
    """Return a group the client sees. Raises `NotFoundException`."""
    return _resources(session, view, [_seen(session, view, group_id)])[0]


def list_groups(session: Session, view: View) -> list[Group]:
    """Return the groups the client sees."""
    return _resources(session, view, store.groups(session, view.client_id))


def replace_group(
    session: Session, view: View, group_id: str, group: Group, *, match: Callable[[str], None], now: datetime
) -> Group:
    """Let a group be what ``group`` says. ``match``: raises for a version gone by."""
    row, present = _locked(session, view, group_id, match)
    group.replace(present)
    return _changed(session, view, row, group, now=now)


def patch_group(
    session: Session, view: View, group_id: str, patch: PatchOp[Group], *, match: Callable[[str], None], now: datetime
) -> Group:
    """Change parts of a group. Raises as `replace_group` does."""
    row, present = _locked(session, view, group_id, match)
    patch.patch(present)
    return _changed(session, view, row, present, now=now)


def delete_group(session: Session, view: View, group_id: str, *, match: Callable[[str], None], now: datetime) -> None:
    """End a group; its people stay."""
    _locked(session, view, group_id, match)
    store.forget_group(session, group_id)
    session.expire_all()
    directory.delete_group(session, group_id, actor=view.actor, now=now)


def _changed(session: Session, view: View, row: ScimGroup, group: Group, *, now: datetime) -> Group:
    present = directory.get_group(session, row.group_id)
    unseen = set(present.members) - _visible(session, view)
    wanted = _known(session, view, resources.member_ids(group)) | unseen
    directory.update_group(session, row.group_id, name=_name(group), members=wanted, actor=view.actor, now=now)
    row.external_id = group.external_id
    session.flush()
    return _resources(session, view, [row])[0]


def _locked(session: Session, view: View, group_id: str, match: Callable[[str], None]) -> tuple[ScimGroup, Group]:
    row = _seen(session, view, group_id)
    if directory.get_group(session, group_id).privileged:
        raise ForbiddenException(detail="What this group grants is decided here: it cannot be changed over SCIM")
    present = _resources(session, view, [row])[0]
    match(str(present.meta.version) if present.meta else "")
    return row, present


def _seen(session: Session, view: View, group_id: str) -> ScimGroup:
    row = store.group(session, view.client_id, group_id)
    if row is None:
        raise NotFoundException(detail="There is no such group")
    return row


def _visible(session: Session, view: View) -> set[str]:
    return {row.user_id for row in store.users(session, view.client_id)}


def _known(session: Session, view: View, wanted: set[str]) -> set[str]:
    if not wanted:
        return set()
    unknown = wanted - _visible(session, view)
    if unknown:
        raise InvalidValueException(detail="A member is nobody this client knows", attribute="members")
    return wanted


def _name(group: Group) -> str:
    if not group.display_name:
        raise InvalidValueException(detail="displayName must have a value")
    return group.display_name


def _resources(session: Session, view: View, rows: Sequence[ScimGroup]) -> list[Group]:
    visible = _visible(session, view)
    groups = [(row, directory.get_group(session, row.group_id)) for row in rows]
    return [_resource(view, row, group, visible) for row, group in groups]


def _resource(view: View, row: ScimGroup, group: GroupRecord, people: set[str]) -> Group:
    meta = Meta(
        resource_type="Group",
        created=group.created_at,
        last_modified=group.updated_at,
        location=f"{view.issuer}{PREFIX}/Groups/{group.id}",
        version=f'W/"{group.version}"',
    )
    return resources.group_resource(group, people, external_id=row.external_id, meta=meta, issuer=view.issuer)
