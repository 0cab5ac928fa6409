"""Submitting a request, proving its mailbox, and what its applicant may still say to it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import DeclaredFor
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, address_key, email_key, hashed
from provider_service.identity.domain import DirectoryUser
from provider_service.mail.domain import Template
from provider_service.options import service as options
from provider_service.options.domain import SelfRegistration
from provider_service.self_service import store
from provider_service.self_service.domain import (
    OPEN_A_MAILBOX,
    PENDING_LIFE,
    SIGN_UPS_AN_ADDRESS,
    VERIFYING_LIFE,
    Awaits,
    DecisionOutcome,
    DecisionReason,
    Draft,
    Moment,
    RequestRecord,
    Submission,
    accepted,
    explain,
    login_of,
)
from provider_service.self_service.service import mailing
from provider_service.self_service.service.approving import approve_now, require_startable
from provider_service.self_service.service.matching import Match, check_copy, match
from provider_service.self_service.service.parts import locked, move, note, record, remark, unknown_request
from provider_service.self_service.tables import SelfServiceRequest
from shared.lifecycle.self_service import Move
from shared.runtime.database import notify
from shared.runtime.turns import CHANNEL
from shared.wire.errors import Conflict, Forbidden
from shared.wire.identifiers import new_id
from shared.wire.self_service import RequestState, SubmitterKind


@dataclass(frozen=True, slots=True)
class House:
    """What mails say of this instance."""

    name: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request that was taken, and the secret by which its applicant follows it."""

    request: RequestRecord
    secret: str


def prepare(session: Session, draft: Draft, by: Submission, *, now: datetime) -> SelfServiceRequest:
    """Return a request that would do, not stored yet, so that the user its LoginId names can be looked up.

    Raises `Invalid` (``attribute_invalid``, ``login_invalid``, ``email_invalid``) naming what will not do; nothing of
    it depends on who or what is known here.
    """
    type_, standard, custom = accepted(draft.attributes, account_known=by.company_id is not None)
    profile = options.current(session)
    custom = accounts.accept_values(session, DeclaredFor.REQUEST, custom)
    attributes = {**standard, **custom}
    trusted = by.kind is SubmitterKind.ADMINISTRATOR
    row = SelfServiceRequest(
        id=new_id(),
        state=RequestState.VERIFYING,
        type=type_,
        awaits=None,
        reason=None,
        started=False,
        submitter=by.kind,
        submitter_user_id=by.user_id,
        submitter_name=by.name,
        connection_id=by.connection_id,
        subject=by.subject,
        subject_name=by.subject_name,
        subject_email=by.subject_email,
        asked_by=by.asked_by,
        address=by.address,
        attributes=attributes,
        email=standard["EmailAddress"],
        email_key=email_key(standard["EmailAddress"]),
        login=login_of(attributes, profile.sign_in_attr_name, trusted=trusted),
        account_key=standard.get("AccountKey"),
        company_id=by.company_id,
        company_chosen=by.company_id is not None,
        screened_at=None,
        language=draft.language,
        administrator_pending=False,
        remarks=[],
        steps=[],
        created_at=now,
        updated_at=now,
        expires_at=now + VERIFYING_LIFE,
        version=1,
    )
    check_copy(session, row, profile)
    return row


def submit(
    session: Session, draft: Draft, by: Submission, *, user: DirectoryUser | None, house: House, now: datetime
) -> Submitted:
    """Take a request whose mailbox is the submitter's for sure, or that staff vouch for.

    ``user``: whom its LoginId finds. Raises as `prepare` does, and `Conflict` (``request_refused``) with the reason.
    """
    row = stored(session, draft, by, now)
    found = match(session, row, Moment.ADMISSION, user)
    admit(session, row, found, house, actor_of(by), now)
    return Submitted(record(row), mailing.new_secret(session, row.id, "follow"))


def submit_unproven(session: Session, draft: Draft, by: Submission, *, now: datetime) -> Submitted:
    """Take a request of somebody whose mailbox is to be proven first.

    Nothing is looked up here, so that neither the answer nor the time it takes tells what is known: `screen` does it
    afterwards, and what comes of it only the mailbox's owner is told. Raises as `prepare` does, and `TooMany`
    (``locked_out``) by network address.
    """
    directory.count_try(session, address_key(by.address, "sign-up"), SIGN_UPS_AN_ADDRESS, now)
    row = stored(session, draft, by, now)
    notify(session, CHANNEL)
    return Submitted(record(row), mailing.new_secret(session, row.id, "follow"))


def login_for(session: Session, draft: Draft, by: Submission) -> str:
    """Return the LoginId that a draft would have. Raises as `prepare` does."""
    _, standard, _ = accepted(draft.attributes)
    return login_of(
        {**draft.attributes, **standard},
        options.current(session).sign_in_attr_name,
        trusted=by.kind is SubmitterKind.ADMINISTRATOR,
    )


def unscreened(session: Session, limit: int = 50) -> list[tuple[str, str]]:
    """Return ids and logins of requests whose mailbox has not been written to yet."""
    return [(row.id, row.login) for row in store.unscreened(session, limit)]


def screen(session: Session, request_id: str, *, user: DirectoryUser | None, instance: str, now: datetime) -> None:
    """Write to the mailbox of a request, once: leave to prove it, or what else its owner has to know."""
    row = locked(session, request_id)
    if row.screened_at is not None or row.state != RequestState.VERIFYING:
        return
    row.screened_at = now
    found = match(session, row, Moment.ADMISSION, user)
    if store.open_of_mailbox(session, row.email_key) <= OPEN_A_MAILBOX:
        mailing.ask_for_proof(session, row, _first_mail(session, row, found), instance, now)


def show_unproven(session: Session, secret: str) -> RequestRecord:
    """Return the request whose mailbox a link proves, which is only looked at. Raises `NotFound`."""
    return record(_by_secret(session, secret, "prove"))


def prove(session: Session, secret: str, *, user: DirectoryUser | None, house: House, now: datetime) -> RequestRecord:
    """Take the mailbox for proven; the request goes on. Raises `NotFound` for a link that is used, ended or unknown."""
    found = _by_secret(session, secret, "prove")
    row = locked(session, found.id)
    if row.state != RequestState.VERIFYING:
        raise unknown_request()
    admit(session, row, match(session, row, Moment.ADMISSION, user), house, visitor(record(row)), now)
    return record(row)


def follow(session: Session, secret: str) -> RequestRecord:
    """Return the request a tracking link belongs to. Raises `NotFound`."""
    return record(_by_secret(session, secret, "follow"))


def visitor(request: RequestRecord) -> Actor:
    """Return who acts with a link of a request: whoever reads its mailbox."""
    return Actor("user", "visitor", request.email)


def withdraw(session: Session, request_id: str, *, actor: Actor, now: datetime) -> RequestRecord:
    """Take a request back. Raises `IllegalMove`; `Conflict` (``request_decided``) once it is approved."""
    row = locked(session, request_id)
    if row.awaits == Awaits.PROVISIONING:
        raise Conflict("The request was approved", code="request_decided", fix="Ask an administrator.")
    move(session, row, Move.WITHDRAW, now)
    row.awaits = None
    note(session, actor, "self_service_request.withdrawn", row.id, after={"state": row.state}, now=now)
    return record(row)


def answer(session: Session, request_id: str, text: str, *, house: House, actor: Actor, now: datetime) -> RequestRecord:
    """Tell what was asked for; whoever decides is told. Raises `IllegalMove`."""
    row = locked(session, request_id)
    move(session, row, Move.ANSWER, now)
    row.expires_at, row.reminded_at = now + PENDING_LIFE, None
    remark(row, row.email, text, internal=False, now=now)
    note(session, actor, "self_service_request.answered", row.id, after={"state": row.state}, now=now)
    mailing.tell_deciders(session, row, house.name, house.issuer, now)
    return record(row)


def start(
    session: Session, request_id: str, *, user: DirectoryUser | None, house: House, caller: Caller, now: datetime
) -> RequestRecord:
    """Let a request go on that does not by itself (``ALLOW_*`` FALSE). Raises as `approve` does."""
    row = require_startable(session, request_id, caller)
    row.started = True
    row.updated_at, row.version = now, row.version + 1
    note(session, caller.actor, "self_service_request.started", row.id, after={"started": True}, now=now)
    _settle(session, row, match(session, row, Moment.ADMISSION, user), house, caller.actor, now)
    return record(row)


def keep(session: Session, row: SelfServiceRequest, actor: Actor, now: datetime) -> None:
    """Store a request that would do."""
    session.add(row)
    session.flush()
    after = {"type": row.type, "submitter": row.submitter, "email": row.email}
    note(session, actor, "self_service_request.submitted", row.id, after=after, now=now)


def admit(session: Session, row: SelfServiceRequest, found: Match, house: House, actor: Actor, now: datetime) -> None:
    """Let a proven request go on to whoever has to act, or through."""
    move(session, row, Move.PROVE, now)
    row.expires_at = now + PENDING_LIFE
    _settle(session, row, found, house, actor, now)


def _settle(session: Session, row: SelfServiceRequest, found: Match, house: House, actor: Actor, now: datetime) -> None:
    """Say who has to act for a pending request, by what was found for it; approve it where nobody has to."""
    decision = found.decision
    if decision.outcome is DecisionOutcome.REFUSE:
        title, fix = explain(decision.reason or DecisionReason.CLOSED)
        raise Conflict(title, code="request_refused", fix=fix)
    row.reason = decision.reason
    row.company_id = found.company.id if found.company else row.company_id
    row.contact_id = found.contact.id if found.contact else None
    if decision.outcome is DecisionOutcome.PROCEED:
        approve_now(session, row, found, actor=found.invited_by or SYSTEM, now=now)
        return
    awaits = {DecisionOutcome.HOLD: Awaits.START, DecisionOutcome.ACCOUNT_ADMINISTRATORS: Awaits.ACCOUNT_ADMINISTRATORS}
    row.awaits = awaits.get(decision.outcome, Awaits.STAFF)
    session.flush()
    after = {"state": row.state, "awaits": row.awaits, "reason": row.reason}
    note(session, actor, "self_service_request.waiting", row.id, after=after, now=now)
    mailing.tell_deciders(session, row, house.name, house.issuer, now)


def _first_mail(session: Session, row: SelfServiceRequest, found: Match) -> Template:
    """Return what the mailbox's owner is told; of a login that is somebody else's, nothing."""
    if row.submitter == SubmitterKind.ANONYMOUS and directory.find_user(session, row.email) is not None:
        return Template.SELF_SERVICE_KNOWN
    if found.decision.outcome is DecisionOutcome.REFUSE:
        return Template.SELF_SERVICE_REFUSED
    return Template.SELF_SERVICE_PROOF


def stored(session: Session, draft: Draft, by: Submission, now: datetime) -> SelfServiceRequest:
    """Return a new request, stored; nothing of it is looked up. Raises as `prepare`, and `Forbidden`."""
    if options.current(session).self_registration == SelfRegistration.NONE:
        title, fix = explain(DecisionReason.CLOSED)
        raise Forbidden(title, code="registration_closed", fix=fix)
    row = prepare(session, draft, by, now=now)
    keep(session, row, actor_of(by), now)
    return row


def _by_secret(session: Session, secret: str, purpose: str) -> SelfServiceRequest:
    leave = store.secret(session, hashed(secret), purpose)
    row = None if leave is None else store.request(session, leave.request_id)
    if row is None:
        raise unknown_request()
    return row


def actor_of(by: Submission) -> Actor:
    """Return who submits, as the audit trail names them."""
    if by.user_id:
        return Actor("user", by.user_id, by.name, by.address)
    if by.connection_id:
        return Actor("peer", by.connection_id, by.name, by.address)
    return Actor("user", "visitor", "visitor", by.address)
