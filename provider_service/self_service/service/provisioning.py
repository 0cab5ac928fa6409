"""Carrying out what was approved: each step recorded, so that it goes on after a crash between any two."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyRecord, ContactFacts, ContactRecord, DeclaredFor
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import email_key
from provider_service.identity.domain import NewUser
from provider_service.mail.domain import Template
from provider_service.options import service as options
from provider_service.options.domain import Options
from provider_service.self_service import store
from provider_service.self_service.domain import (
    Awaits,
    DecisionOutcome,
    ProvisioningStep,
    contact_facts,
    display_name,
    grants_administrator,
)
from provider_service.self_service.service import mailing
from provider_service.self_service.service.matching import contacts_of, elsewhere
from provider_service.self_service.service.parts import locked, move, note
from provider_service.self_service.service.roles import grant
from provider_service.self_service.tables import SelfServiceRequest
from shared.lifecycle.self_service import Move
from shared.wire.errors import Conflict, ExchangeError
from shared.wire.self_service import RequestTypeCd, SubmitterKind


@dataclass(frozen=True, slots=True)
class Work:
    """The next step of a request, and what it takes."""

    step: ProvisioningStep
    request_id: str
    new_user: NewUser | None
    user_id: str
    """In the directory; empty until the user exists."""
    actor: Actor


def unfinished(session: Session, limit: int = 100) -> list[str]:
    """Return the ids of approved requests whose steps are not all done, the oldest first."""
    return list(store.approved_unfinished(session, limit))


def next_work(session: Session, request_id: str) -> Work | None:
    """Return what is to be done next for a request, None where nothing is."""
    row = store.request(session, request_id)
    if row is None or row.awaits != Awaits.PROVISIONING:
        return None
    step = next((one for one in ProvisioningStep if one not in row.steps), None)
    if step is None:
        return None
    new_user = None
    if row.user_reference is not None:
        name = display_name(row.attributes)
        new_user = NewUser(row.user_reference, row.login, row.email, name, row.language)
    return Work(step, row.id, new_user, row.user_id or "", _decider(row))


def done(
    session: Session, request_id: str, step: ProvisioningStep, *, user_id: str | None = None, now: datetime
) -> None:
    """Record a step that the directory has carried out; recording it twice is one effect."""
    row = locked(session, request_id)
    if user_id is not None:
        row.user_id = user_id
    _record(session, row, step, now)


def failed(session: Session, request_id: str, step: ProvisioningStep, error: ExchangeError, *, now: datetime) -> None:
    """Record why a step could not be done; the steps done stay done, and approving again goes on.

    A step that somebody else has done meanwhile did not fail.
    """
    row = locked(session, request_id)
    if row.awaits == Awaits.PROVISIONING and step not in row.steps:
        move(session, row, Move.FAIL, now)
        row.awaits = None
        row.failure = f"{step}: " + " ".join(part for part in (error.detail, error.cause, error.fix) if part)
        note(session, SYSTEM, "self_service_request.failed", row.id, after={"failure": row.failure}, now=now)


def store_records(session: Session, request_id: str, *, now: datetime) -> None:
    """Make or stamp the contact, tie it to the account, and grant the roles, all or nothing.

    Everything is looked up again, under locks. Raises `Conflict` where it is no longer as it was approved.
    """
    row = locked(session, request_id)
    if row.awaits != Awaits.PROVISIONING or ProvisioningStep.RECORDS in row.steps or row.user_id is None:
        return
    now_options, actor = options.current(session), _decider(row)
    company = None if row.company_id is None else accounts.lock_company(session, row.company_id)
    if company is not None and not company.active:
        raise Conflict("The account was deactivated meanwhile", code="company_inactive")
    contact = _contact(session, row, now_options, actor, now)
    row.contact_id = contact.id
    first = company is not None and not store.any_role(session, company.id)
    if company is not None:
        accounts.link_contact(session, company.id, contact.id, actor=actor, now=now)
    grant(session, row, now_options.user_role, administrator=False, by=actor, now=now)
    if company is not None and _becomes_administrator(session, row, company, actor, first=first):
        grant(session, row, now_options.acct_admin_role, administrator=True, by=actor, now=now)
    _record(session, row, ProvisioningStep.RECORDS, now)


def finish(session: Session, request_id: str, *, instance: str, embedded: bool, now: datetime) -> None:
    """Approve a request whose every other step is done, with exactly one mail.

    ``embedded``: whether the user is ours, who gets leave to set a password with the welcome.
    """
    row = locked(session, request_id)
    left = [one for one in ProvisioningStep if one not in row.steps]
    if row.awaits != Awaits.PROVISIONING or left != [ProvisioningStep.WELCOME]:
        return
    move(session, row, Move.APPROVE, now)
    row.awaits = None
    row.steps = [*row.steps, ProvisioningStep.WELCOME]
    new = row.user_reference is not None and embedded
    if (
        not new
        or directory.welcome(session, row.user_id or "", instance=instance, actor=_decider(row), now=now) is None
    ):
        mailing.tell_applicant(session, row, Template.SELF_SERVICE_APPROVED, instance, now)
    note(session, SYSTEM, "self_service_request.provisioned", row.id, after={"state": row.state}, now=now)


def _becomes_administrator(
    session: Session, row: SelfServiceRequest, company: CompanyRecord, actor: Actor, *, first: bool
) -> bool:
    """Tell whether the user administers the account from now on; of a first one who does not, staff are told.

    An invitation says so itself, for its own account, and gives neither less nor more.
    """
    invitation = store.invitation_of(session, row.id)
    if invitation is not None:
        granted = invitation.administrator and invitation.company_id == company.id
        for pending in store.administrator_pending(session, company.id) if granted else ():
            pending.administrator_pending = False
        row.administrator_pending = first and not granted
        return granted
    vouched = grants_administrator(
        first_user=first,
        approved_by_person=actor.kind == "user",
        key_secret=company.key_secret and not row.company_chosen,
        domain_verified=email_key(row.email).rpartition("@")[2] in company.verified_domains,
        relayed=row.submitter == SubmitterKind.RELAYED,
    )
    row.administrator_pending = first and not vouched
    return vouched


def _contact(
    session: Session, row: SelfServiceRequest, now_options: Options, actor: Actor, now: datetime
) -> ContactRecord:
    found = contacts_of(session, row, now_options)
    another = len(found) > 1 or (found and email_key(found[0].email) != row.email_key)
    # an existing user may be tied to a contact that is made, not to each that is there: that is decided about anew
    appeared = found and row.outcome == DecisionOutcome.CREATE_CONTACT
    if another or appeared or (found and elsewhere(session, row, row.company_id, found[0].id)):
        raise Conflict("The contacts changed after the approval", code="contact_changed", fix="Approve it again.")
    if not found:
        made = accounts.create_contact(session, _facts(session, row, now_options), actor=actor, now=now)
        return accounts.stamp_contact(session, made.id, row.user_id or "", actor=actor, now=now)
    return accounts.stamp_contact(session, found[0].id, row.user_id or "", actor=actor, now=now)


def _facts(session: Session, row: SelfServiceRequest, now_options: Options) -> ContactFacts:
    declared = {one.code: one.type for one in accounts.list_attributes(session, DeclaredFor.CONTACT)}
    category = now_options.consumer_user_category if row.type == RequestTypeCd.CONSUMER else ""
    return contact_facts(row.attributes, now_options.reg_cont_map, declared, language=row.language, category=category)


def _record(session: Session, row: SelfServiceRequest, step: ProvisioningStep, now: datetime) -> None:
    if row.awaits == Awaits.PROVISIONING and step not in row.steps:
        row.steps = [*row.steps, step]
        row.updated_at, row.version = now, row.version + 1
        session.flush()


def _decider(row: SelfServiceRequest) -> Actor:
    """Whoever approved stands behind every step."""
    if row.decided_by_id in {None, SYSTEM.id}:
        return SYSTEM
    return Actor("user", row.decided_by_id or "", row.decided_by or "")
