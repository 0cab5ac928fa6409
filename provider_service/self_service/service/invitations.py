"""Invitations to an account: sending, revoking and listing them, and what accepting one does."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyRecord
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, email_key, hashed
from provider_service.identity.domain import DirectoryUser
from provider_service.mail.domain import canonical_address
from provider_service.self_service import store
from provider_service.self_service.domain import (
    INVITATION_LIFE,
    INVITATIONS_A_DAY,
    MAILS_AN_INVITATION,
    Draft,
    InvitationRecord,
    InvitationState,
    Moment,
    Privilege,
    Submission,
    privileges_of,
    require_privilege,
)
from provider_service.self_service.service import mailing
from provider_service.self_service.service.matching import match
from provider_service.self_service.service.parts import (
    INVITATION,
    administered,
    held_for,
    invitation_state,
    inviter_holds,
    note,
    record,
    require_account,
)
from provider_service.self_service.service.submitting import (
    House,
    Submitted,
    actor_of,
    admit,
    keep,
    login_for,
    prepare,
    visitor,
)
from provider_service.self_service.tables import SelfServiceInvitation
from shared.wire.errors import Conflict, Gone, NotFound, TooMany
from shared.wire.identifiers import new_id
from shared.wire.self_service import RequestTypeCd, SubmitterKind

_DAY = timedelta(days=1)
_RETRY = 3600


def invite(
    session: Session,
    company_id: str,
    email: str,
    *,
    administrator: bool,
    language: str,
    instance: str,
    caller: Caller,
    now: datetime,
) -> InvitationRecord:
    """Invite a mailbox to an account, as its user or as its administrator besides; nobody is looked up for it.

    Raises `NotFound` (``company_unknown``), `Forbidden` (``privilege_missing``), `Invalid` (``email_invalid``),
    `Conflict` (``company_inactive``, ``invitation_open``), `TooMany` (``invitations_too_many``).
    """
    held = require_account(session, caller, company_id)
    require_privilege(held, Privilege.INVITE)
    require_privilege(held, Privilege.ADMINISTER_ROLES if administrator else Privilege.INVITE)
    company = accounts.lock_company(session, company_id)
    _require_active(company)
    address = canonical_address(email)
    if store.open_invitation(session, company.id, email_key(address), now) is not None:
        raise Conflict(
            "This address is invited to the account already",
            code="invitation_open",
            fix="Send that invitation again, or revoke it first.",
        )
    _require_few(session, company.id, caller, now)
    row = SelfServiceInvitation(
        id=new_id(),
        company_id=company.id,
        email=address,
        email_key=email_key(address),
        administrator=administrator,
        language=language,
        mails=1,
        invited_by_id=caller.user_id,
        invited_by=caller.actor.name,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    session.add(row)
    session.flush()
    after = {"company_id": company.id, "email": address, "administrator": administrator, "expires_at": _at(row)}
    note(session, caller.actor, f"{INVITATION}.created", row.id, after=after, now=now)
    mailing.send_invitation(session, row, company.name, instance, now)
    return _record(session, row, now)


def resend(session: Session, invitation_id: str, *, instance: str, caller: Caller, now: datetime) -> InvitationRecord:
    """Send an invitation again, also one that has expired: a new link replaces the old, and the time begins anew.

    Raises as `invite` does; `NotFound` (``invitation_unknown``), `Conflict` (``invitation_ended``,
    ``invitation_sent_often``).
    """
    row = _to_change(session, invitation_id, caller)
    require_privilege(
        held_for(session, caller, row.company_id),
        Privilege.ADMINISTER_ROLES if row.administrator else Privilege.INVITE,
    )
    company = accounts.lock_company(session, row.company_id)
    _require_active(company)
    _require_not_ended(row, now)
    other = store.open_invitation(session, row.company_id, row.email_key, now)
    if other is not None and other.id != row.id:
        raise Conflict(
            "There is a later invitation of this address", code="invitation_open", fix="Send that one again."
        )
    if row.mails >= MAILS_AN_INVITATION:
        raise Conflict(
            "The invitation was sent often enough",
            code="invitation_sent_often",
            cause=f"It was sent {row.mails} times.",
            fix="Ask the person whether the address is right; then revoke the invitation and begin a new one.",
        )
    before = {"invited_by": row.invited_by, "mails": row.mails, "expires_at": _at(row)}
    row.mails, row.expires_at = row.mails + 1, now + INVITATION_LIFE
    row.invited_by_id, row.invited_by = caller.user_id, caller.actor.name
    session.flush()
    after = {"invited_by": row.invited_by, "mails": row.mails, "expires_at": _at(row)}
    note(session, caller.actor, f"{INVITATION}.resent", row.id, before=before, after=after, now=now)
    mailing.send_invitation(session, row, company.name, instance, now)
    return _record(session, row, now)


def revoke(session: Session, invitation_id: str, *, caller: Caller, now: datetime) -> InvitationRecord:
    """Take an invitation back. Raises `NotFound`, `Forbidden`, `Conflict` (``invitation_ended``)."""
    row = _to_change(session, invitation_id, caller)
    _require_not_ended(row, now)
    row.revoked_at, row.revoked_by = now, caller.actor.name
    session.flush()
    note(session, caller.actor, f"{INVITATION}.revoked", row.id, after={"revoked_at": now.isoformat()}, now=now)
    return _record(session, row, now)


def get_invitation(session: Session, invitation_id: str, *, caller: Caller, now: datetime) -> InvitationRecord:
    """Return an invitation. Raises `NotFound` also for one of an account that is not the caller's to see."""
    row = store.invitation(session, invitation_id)
    if row is None or Privilege.READ not in held_for(session, caller, row.company_id):
        raise _unknown()
    return _record(session, row, now)


def list_invitations(
    session: Session,
    *,
    caller: Caller,
    company_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
    now: datetime,
) -> list[InvitationRecord]:
    """Return the invitations the caller may see, the newest first: all for staff, else those of its accounts."""
    companies = None if company_id is None else [company_id]
    if Privilege.READ not in privileges_of(caller.roles):
        own = administered(session, caller)
        companies = own if company_id is None else [one for one in own if one == company_id]
    rows = store.invitations(session, companies=companies, before=before, limit=limit)
    return [_record(session, row, now) for row in rows]


def show_invitation(session: Session, secret: str, *, caller: Caller | None, now: datetime) -> InvitationRecord:
    """Return what a link invites to, which is only looked at, to whoever could accept it.

    Raises `NotFound` (``invitation_unknown``) for a secret that never was one; `Gone` (``invitation_accepted``,
    ``invitation_revoked``, ``invitation_expired``, ``invitation_replaced``, ``invitation_void``) for one that ended;
    `Conflict` (``invitation_for_another``, ``sign_in_first``).
    """
    row = _usable(session, secret, now)
    _require_own(row, caller)
    if caller is None:
        _require_unknown(session, row, None)
    return _record(session, row, now)


def invited_login(
    session: Session, secret: str, attributes: Mapping[str, Any], *, caller: Caller | None, now: datetime
) -> str:
    """Return the LoginId that accepting would ask for. Raises as `show_invitation` and `prepare` do."""
    row = _usable(session, secret, now)
    _require_own(row, caller)
    return login_for(session, _draft(session, row, attributes, caller), _submission(caller, ""))


def accept(
    session: Session,
    secret: str,
    attributes: Mapping[str, Any],
    *,
    caller: Caller | None,
    address: str,
    user: DirectoryUser | None,
    house: House,
    now: datetime,
) -> Submitted:
    """Accept an invitation: a request for its account, whose mailbox the secret proves, goes on like any other.

    Account, mailbox and role are the invitation's, whatever ``attributes`` say. ``caller``: who is signed in;
    ``user``: whom the LoginId finds. Whatever refuses it leaves the invitation as it was. Raises as
    `show_invitation` and `prepare` do; `Conflict` (``invitation_for_another``, ``sign_in_first``,
    ``company_inactive``).
    """
    row = _usable(session, secret, now, lock=True)
    _require_active(accounts.get_company(session, row.company_id))
    _require_own(row, caller)
    if caller is None:
        _require_unknown(session, row, user)
    by = _submission(caller, address)
    request = prepare(session, _draft(session, row, attributes, caller), by, now=now)
    request.company_id, request.company_chosen, request.started = row.company_id, True, True
    actor = actor_of(by) if caller is not None else visitor(record(request))
    keep(session, request, actor, now)
    row.accepted_at, row.request_id = now, request.id
    session.flush()
    note(session, actor, f"{INVITATION}.accepted", row.id, after={"request_id": request.id}, now=now)
    admit(session, request, match(session, request, Moment.ADMISSION, user), house, actor, now)
    return Submitted(record(request), mailing.new_secret(session, request.id, "follow"))


def _usable(session: Session, secret: str, now: datetime, *, lock: bool = False) -> SelfServiceInvitation:
    leave = store.invitation_secret(session, hashed(secret))
    row = None if leave is None else store.invitation(session, leave.invitation_id, lock=lock)
    if leave is None or row is None:
        raise _unknown()
    state = invitation_state(row, now)
    if state is InvitationState.ACCEPTED:
        raise Gone(
            "This invitation was accepted already",
            code="invitation_accepted",
            fix="Sign in; the mail that followed says how to set a password.",
        )
    if state is InvitationState.REVOKED:
        raise Gone("This invitation was taken back", code="invitation_revoked", fix="Ask whoever invited you.")
    if leave.mail != row.mails:
        raise Gone(
            "A later mail replaced this link", code="invitation_replaced", fix="Open the link of the newest mail."
        )
    if state is InvitationState.EXPIRED:
        raise Gone("This invitation has expired", code="invitation_expired", fix="Ask for it to be sent again.")
    held, _ = inviter_holds(session, row)
    if Privilege.INVITE not in held or (row.administrator and Privilege.ADMINISTER_ROLES not in held):
        raise Gone(
            "This invitation is no longer valid",
            code="invitation_void",
            cause="Whoever sent it may no longer invite people to this account.",
            fix="Ask another administrator of the account for a new one.",
        )
    return row


def _require_own(row: SelfServiceInvitation, caller: Caller | None) -> None:
    """Let nobody accept as somebody else than who is signed in."""
    if caller is not None and email_key(caller.email) != row.email_key:
        raise Conflict(
            "You are signed in as somebody else",
            code="invitation_for_another",
            cause="The invitation is for another mail address than yours.",
            fix="Sign out and open the link again: it still works.",
        )


def _require_unknown(session: Session, row: SelfServiceInvitation, user: DirectoryUser | None) -> None:
    """Let a mailbox alone stand for nobody who is known: they sign in first."""
    known = user is not None and email_key(user.email) == row.email_key
    if known or directory.find_user(session, row.email) is not None:
        raise Conflict(
            "You are known here already",
            code="sign_in_first",
            cause="There is a user with this mail address.",
            fix="Sign in and open the link again: it still works.",
        )


def _draft(session: Session, row: SelfServiceInvitation, attributes: Mapping[str, Any], caller: Caller | None) -> Draft:
    """Return what is asked for: what the invitation fixes is its own, and whoever is signed in keeps their login."""
    company = accounts.get_company(session, row.company_id)
    fixed = {"RequestTypeCd": RequestTypeCd.CONTACT, "AccountKey": company.name, "EmailAddress": row.email}
    if caller is not None:
        fixed["LoginId"] = directory.get_users(session, [caller.user_id])[caller.user_id].login
    return Draft({**attributes, **fixed}, row.language)


def _submission(caller: Caller | None, address: str) -> Submission:
    if caller is None:
        return Submission(SubmitterKind.ANONYMOUS, address=address)
    return Submission(SubmitterKind.AUTHENTICATED, user_id=caller.user_id, name=caller.actor.name, address=address)


def _to_change(session: Session, invitation_id: str, caller: Caller) -> SelfServiceInvitation:
    row = store.invitation(session, invitation_id, lock=True)
    held = frozenset[Privilege]() if row is None else held_for(session, caller, row.company_id)
    if row is None or Privilege.READ not in held:
        raise _unknown()
    require_privilege(held, Privilege.INVITE)
    return row


def _require_active(company: CompanyRecord) -> None:
    if not company.active:
        raise Conflict("The account is not active", code="company_inactive", fix="Ask its owner to activate it.")


def _require_not_ended(row: SelfServiceInvitation, now: datetime) -> None:
    state = invitation_state(row, now)
    if state in {InvitationState.ACCEPTED, InvitationState.REVOKED}:
        raise Conflict(
            "The invitation has ended",
            code="invitation_ended",
            cause="It was accepted." if state is InvitationState.ACCEPTED else "It was revoked.",
            fix="Reload to see it.",
        )


def _require_few(session: Session, company_id: str, caller: Caller, now: datetime) -> None:
    """An account's administrators are strangers to us: they make no mail cannon of an instance."""
    staff = Privilege.INVITE in privileges_of(caller.roles)
    if not staff and store.invitations_since(session, company_id, now - _DAY) >= INVITATIONS_A_DAY:
        raise TooMany(
            "Too many invitations were sent for this account",
            code="invitations_too_many",
            cause=f"{INVITATIONS_A_DAY} a day are allowed.",
            fix="Go on tomorrow, or ask staff of the provider.",
            retry_after=_RETRY,
        )


def _record(session: Session, row: SelfServiceInvitation, now: datetime) -> InvitationRecord:
    return InvitationRecord(
        id=row.id,
        state=invitation_state(row, now),
        company_id=row.company_id,
        company_name=accounts.get_company(session, row.company_id).name,
        email=row.email,
        administrator=row.administrator,
        language=row.language,
        mails=row.mails,
        invited_by=row.invited_by,
        request_id=row.request_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )


def _at(row: SelfServiceInvitation) -> str:
    return row.expires_at.isoformat()


def _unknown() -> NotFound:
    return NotFound("There is no such invitation", code="invitation_unknown")
