"""Making and changing people, and what they may do."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor, changes
from provider_service.directory import domain, store
from provider_service.directory.domain import AtDirectory, Caller, Person, UserChanges
from provider_service.directory.service.hashing import NewPassword
from provider_service.directory.tables import User
from provider_service.mail.domain import canonical_address
from shared.wire.errors import Conflict, FieldError, NotFound
from shared.wire.identifiers import new_id
from shared.wire.states import Role


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    language: str = "en",
    roles: Set[Role] = frozenset(),
    caller: Caller,
    now: datetime,
) -> Person:
    """Make a person on behalf of ``caller``, without a password: a password mail lets them set one.

    Raises `Forbidden` for roles the caller may not give, `Conflict` (``email_taken``), `Invalid` (``email_invalid``).
    """
    domain.require_grant(caller, "", frozenset(), roles)
    return add_user(session, email=email, name=name, language=language, roles=roles, actor=caller.actor, now=now)


def add_user(
    session: Session,
    *,
    email: str,
    name: str,
    id_: str | None = None,
    login: str | None = None,
    language: str = "en",
    active: bool = True,
    roles: Set[Role] = frozenset(),
    password: NewPassword | None = None,
    actor: Actor,
    now: datetime,
) -> Person:
    """Make a person; whether the actor may is for the calling use case to say. Raises as `create_user` does.

    ``id_``: the id the caller has kept beforehand, so that it finds the person again whatever happens in between.
    """
    address = canonical_address(email)
    if password is not None:
        domain.check_password(password.plain, email=address, name=name)
    login = login or address
    _require_free(session, address, login, None)
    user = User(
        id=id_ or new_id(),
        email=address,
        email_key=domain.email_key(address),
        login=login,
        login_key=domain.email_key(login),
        name=name,
        language=language,
        active=active,
        password_hash=password.hash if password else None,
        password_changed_at=now if password else None,
        resets=0,
        created_at=now,
        updated_at=now,
        version=1,
    )
    session.add(user)
    _flush(session)
    store.change_roles(session, user.id, lost=(), gained=roles)
    person = person_of(user, frozenset(roles))
    _record(session, actor, "user.created", user, after=_facts(person), now=now)
    return person


def get_user(session: Session, user_id: str, *, lock: bool = False) -> Person:
    """Return a person, whom nobody else changes before this transaction ends if ``lock``. Raises `NotFound`."""
    user = _required(store.user(session, user_id, lock=lock), user_id)
    return person_of(user, store.roles(session, [user.id])[user.id])


def find_user(session: Session, email: str) -> Person | None:
    """Return the person with a mail address, however it is spelled."""
    user = store.user_by_key(session, domain.email_key(email))
    return None if user is None else person_of(user, store.roles(session, [user.id])[user.id])


def find_login(session: Session, login: str) -> Person | None:
    """Return the person with a login, however it is spelled."""
    user = store.user_by_login(session, domain.email_key(login))
    return None if user is None else person_of(user, store.roles(session, [user.id])[user.id])


def get_users(session: Session, user_ids: Sequence[str]) -> dict[str, Person]:
    """Return the people with these ids, by id."""
    held = store.roles(session, user_ids)
    return {user.id: person_of(user, held[user.id]) for user in store.users(session, user_ids)}


def list_users(
    session: Session,
    *,
    active: bool | None = None,
    email: str | None = None,
    role: Role | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Person]:
    """Return people in order of their creation, behind the one with id ``after``."""
    key = domain.email_key(email) if email is not None else None
    rows = store.page(session, active=active, email=key, role=role, after=after, limit=limit)
    held = store.roles(session, [row.id for row in rows])
    return [person_of(row, held[row.id]) for row in rows]


def update_user(
    session: Session, user_id: str, *, change: Callable[[Person], UserChanges], caller: Caller, now: datetime
) -> Person:
    """Change a person to what ``change`` makes of the present state, read under lock.

    Raises `NotFound`; `Forbidden` where somebody with key roles is changed by one who may not give them; `Conflict`
    (``email_taken``, ``last_holder``, ``user_of_directory``). Deactivating ends the person's sessions; so does another
    address.
    """
    user = _required(store.user(session, user_id, lock=True), user_id)
    before = person_of(user, store.roles(session, [user_id])[user_id])
    wanted = change(before)
    address = canonical_address(wanted.email)
    if (address, wanted.active) != (before.email, before.active):
        domain.require_power_over(caller, before.roles)
    if before.active and not wanted.active:
        _keep_holders(session, user_id, before.roles)
    domain.require_changeable(before, wanted, address)
    if before.at_directory is None:
        login = domain.login_after(before, wanted, address)
        _require_free(session, address, login, user_id)
        user.email, user.email_key, user.name = address, domain.email_key(address), wanted.name
        user.login, user.login_key = login, domain.email_key(login)
    user.language, user.active = wanted.language, wanted.active
    if not user.active or address != before.email:
        store.end_sessions(session, user_id)
        store.end_password_mails(session, user_id, now)
    return changed(session, user, before=before, roles=before.roles, actor=caller.actor, now=now)


def update_self(
    session: Session, *, change: Callable[[Person], tuple[str, str]], caller: Caller, now: datetime
) -> Person:
    """Change the caller's own name and language to what ``change`` makes of the present state, read under lock."""
    user = _required(store.user(session, caller.user_id, lock=True), caller.user_id)
    before = person_of(user, store.roles(session, [user.id])[user.id])
    user.name, user.language = change(before)
    return changed(session, user, before=before, roles=before.roles, actor=caller.actor, now=now)


def set_roles(
    session: Session, user_id: str, *, change: Callable[[Person], Set[Role]], caller: Caller, now: datetime
) -> Person:
    """Let a person hold exactly the roles ``change`` makes of the present ones.

    Raises `NotFound`; `Forbidden` (``role_missing``, ``own_roles``); `Conflict` (``last_holder``).
    """
    user = _required(store.user(session, user_id, lock=True), user_id)
    before = person_of(user, store.roles(session, [user_id])[user_id])
    wanted = frozenset(change(before))
    domain.require_grant(caller, user_id, before.roles, wanted)
    if before.active:
        _keep_holders(session, user_id, before.roles - wanted)
    store.change_roles(session, user_id, lost=before.roles - wanted, gained=wanted - before.roles)
    action = "user.roles_changed"
    return changed(session, user, before=before, roles=wanted, action=action, actor=caller.actor, now=now)


def grant_role(session: Session, user_id: str, role: Role, *, actor: Actor, now: datetime) -> Person:
    """Add one role; whether the actor may is for the calling use case to say."""
    user = _required(store.user(session, user_id, lock=True), user_id)
    before = person_of(user, store.roles(session, [user_id])[user_id])
    if role in before.roles:
        return before
    store.change_roles(session, user_id, lost=(), gained=[role])
    roles = before.roles | {role}
    return changed(session, user, before=before, roles=roles, action="user.roles_changed", actor=actor, now=now)


def set_active(session: Session, user_id: str, *, active: bool, actor: Actor, now: datetime) -> Person:
    """Let a person in, or shut it out, which ends its sessions; whether the actor may is for the use case to say.

    Doing it twice is one effect. Raises `NotFound`; `Conflict` (``last_holder``).
    """
    user = _required(store.user(session, user_id, lock=True), user_id)
    before = person_of(user, store.roles(session, [user_id])[user_id])
    if not active:
        _keep_holders(session, user_id, before.roles)
        store.end_sessions(session, user_id)
    user.active = active
    return changed(session, user, before=before, roles=before.roles, actor=actor, now=now)


def person_of(user: User, roles: frozenset[Role]) -> Person:
    """Return a row as a person."""
    return Person(
        id=user.id,
        email=user.email,
        login=user.login,
        name=user.name,
        language=user.language,
        active=user.active,
        roles=roles,
        has_password=user.password_hash is not None,
        resets=user.resets,
        last_sign_in_at=user.last_sign_in_at,
        created_at=user.created_at,
        updated_at=user.updated_at,
        version=user.version,
        at_directory=None if user.at_directory is None else AtDirectory(user.at_directory),
    )


def changed(
    session: Session,
    user: User,
    *,
    before: Person,
    roles: frozenset[Role],
    action: str = "user.updated",
    actor: Actor,
    now: datetime,
) -> Person:
    """Record what has been changed of a person, if anything was, and return them."""
    old, new = changes(_facts(before), _facts(person_of(user, roles)))
    if not new:
        return before
    user.version += 1
    user.updated_at = now
    _flush(session)
    _record(session, actor, action, user, before=old, after=new, now=now)
    return person_of(user, roles)


def _keep_holders(session: Session, user_id: str, lost: Set[Role]) -> None:
    for role in sorted(lost & domain.KEPT_ROLES):
        if store.active_holders(session, role) == [user_id]:
            raise Conflict(
                f"This is the last active person with the role {role}",
                code="last_holder",
                cause="Without one, nobody could give the role to anybody again.",
                fix="Give the role to another active person first.",
            )
    if Role.ADMIN in lost:
        _keep_a_way_in(session, user_id)


def _keep_a_way_in(session: Session, user_id: str) -> None:
    """Let one administrator stay who needs no identity provider to come in: the day it fails is the day to need one."""
    local = store.with_password(session, store.active_holders(session, Role.ADMIN))
    if local == {user_id}:
        raise Conflict(
            "This is the last active administrator with a password of their own",
            code="last_local_admin",
            cause="If no identity provider could be reached, nobody could administer this instance.",
            fix="Let another administrator set a password first.",
        )


def _require_free(session: Session, address: str, login: str, user_id: str | None) -> None:
    """Nobody signs in under a name that is somebody else's address, nor the other way round."""
    for key in {domain.email_key(address), domain.email_key(login)}:
        if set(store.ids_named(session, key)) - {user_id}:
            raise _taken(login=key != domain.email_key(address))


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:  # somebody else took the address or login in the same moment
        raise _taken() from error


def _taken(*, login: bool = False) -> Conflict:
    if login:
        return Conflict(
            "The login belongs to somebody else", code="login_taken", errors=[FieldError("/login", "Taken")]
        )
    return Conflict(
        "The mail address belongs to somebody else",
        code="email_taken",
        fix="Use another address, or change the person who has it.",
        errors=[FieldError("/email", "Taken")],
    )


def _facts(person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "login": person.login,
        "name": person.name,
        "language": person.language,
        "active": person.active,
        "roles": sorted(person.roles),
    }


def _record(
    session: Session,
    actor: Actor,
    action: str,
    user: User,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any],
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="user",
        subject_id=user.id,
        before=before,
        after=after,
        now=now,
    )


def _required(user: User | None, user_id: str) -> User:
    if user is None:
        raise NotFound("There is no such person", code="user_unknown", cause=f"Nobody has the id {user_id[:60]!a}.")
    return user
