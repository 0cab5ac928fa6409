"""Deciding about requests: starting, approving, rejecting, asking back; each under lock and on fresh data."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.audit.domain import Actor
from provider_service.directory.domain import Caller
from provider_service.identity.domain import DirectoryUser
from provider_service.mail.domain import Template
from provider_service.self_service.domain import (
    PENDING_LIFE,
    Awaits,
    DecisionOutcome,
    Moment,
    Privilege,
    ProvisioningStep,
    RequestRecord,
    decide,
    explain,
    require_privilege,
)
from provider_service.self_service.service import mailing
from provider_service.self_service.service.matching import Match, match
from provider_service.self_service.service.parts import held_for, locked, move, note, record, remark, require_for
from provider_service.self_service.tables import SelfServiceRequest
from shared.lifecycle.self_service import REQUEST, Move
from shared.runtime.database import notify
from shared.runtime.turns import CHANNEL
from shared.wire.errors import Conflict, Forbidden
from shared.wire.identifiers import new_id
from shared.wire.self_service import RequestState, SubmitterKind

_MAKES_A_USER = frozenset({DecisionOutcome.CREATE_CONTACT_AND_USER, DecisionOutcome.CREATE_USER})


def approve(
    session: Session,
    request_id: str,
    *,
    user: DirectoryUser | None,
    note_to_applicant: str = "",
    internal_note: str = "",
    caller: Caller,
    now: datetime,
) -> RequestRecord:
    """Approve a request, or try one again whose provisioning failed; what is to be done is carried out afterwards.

    ``user``: whom its LoginId finds now. Raises `NotFound`, `Forbidden` (``privilege_missing``); `Conflict`
    (``request_decided``, ``request_not_started``, ``approval_refused`` with the reason, nothing changed).
    """
    row = _decidable(session, request_id, caller, Privilege.DECIDE)
    if row.awaits == Awaits.START:
        raise Conflict(
            "The request has not been started",
            code="request_not_started",
            cause="Requests of its type do not go on by themselves.",
            fix="Start it first.",
        )
    _require_staff_where_needed(session, row, caller)
    REQUEST.advance(RequestState(row.state), Move.APPROVE)
    found = match(session, row, Moment.APPROVAL, user)
    _require_its_account(session, row, found, caller)
    remark(row, caller.actor.name, note_to_applicant, internal=False, now=now)
    remark(row, caller.actor.name, internal_note, internal=True, now=now)
    approve_now(session, row, found, actor=caller.actor, now=now)
    return record(row)


def approve_now(session: Session, row: SelfServiceRequest, found: Match, *, actor: Actor, now: datetime) -> None:
    """Approve a locked request for what was found just now. Raises `Conflict` (``approval_refused``)."""
    decision = found.decision
    if decision.reason is not None:
        title, fix = explain(decision.reason)
        raise Conflict(
            title,
            code="approval_refused",
            cause="Nothing was changed.",
            fix=fix,
            extra={"reason": str(decision.reason)},
        )
    outcome = _outcome(found)
    row.outcome, row.reason = outcome, None
    row.company_id = found.company.id if found.company else None
    row.contact_id = found.contact.id if found.contact else None
    if outcome in _MAKES_A_USER:
        row.user_reference = row.user_reference or new_id()
    else:
        row.user_reference, row.user_id = None, found.user.id if found.user else None
    row.steps = [one for one in row.steps if one == ProvisioningStep.USER and row.user_reference is not None]
    row.failure, row.awaits, row.expires_at = None, Awaits.PROVISIONING, None
    row.decided_by_id, row.decided_by, row.decided_at = actor.id, actor.name, now
    row.updated_at, row.version = now, row.version + 1
    session.flush()
    notify(session, CHANNEL)
    after = {"outcome": outcome, "company_id": row.company_id, "contact_id": row.contact_id, "user_id": row.user_id}
    note(session, actor, "self_service_request.approved", row.id, after=after, now=now)


def reject(
    session: Session,
    request_id: str,
    *,
    note_to_applicant: str = "",
    internal_note: str = "",
    tell: bool = True,
    instance: str,
    caller: Caller,
    now: datetime,
) -> RequestRecord:
    """Reject a request. ``tell``: whether the applicant gets a mail; not telling is for spam."""
    row = _decidable(session, request_id, caller, Privilege.DECIDE)
    _require_staff_where_needed(session, row, caller)
    remark(row, caller.actor.name, note_to_applicant, internal=False, now=now)
    remark(row, caller.actor.name, internal_note, internal=True, now=now)
    move(session, row, Move.REJECT, now)
    row.awaits, row.decided_by_id, row.decided_by, row.decided_at = None, caller.actor.id, caller.actor.name, now
    note(session, caller.actor, "self_service_request.rejected", row.id, after={"state": row.state}, now=now)
    if tell:
        mailing.tell_applicant(session, row, Template.SELF_SERVICE_REJECTED, instance, now)
    return record(row)


def ask(
    session: Session, request_id: str, *, question: str, instance: str, caller: Caller, now: datetime
) -> RequestRecord:
    """Ask the applicant for more. Raises as `reject` does."""
    row = _decidable(session, request_id, caller, Privilege.DECIDE)
    move(session, row, Move.ASK, now)
    row.expires_at, row.reminded_at = now + PENDING_LIFE, None
    remark(row, caller.actor.name, question, internal=False, now=now)
    note(session, caller.actor, "self_service_request.asked", row.id, after={"state": row.state}, now=now)
    mailing.tell_applicant(session, row, Template.SELF_SERVICE_QUESTION, instance, now)
    return record(row)


def require_startable(session: Session, request_id: str, caller: Caller) -> SelfServiceRequest:
    """Return a locked request that waits to be started. Raises `Conflict` (``request_started``)."""
    row = _decidable(session, request_id, caller, Privilege.START)
    if row.awaits != Awaits.START:
        raise Conflict("The request goes on already", code="request_started")
    return row


def choose_company(
    session: Session, request_id: str, company_id: str, *, caller: Caller, now: datetime
) -> RequestRecord:
    """Say which account is meant, whatever the key names; staff only.

    Raises `NotFound` (``company_unknown``), `Conflict` (``company_fixed``) for one that a connection relayed.
    """
    row = _decidable(session, request_id, caller, Privilege.DECIDE)
    require_privilege(held_for(session, caller, None), Privilege.DECIDE)
    if row.submitter == SubmitterKind.RELAYED:
        raise Conflict(
            "A relayed request is for the company of its connection, and for no other",
            code="company_fixed",
            fix="Reject it, and let the person ask otherwise.",
        )
    company = accounts.get_company(session, company_id)
    before = {"company_id": row.company_id}
    row.company_id, row.company_chosen = company.id, True
    row.updated_at, row.version = now, row.version + 1
    session.flush()
    after = {"company_id": company.id}
    note(session, caller.actor, "self_service_request.company_chosen", row.id, before=before, after=after, now=now)
    return record(row)


def _outcome(found: Match) -> DecisionOutcome:
    """Return what approving does for what was found, also where admission lets it through by itself."""
    return decide(replace(found.facts, moment=Moment.APPROVAL)).outcome


def _decidable(session: Session, request_id: str, caller: Caller, wanted: Privilege) -> SelfServiceRequest:
    row = locked(session, request_id)
    require_for(session, caller, row, wanted)
    open_ = row.state in {RequestState.PENDING, RequestState.MORE_INFO, RequestState.FAILED}
    if not open_ or row.awaits == Awaits.PROVISIONING:
        raise Conflict(
            "The request is decided already",
            code="request_decided",
            cause=f"It is {row.state}" + (f", by {row.decided_by}." if row.decided_by else "."),
            fix="Reload to see it.",
        )
    if caller.user_id and caller.user_id == row.submitter_user_id and not held_for(session, caller, None):
        raise Forbidden("Nobody decides about their own request", code="own_request", fix="Ask another administrator.")
    return row


def _require_its_account(session: Session, row: SelfServiceRequest, found: Match, caller: Caller) -> None:
    """The key may name another account by now, for which this caller decides nothing."""
    meant = found.company.id if found.company else None
    if meant != row.company_id and Privilege.DECIDE not in held_for(session, caller, meant):
        raise Conflict(
            "The account key names another account by now",
            code="approval_refused",
            cause="Nothing was changed.",
            fix="Leave it to the provider's staff.",
        )


def _require_staff_where_needed(session: Session, row: SelfServiceRequest, caller: Caller) -> None:
    """What waits for staff is not for account administrators to decide."""
    if row.awaits != Awaits.ACCOUNT_ADMINISTRATORS:
        require_privilege(held_for(session, caller, None), Privilege.DECIDE)
