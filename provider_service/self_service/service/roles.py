"""Roles per account and contact: granting, revoking, suspending, and who administers an account at last."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyContactRecord
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller
from provider_service.options import service as options
from provider_service.self_service import store
from provider_service.self_service.domain import (
    Privilege,
    RoleRecord,
    privileges_of,
    require_privilege,
)
from provider_service.self_service.service.parts import administered, held_for, note, require_account
from provider_service.self_service.service.syncing import owe, owe_all
from provider_service.self_service.tables import SelfServiceRequest, SelfServiceRole
from shared.wire.errors import Conflict, Forbidden, NotFound
from shared.wire.identifiers import new_id


def grant(
    session: Session, row: SelfServiceRequest, role: str, *, administrator: bool, by: Actor, now: datetime
) -> SelfServiceRole:
    """Grant what came of a request; granting twice is one effect."""
    assert row.contact_id is not None  # noqa: S101 - narrows a type; the step that stores the contact calls this
    made = _grant(
        session, row.company_id, row.contact_id, role, administrator=administrator, request_id=row.id, by=by, now=now
    )
    owe(session, row.user_id or "", role, now=now)
    return made


def grant_role(
    session: Session, company_id: str, contact_id: str, *, administrator: bool, caller: Caller, now: datetime
) -> tuple[RoleRecord, str]:
    """Let a contact of an account hold the user's role there, or the administrator's besides.

    Return the role, and the user whom the directory has to be told about. Raises `NotFound`, `Forbidden`,
    `Conflict` (``contact_without_user``, ``own_role``).
    """
    require_privilege(require_account(session, caller, company_id), Privilege.ADMINISTER_ROLES)
    accounts.lock_company(session, company_id)
    found = accounts.get_company_contact(session, company_id, contact_id)
    if found.user_id is None:
        raise Conflict(
            "The contact has no user", code="contact_without_user", fix="Invite the person, or let it register."
        )
    _require_other(caller, found)
    now_options, actor = options.current(session), caller.actor
    made = _grant(
        session, company_id, found.id, now_options.user_role, administrator=False, request_id=None, by=actor, now=now
    )
    if administrator:
        name = now_options.acct_admin_role
        made = _grant(session, company_id, found.id, name, administrator=True, request_id=None, by=actor, now=now)
        for pending in store.administrator_pending(session, company_id):
            pending.administrator_pending = False
    for one in store.held(session, company_id, found.id):  # also what is held already: the directory may have lost it
        owe(session, found.user_id, one.role, now=now)
    return role_record(made), found.user_id


def revoke_role(session: Session, role_id: str, *, caller: Caller, now: datetime) -> str | None:
    """Take a role from a contact; return the user whom the directory has to be told about, if there is one.

    Raises `NotFound`, `Forbidden` (``privilege_missing``, ``own_role``); `Conflict` (``last_administrator``) unless the
    caller may remove the last one.
    """
    row = store.role(session, role_id)
    held = frozenset() if row is None else held_for(session, caller, row.company_id)
    if row is None or Privilege.READ not in held:
        raise NotFound("There is no such role", code="role_unknown")
    require_privilege(held, Privilege.ADMINISTER_ROLES)
    if row.company_id is not None:
        accounts.lock_company(session, row.company_id)
        if row.administrator and _is_last(session, row.company_id, row.contact_id):
            _require_last(held)
    contact = accounts.find_contact(session, row.contact_id)
    if contact is not None and contact.user_id == caller.user_id and not privileges_of(caller.roles):
        raise _own()
    before = {"company_id": row.company_id, "contact_id": row.contact_id, "role": row.role}
    session.delete(row)
    session.flush()
    note(session, caller.actor, "self_service_role.revoked", row.id, before=before, after={}, now=now)
    if contact is None or contact.user_id is None:
        return None
    owe(session, contact.user_id, row.role, now=now)
    return contact.user_id


def suspend(
    session: Session, company_id: str, contact_id: str, *, suspended: bool, caller: Caller, now: datetime
) -> CompanyContactRecord:
    """Keep a contact from acting for an account, or let it again; its roles stay, its sessions end.

    Raises `NotFound`, `Forbidden`; `Conflict` (``last_administrator``) as `revoke_role` does.
    """
    held = require_account(session, caller, company_id)
    require_privilege(held, Privilege.ADMINISTER_ROLES)
    accounts.lock_company(session, company_id)
    found = accounts.get_company_contact(session, company_id, contact_id)
    _require_other(caller, found)
    if (
        suspended
        and found.id in _acting_administrators(session, company_id)
        and _is_last(session, company_id, found.id)
    ):
        _require_last(held)
    made = accounts.set_company_contact_enabled(
        session, company_id, found.id, change=lambda _: not suspended, caller=caller, now=now
    )
    if suspended and found.user_id is not None:
        directory.end_sessions(session, found.user_id, caller=caller, now=now)
    return made


def keep_administrator(session: Session, company_id: str, contact_id: str, caller: Caller) -> None:
    """Object to switching off an account's last administrator. Raises `Conflict` as `revoke_role` does.

    Registered as a hook of the accounts, whose contacts can be switched off by themselves.
    """
    accounts.lock_company(session, company_id)
    if contact_id in _acting_administrators(session, company_id) and _is_last(session, company_id, contact_id):
        _require_last(held_for(session, caller, company_id))


def bring_along(session: Session, merged_id: str, into_id: str, now: datetime) -> None:
    """Let a contact that another is merged into have the other's roles and groups, and what is carried out for it.

    Registered as a hook of the accounts; both contacts are locked by then.
    """
    contacts = [accounts.find_contact(session, one) for one in (merged_id, into_id)]
    people = [None if one is None else one.user_id for one in contacts]
    roles = {row.role for one in (merged_id, into_id) for row in store.roles_of(session, one)}
    owe_all(session, [(user_id, role) for user_id in people for role in roles], now=now)
    for row in store.roles_of(session, merged_id):
        held = {one.role for one in store.held(session, row.company_id, into_id)}
        if row.role in held:
            session.delete(row)
        else:
            row.contact_id = into_id
        session.flush()
    store.move_requests(session, merged_id, into_id)


def restamped(session: Session, contact_id: str, before: str | None, now: datetime) -> None:
    """Let the directory's groups follow a contact that has another user now. Registered as a hook of the accounts."""
    contact = accounts.find_contact(session, contact_id)
    people = [before, None if contact is None else contact.user_id]
    roles = {row.role for row in store.roles_of(session, contact_id)}
    owe_all(session, [(user_id, role) for user_id in people for role in roles], now=now)


def list_roles(
    session: Session,
    *,
    caller: Caller,
    company_id: str | None = None,
    contact_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[RoleRecord]:
    """Return the roles the caller may see, in the order they were granted."""
    companies: Sequence[str] | None = [company_id] if company_id is not None else None
    if Privilege.READ not in privileges_of(caller.roles):
        own = administered(session, caller)
        companies = own if company_id is None else [one for one in own if one == company_id]
    return [
        role_record(row)
        for row in store.roles(session, companies=companies, contact_id=contact_id, after=after, limit=limit)
    ]


def role_record(row: SelfServiceRole) -> RoleRecord:
    """Return a row as a role."""
    return RoleRecord(
        row.id, row.company_id, row.contact_id, row.role, row.administrator, row.granted_by, row.granted_at
    )


def _grant(
    session: Session,
    company_id: str | None,
    contact_id: str,
    role: str,
    *,
    administrator: bool,
    request_id: str | None,
    by: Actor,
    now: datetime,
) -> SelfServiceRole:
    present = next((one for one in store.held(session, company_id, contact_id) if one.role == role), None)
    if present is not None:
        return present
    made = SelfServiceRole(
        id=new_id(),
        company_id=company_id,
        contact_id=contact_id,
        role=role,
        administrator=administrator,
        request_id=request_id,
        granted_by=by.name,
        granted_at=now,
    )
    session.add(made)
    session.flush()
    after = {"company_id": company_id, "contact_id": contact_id, "role": role, "administrator": administrator}
    note(session, by, "self_service_role.granted", made.id, after=after, now=now)
    return made


def _is_last(session: Session, company_id: str, contact_id: str) -> bool:
    """Tell whether nobody else could administer an account: whoever is suspended does not count."""
    return not {*_acting_administrators(session, company_id)} - {contact_id}


def _acting_administrators(session: Session, company_id: str) -> list[str]:
    found = [
        accounts.find_company_contact(session, company_id, one) for one in store.administrators(session, company_id)
    ]
    return [one.id for one in found if one is not None and one.active]


def _require_other(caller: Caller, contact: CompanyContactRecord) -> None:
    if caller.user_id and contact.user_id == caller.user_id and not privileges_of(caller.roles):
        raise _own()


def _require_last(held: frozenset[Privilege]) -> None:
    if Privilege.REMOVE_LAST_ADMINISTRATOR not in held:
        raise Conflict(
            "This is the account's last administrator",
            code="last_administrator",
            cause="Without one, nobody of the account could decide about its people.",
            fix="Make another person its administrator first, or ask a holder of the privilege to remove the last one.",
        )


def _own() -> Forbidden:
    return Forbidden("Nobody changes their own roles", code="own_role", fix="Ask another administrator.")
