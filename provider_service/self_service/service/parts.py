"""What the use cases of this slice share: records, notes in the audit trail, and who may do what for which account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, email_key
from provider_service.self_service import store
from provider_service.self_service.domain import (
    OF_ACCOUNT_ADMINISTRATOR,
    Awaits,
    DecisionOutcome,
    DecisionReason,
    InvitationState,
    Origin,
    Privilege,
    ProvisioningStep,
    Remark,
    RequestRecord,
    privileges_of,
    require_privilege,
    state_of,
)
from provider_service.self_service.tables import SelfServiceInvitation, SelfServiceRequest
from shared.lifecycle.self_service import REQUEST, Move
from shared.wire.errors import NotFound
from shared.wire.self_service import RequestState, RequestTypeCd, SubmitterKind

SUBJECT = "self_service_request"
INVITATION = "self_service_invitation"


def record(row: SelfServiceRequest) -> RequestRecord:
    """Return a row as a request."""
    return RequestRecord(
        id=row.id,
        state=RequestState(row.state),
        type=RequestTypeCd(row.type),
        awaits=Awaits(row.awaits) if row.awaits else None,
        reason=DecisionReason(row.reason) if row.reason else None,
        submitter=SubmitterKind(row.submitter),
        submitter_user_id=row.submitter_user_id,
        submitter_name=row.submitter_name,
        origin=_origin(row),
        attributes=row.attributes,
        email=row.email,
        login=row.login,
        account_key=row.account_key,
        company_id=row.company_id,
        contact_id=row.contact_id,
        user_id=row.user_id,
        language=row.language,
        outcome=DecisionOutcome(row.outcome) if row.outcome else None,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        administrator_pending=row.administrator_pending,
        remarks=tuple(
            Remark(datetime.fromisoformat(one["at"]), one["by"], one["text"], one["internal"]) for one in row.remarks
        ),
        steps=tuple(ProvisioningStep(one) for one in row.steps),
        failure=row.failure,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        version=row.version,
    )


def invitation_state(row: SelfServiceInvitation, now: datetime) -> InvitationState:
    """Return how an invitation stands."""
    return state_of(accepted_at=row.accepted_at, revoked_at=row.revoked_at, expires_at=row.expires_at, now=now)


def locked(session: Session, request_id: str) -> SelfServiceRequest:
    """Return a request to be changed. Raises `NotFound` (``request_unknown``)."""
    row = store.request(session, request_id, lock=True)
    if row is None:
        raise unknown_request()
    return row


def administered(session: Session, caller: Caller) -> list[str]:
    """Return the ids of the accounts the caller administers, by a contact that may act for them."""
    return _administered_by(session, caller.user_id)


def held_for(session: Session, caller: Caller, company_id: str | None) -> frozenset[Privilege]:
    """Return what the caller may do with what belongs to an account."""
    held = privileges_of(caller.roles)
    if company_id is not None and company_id in administered(session, caller):
        held |= OF_ACCOUNT_ADMINISTRATOR
    return held


def require_account(session: Session, caller: Caller, company_id: str | None) -> frozenset[Privilege]:
    """Return what the caller may do with what belongs to an account. Raises `NotFound` for one it may not even see."""
    held = held_for(session, caller, company_id)
    if Privilege.READ not in held:
        raise NotFound("There is no such account", code="company_unknown")
    return held


def inviter_holds(session: Session, invitation: SelfServiceInvitation) -> tuple[frozenset[Privilege], bool]:
    """Return what whoever sent an invitation may do with its account now, and whether as staff."""
    person = directory.get_users(session, [invitation.invited_by_id]).get(invitation.invited_by_id)
    if person is None or not person.active:
        return frozenset(), False
    held = privileges_of(person.roles)
    if Privilege.INVITE in held:
        return held, True
    own = invitation.company_id in _administered_by(session, person.id)
    return (OF_ACCOUNT_ADMINISTRATOR if own else frozenset()), False


def require_for(session: Session, caller: Caller, row: SelfServiceRequest, wanted: Privilege) -> None:
    """Raise `NotFound` where the caller may not even see a request, `Forbidden` where it may not do this to it."""
    held = held_for(session, caller, row.company_id)
    if Privilege.READ not in held or row.state == RequestState.VERIFYING:
        raise unknown_request()
    require_privilege(held, wanted)


def move(session: Session, row: SelfServiceRequest, what: Move, now: datetime) -> None:
    """Let a request make a move of the table. Raises `IllegalMove`."""
    if row.state == RequestState.VERIFYING:
        store.end_secrets(session, row.id, "prove")
    row.state = REQUEST.advance(RequestState(row.state), what)
    row.updated_at, row.version = now, row.version + 1
    if REQUEST.ended(RequestState(row.state)):
        row.expires_at = None


def remark(row: SelfServiceRequest, by: str, text: str, *, internal: bool, now: datetime) -> None:
    """Add what was said about a request, if anything was."""
    if text:
        row.remarks = [*row.remarks, {"at": now.isoformat(), "by": by, "text": text, "internal": internal}]


def note(
    session: Session,
    actor: Actor,
    action: str,
    subject_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write a change into the audit trail; the subject's type is the noun of the action."""
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=action.partition(".")[0],
        subject_id=subject_id,
        before=before,
        after=after,
        now=now,
    )


def unknown_request() -> NotFound:
    """Return what is raised for a request that is not there, or not for the caller to see."""
    return NotFound("There is no such request", code="request_unknown")


def _origin(row: SelfServiceRequest) -> Origin | None:
    if row.connection_id is None:
        return None
    return Origin(
        connection_id=row.connection_id,
        issuer=row.submitter_name,
        subject=row.subject or "",
        name=row.subject_name or "",
        email=row.subject_email or "",
        asked_by=row.asked_by or "",
        same_email=email_key(row.subject_email or "") == row.email_key,
    )


def _administered_by(session: Session, user_id: str) -> list[str]:
    contact = accounts.contact_of_user(session, user_id) if user_id else None
    if contact is None:
        return []
    found = store.administered(session, contact.id)
    return [one for one in found if _acts_for(session, one, contact.id)]


def _acts_for(session: Session, company_id: str, contact_id: str) -> bool:
    found = accounts.find_company_contact(session, company_id, contact_id)
    return found is not None and found.active
