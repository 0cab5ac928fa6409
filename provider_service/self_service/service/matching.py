"""What is found for a request, looked up in the transaction that acts on it (design: self_service.md, *Matching*)."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CONTACT_ATTRIBUTES, CompanyRecord, ContactRecord, DeclaredFor
from provider_service.audit.domain import Actor
from provider_service.connections import service as connections
from provider_service.directory import service as directory
from provider_service.directory.domain import AtDirectory, email_key
from provider_service.identity.domain import DirectoryUser
from provider_service.options import service as options
from provider_service.options.domain import Options, SelfRegistration, counterpart
from provider_service.self_service import store
from provider_service.self_service.domain import (
    Account,
    Contact,
    Decision,
    Evidence,
    Facts,
    Moment,
    Privilege,
    RequestType,
    Submitter,
    User,
    contact_facts,
    decide,
    privileges_of,
)
from provider_service.self_service.service.parts import inviter_holds
from provider_service.self_service.tables import SelfServiceInvitation, SelfServiceRequest
from shared.wire.self_service import RequestTypeCd, SubmitterKind
from shared.wire.states import ConnectionState


@dataclass(frozen=True, slots=True)
class Match:
    """What was found, and what the decision makes of it."""

    options: Options
    companies: list[CompanyRecord]
    contacts: list[ContactRecord]
    user: DirectoryUser | None
    facts: Facts
    decision: Decision
    invited_by: Actor | None = None
    """Who approved it beforehand by inviting the applicant, and may decide about it now."""

    @property
    def company(self) -> CompanyRecord | None:
        """The one account that is meant."""
        return self.companies[0] if self.facts.account is Account.ONE and self.companies else None

    @property
    def contact(self) -> ContactRecord | None:
        """The one contact that is meant, where there is one."""
        return self.contacts[0] if len(self.contacts) == 1 else None


def match(session: Session, row: SelfServiceRequest, moment: Moment, user: DirectoryUser | None) -> Match:
    """Look everything up and decide. ``user``: whom LoginId finds in the directory.

    A user that this request itself has made counts as absent: it is there for nobody else yet.
    """
    now = options.current(session)
    user = (
        None if user is not None and row.user_reference is not None and user.reference == row.user_reference else user
    )
    companies = companies_of(session, row, now)
    contacts = contacts_of(session, row, now)
    b2c = row.type == RequestTypeCd.CONSUMER
    invitation = store.invitation_of(session, row.id)
    invited_by = None if invitation is None else _approved_by_inviting(session, invitation, now)
    facts = Facts(
        moment=moment,
        submitter=_submitter(session, row, user),
        type=RequestType.B2C if b2c else RequestType.FUSION,
        account=Account.ONE if b2c or len(companies) == 1 else Account.UNCLEAR,
        contact=_contact(session, row, companies, contacts, user),
        user=_user(row, user),
        allow=row.started or (now.allow_consumer if b2c else now.allow_contact),
        auto_approve=invited_by is not None or (now.b2c_auto_approve if b2c else _by_itself(session, row, now)),
        account_administrators=now.acct_admin_approve,
        self_registration=now.self_registration if invitation is None else SelfRegistration.NEW_OR_EXISTING,
    )
    return Match(now, companies, contacts, user, facts, decide(facts), invited_by)


def companies_of(session: Session, row: SelfServiceRequest, now: Options) -> list[CompanyRecord]:
    """Return the active accounts that are meant; the one that staff chose, where they did."""
    if row.company_chosen and row.company_id is not None:
        found = [accounts.get_company(session, row.company_id)]
    elif row.account_key:
        found = accounts.companies_by_attribute(session, now.acct_key_field, row.account_key)
    else:
        found = []
    return [one for one in found if one.active] if len(found) == 1 else found


def contacts_of(session: Session, row: SelfServiceRequest, now: Options) -> list[ContactRecord]:
    """Return the contacts that the attribute of ``SVC_CSS_REG_FLD_CONTACT`` finds, two at most."""
    declared = accounts.list_attributes(session, DeclaredFor.CONTACT)
    known = {**CONTACT_ATTRIBUTES, **{one.code: one.type for one in declared}}
    target = counterpart(now.reg_fld_contact, now.reg_cont_map, known)
    value = row.attributes.get(now.reg_fld_contact)
    if target is None or value is None:
        return []
    return accounts.contacts_by_attribute(session, target, value)


def evidence(session: Session, row: SelfServiceRequest, user: DirectoryUser | None) -> Evidence:
    """Return what the approver sees before deciding."""
    found = match(session, row, Moment.APPROVAL, user)
    company, invitation = found.company, store.invitation_of(session, row.id)
    return Evidence(
        outcome=found.decision.outcome,
        reason=found.decision.reason,
        companies=tuple((one.id, one.name) for one in found.companies),
        contacts=tuple((one.id, one.name, one.email) for one in found.contacts),
        user=(found.user.id, found.user.login, found.user.email) if found.user else None,
        first_user=invitation is None and company is not None and not store.any_role(session, company.id),
        invited_by=None if invitation is None else invitation.invited_by,
        invited_as_administrator=invitation is not None and invitation.administrator,
    )


def check_copy(session: Session, row: SelfServiceRequest, now: Options) -> None:
    """Raise `Invalid` (``attribute_invalid``) where the contact could not take the request's attributes."""
    declared = {one.code: one.type for one in accounts.list_attributes(session, DeclaredFor.CONTACT)}
    facts = contact_facts(row.attributes, now.reg_cont_map, declared, language=row.language, category="")
    accounts.accept_values(session, DeclaredFor.CONTACT, facts.attributes)


def _approved_by_inviting(session: Session, invitation: SelfServiceInvitation, now: Options) -> Actor | None:
    """Return who invited, if that person could approve the request now; an invitation gets around no option."""
    held, staff = inviter_holds(session, invitation)
    if Privilege.DECIDE not in held or not (staff or now.acct_admin_approve):
        return None
    return Actor("user", invitation.invited_by_id, invitation.invited_by)


def _submitter(session: Session, row: SelfServiceRequest, user: DirectoryUser | None) -> Submitter:
    kind = SubmitterKind(row.submitter)
    if kind is SubmitterKind.ANONYMOUS:
        return Submitter.ANONYMOUS
    if kind is SubmitterKind.RELAYED:
        return Submitter.RELAYED_BY_ENROLLER if _enrolled(session, row, user) else Submitter.RELAYED_BY_ANOTHER
    if kind is SubmitterKind.ADMINISTRATOR:
        person = directory.get_users(session, [row.submitter_user_id or ""]).get(row.submitter_user_id or "")
        held = privileges_of(person.roles) if person is not None and person.active else frozenset()
        privileged = Privilege.ASSOCIATE in held
        return Submitter.ADMINISTRATOR_WITH_PRIVILEGE if privileged else Submitter.ADMINISTRATOR_WITHOUT_PRIVILEGE
    himself = user is not None and user.id == row.submitter_user_id
    return Submitter.AUTHENTICATED_AS_USER if himself else Submitter.AUTHENTICATED_AS_ANOTHER


def _by_itself(session: Session, row: SelfServiceRequest, now: Options) -> bool:
    """Tell whether a request for an account goes through without a person; what an ended connection asked for waits."""
    return now.auto_approve and not (row.connection_id is not None and _ended(session, row.connection_id))


def _ended(session: Session, connection_id: str) -> bool:
    """Tell whether a connection's word has ended with it: closed, or suspended since its identity is in doubt."""
    found = connections.find(session, connection_id)
    return found is not None and found.state in {ConnectionState.CLOSED, ConnectionState.SUSPENDED}


def _enrolled(session: Session, row: SelfServiceRequest, user: DirectoryUser | None) -> bool:
    """Tell whether the connection made this very user, under this very subject, with an earlier request."""
    if user is None or row.connection_id is None or row.subject is None or _ended(session, row.connection_id):
        return False
    return store.enrolled(session, row.connection_id, row.subject, user.id)


def elsewhere(session: Session, row: SelfServiceRequest, company_id: str | None, contact_id: str) -> bool:
    """Tell whether a relayed request has found a contact whom its connection's company does not have."""
    if row.submitter != SubmitterKind.RELAYED:
        return False
    return company_id is None or accounts.find_company_contact(session, company_id, contact_id) is None


def _contact(
    session: Session,
    row: SelfServiceRequest,
    companies: list[CompanyRecord],
    found: list[ContactRecord],
    user: DirectoryUser | None,
) -> Contact:
    if len(found) != 1:
        return Contact.SEVERAL if found else Contact.ABSENT
    one = found[0]
    if email_key(one.email) != row.email_key:
        return Contact.OTHER_EMAIL
    if elsewhere(session, row, companies[0].id if len(companies) == 1 else None, one.id):
        return Contact.ELSEWHERE
    if one.user_id is None or (row.user_reference is not None and one.user_id == row.user_id):
        return Contact.UNSTAMPED
    if user is not None and one.user_id == user.id:
        return Contact.STAMPED_WITH_USER
    there = directory.get_users(session, [one.user_id]).get(one.user_id)
    gone = there is None or there.at_directory is AtDirectory.GONE
    return Contact.STAMPED_WITH_NOBODY if gone else Contact.STAMPED_WITH_ANOTHER


def _user(row: SelfServiceRequest, user: DirectoryUser | None) -> User:
    if user is None:
        return User.ABSENT
    return User.SAME_EMAIL if email_key(user.email) == row.email_key else User.OTHER_EMAIL
