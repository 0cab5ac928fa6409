"""Who is whom at a provider: linked by proof of both or by an administrator, never by an equal mail address.

Whoever changes links holds the lock of the user, so that a reset of the password in the same moment has its order.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, Person, require_ours, require_power_over
from provider_service.oidc import store
from provider_service.oidc.domain import Identity, LinkedBy
from provider_service.oidc.service.providers import get_provider
from provider_service.oidc.tables import IdentityProvider, UserIdentity
from shared.wire.errors import Conflict, FieldError, NotFound
from shared.wire.identifiers import new_id


def list_identities(session: Session, user_id: str) -> list[Identity]:
    """Return the accounts at providers that are linked to a person. Raises `NotFound`."""
    person = directory.get_user(session, user_id)
    rows = store.identities(session, user_id)
    providers = store.providers_by_id(session, [row.provider_id for row in rows])
    return [identity_of(row, providers[row.provider_id], person) for row in rows]


def link_as_administrator(
    session: Session, user_id: str, *, provider_id: str, subject: str, caller: Caller, now: datetime
) -> Identity:
    """Link a subject to a person on an administrator's word; doing it again confirms it.

    Raises `NotFound`, `Forbidden` where the person has key roles and the caller may not give them, `Conflict`
    (``identity_taken``).
    """
    person = directory.get_user(session, user_id, lock=True)
    require_power_over(caller, person.roles)
    get_provider(session, provider_id)
    return link(session, person, provider_id, subject, email="", by=LinkedBy.ADMINISTRATOR, actor=caller.actor, now=now)


def unlink(session: Session, user_id: str, identity_id: str, *, caller: Caller, now: datetime) -> None:
    """End a link; what began by it ends at once.

    Raises `NotFound`; `Forbidden` where the person has key roles and the caller, somebody else, may not give them;
    `Conflict` (``last_way_in``) where people would lock themselves out.
    """
    person = directory.get_user(session, user_id, lock=True)
    row = store.identity(session, identity_id)
    if row is None or row.user_id != user_id:
        raise NotFound("There is no such linked account", code="identity_unknown")
    if caller.user_id != user_id:
        require_power_over(caller, person.roles)
    elif not person.has_password and len(store.identities(session, user_id)) == 1:
        raise Conflict(
            "This is your only way to sign in",
            code="last_way_in",
            cause="You have no password here.",
            fix="Set a password first, by Forgot your password?",
        )
    store.delete_identity(session, row.id)
    directory.end_identity(session, row.provider_id, row.subject, now=now)
    _record(session, caller.actor, "identity.unlinked", user_id, before=_facts(row), now=now)


def link(
    session: Session,
    person: Person,
    provider_id: str,
    subject: str,
    *,
    email: str,
    by: LinkedBy,
    actor: Actor,
    now: datetime,
) -> Identity:
    """Link a subject to a person whose lock is held; whether it may be is for the calling use case to say.

    Raises `Conflict` (``identity_taken``) where the subject is somebody else, ``user_of_directory`` where the person
    signs in by the other directory alone.
    """
    require_ours(person)
    row = store.identity_of(session, provider_id, subject)
    if row is not None and row.user_id != person.id:
        raise _taken()
    if row is None:
        row = UserIdentity(id=new_id(), provider_id=provider_id, subject=subject, user_id=person.id, email="")
        session.add(row)
    row.email, row.linked_by, row.linked_at, row.resets = email or row.email, by.value, now, person.resets
    try:
        session.flush()
    except IntegrityError as error:  # somebody else linked it in the same moment
        raise _taken() from error
    _record(session, actor, "identity.linked", person.id, after=_facts(row), now=now)
    provider = store.providers_by_id(session, [provider_id])[provider_id]
    return identity_of(row, provider, person)


def identity_of(row: UserIdentity, provider: IdentityProvider, person: Person) -> Identity:
    """Return a row as a linked account."""
    return Identity(
        id=row.id,
        provider_id=row.provider_id,
        provider_name=provider.name,
        subject=row.subject,
        user_id=row.user_id,
        email=row.email,
        linked_by=LinkedBy(row.linked_by),
        linked_at=row.linked_at,
        usable=row.resets == person.resets,
        last_used_at=row.last_used_at,
    )


def _taken() -> Conflict:
    return Conflict(
        "This account at the provider is linked to another person here",
        code="identity_taken",
        cause="An account is one person.",
        fix="Sign in with it to see whose it is, or have an administrator end that link first.",
        errors=[FieldError("/subject", "Taken")],
    )


def _facts(row: UserIdentity) -> dict[str, Any]:
    return {"provider_id": row.provider_id, "subject": row.subject, "linked_by": row.linked_by}


def _record(
    session: Session,
    actor: Actor,
    action: str,
    user_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="user",
        subject_id=user_id,
        before=before,
        after=after,
        now=now,
    )
