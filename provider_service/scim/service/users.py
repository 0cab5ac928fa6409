"""People as one SCIM client sees them: those it made, and nobody else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim2_models import ForbiddenException, Meta, NotFoundException, PatchOp, PreconditionFailedException
from scim2_models.path import CompareOperator, Comparison
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, Person, UserChanges, is_privileged
from provider_service.scim import store
from provider_service.scim.domain import PREFIX, resources
from provider_service.scim.domain.resources import User, UserFacts
from provider_service.scim.tables import ScimUser


@dataclass(frozen=True, slots=True)
class View:
    """Whose eyes look, and from which address resources are named."""

    client_id: str
    actor: Actor
    issuer: str

    def caller(self) -> Caller:
        """Return the client as the directory knows callers: without any role."""
        return Caller(self.actor, "", frozenset())


def create_user(session: Session, view: View, user: User, *, now: datetime) -> User:
    """Make a person, or take up again one this client had deleted.

    Raises `Conflict` (``email_taken``, ``login_taken``), `Invalid` (``email_invalid``).
    """
    user.active = user.active is not False
    facts = resources.facts_of(user)
    row = _deleted(session, view, facts)
    if row is not None:
        row.deleted_at = None
        return _changed(session, view, row, user, now=now)
    person = directory.add_user(
        session,
        email=facts.email,
        login=facts.login,
        name=facts.name,
        language=facts.language,
        active=facts.active,
        actor=view.actor,
        now=now,
    )
    row = ScimUser(
        user_id=person.id,
        client_id=view.client_id,
        external_id=facts.external_id,
        document=facts.document,
        version=1,
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )
    session.add(row)
    session.flush()
    return _resources(session, view, [row])[0]


def get_user(session: Session, view: View, user_id: str) -> User:
    """Return one of the client's people. Raises `NotFoundException`."""
    return _resources(session, view, [_seen(session, view, user_id)])[0]


def list_users(session: Session, view: View, wanted: Any = None) -> list[User]:
    """Return the client's people, of whom ``wanted``, the node of a filter, may name one directly."""
    named = _named(wanted)
    if named is None:
        return _resources(session, view, store.users(session, view.client_id))
    person = directory.find_login(session, named)
    row = store.user(session, person.id) if person is not None else None
    rows = [row] if row is not None and row.client_id == view.client_id and row.deleted_at is None else []
    return _resources(session, view, rows)


def replace_user(
    session: Session, view: View, user_id: str, user: User, *, match: Callable[[str], None], now: datetime
) -> User:
    """Let a person be what ``user`` says (RFC 7644 section 3.5.1). ``match``: raises for a version gone by."""
    row, present = _locked(session, view, user_id, match)
    user.replace(present)
    return _changed(session, view, row, user, now=now)


def patch_user(
    session: Session, view: View, user_id: str, patch: PatchOp[User], *, match: Callable[[str], None], now: datetime
) -> User:
    """Change parts of a person (RFC 7644 section 3.5.2). Raises as `replace_user` does."""
    row, present = _locked(session, view, user_id, match)
    patch.patch(present)
    return _changed(session, view, row, present, now=now)


def delete_user(session: Session, view: View, user_id: str, *, match: Callable[[str], None], now: datetime) -> None:
    """Deactivate a person for good as far as this client is concerned; what the person did stays on record."""
    row, _ = _locked(session, view, user_id, match)
    person = _writable(directory.get_user(session, user_id))

    def change(present: Person) -> UserChanges:
        return UserChanges(present.email, present.name, present.language, active=False)

    directory.update_user(session, person.id, change=change, caller=view.caller(), now=now)
    for group_id, _name in directory.groups_of(session, [user_id])[user_id]:
        if store.group(session, view.client_id, group_id) is not None:
            directory.remove_member(session, group_id, user_id, actor=view.actor, now=now)
    row.deleted_at, row.updated_at = now, now
    session.flush()


def version_of(user: User) -> str:
    """Return the entity tag of a resource."""
    return str(user.meta.version) if user.meta else ""


def require_version(if_match: str | None) -> Callable[[str], None]:
    """Return what raises `PreconditionFailedException` unless a version is one ``If-Match`` names."""

    def match(current: str) -> None:
        wanted = {tag.strip() for tag in (if_match or "*").split(",")}
        if not wanted & {"*", current}:
            raise PreconditionFailedException

    return match


def _changed(session: Session, view: View, row: ScimUser, user: User, *, now: datetime) -> User:
    person = _writable(directory.get_user(session, row.user_id))
    facts = resources.facts_of(user, language=person.language)

    def change(_present: Person) -> UserChanges:
        return UserChanges(facts.email, facts.name, facts.language, facts.active, facts.login)

    directory.update_user(session, row.user_id, change=change, caller=view.caller(), now=now)
    if (row.document, row.external_id) != (facts.document, facts.external_id):
        before, after = {"profile": row.document}, {"profile": facts.document}
        row.document, row.external_id = facts.document, facts.external_id
        audit.record(
            session,
            actor=view.actor,
            action="user.profile_changed",
            subject_type="user",
            subject_id=row.user_id,
            before=before,
            after=after,
            now=now,
        )
    row.version, row.updated_at = row.version + 1, now
    session.flush()
    return _resources(session, view, [row])[0]


def _writable(person: Person) -> Person:
    """Raise `ForbiddenException` for somebody with a role here: a foreign directory cannot take them over."""
    if is_privileged(person.roles):
        raise ForbiddenException(detail="This person has a role here and is changed here only")
    return person


def _deleted(session: Session, view: View, facts: UserFacts) -> ScimUser | None:
    person = directory.find_login(session, facts.login)
    row = store.user(session, person.id, lock=True) if person is not None else None
    if row is None or row.client_id != view.client_id or row.deleted_at is None:
        return None
    return row


def _seen(session: Session, view: View, user_id: str, *, lock: bool = False) -> ScimUser:
    row = store.user(session, user_id, lock=lock)
    if row is None or row.client_id != view.client_id or row.deleted_at is not None:
        raise NotFoundException(detail="There is no such person")
    return row


def _locked(session: Session, view: View, user_id: str, match: Callable[[str], None]) -> tuple[ScimUser, User]:
    row = _seen(session, view, user_id, lock=True)
    present = _resources(session, view, [row])[0]
    match(version_of(present))
    return row, present


def _resources(session: Session, view: View, rows: Sequence[ScimUser]) -> list[User]:
    ids = [row.user_id for row in rows]
    people = directory.get_users(session, ids)
    groups = directory.groups_of(session, ids)
    visible = {seen.group_id for seen in store.groups(session, view.client_id)}
    found = []
    for row in rows:
        person = people[row.user_id]
        held = [(group_id, name) for group_id, name in groups[row.user_id] if group_id in visible]
        found.append(_resource(view, row, person, held))
    return found


def _resource(view: View, row: ScimUser, person: Person, groups: list[tuple[str, str]]) -> User:
    meta = Meta(
        resource_type="User",
        created=row.created_at,
        last_modified=max(row.updated_at, person.updated_at),
        location=f"{view.issuer}{PREFIX}/Users/{person.id}",
        version=f'W/"{person.version}.{row.version}"',
    )
    return resources.user_resource(
        person, row.document, external_id=row.external_id, groups=groups, meta=meta, issuer=view.issuer
    )


def _named(wanted: Any) -> str | None:
    """Return the login a filter asks for, where that is all it asks."""
    if not isinstance(wanted, Comparison) or wanted.op is not CompareOperator.eq:
        return None
    plain = wanted.attr_path.attr.casefold() == "username" and wanted.attr_path.sub_attr is None
    return wanted.value if plain and isinstance(wanted.value, str) else None
