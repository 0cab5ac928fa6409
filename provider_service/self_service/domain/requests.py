"""What a request is to the rest of the service, and for how long it is kept waiting."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from provider_service.self_service.domain.deciding import DecisionOutcome, DecisionReason
from shared.wire.self_service import RequestState, RequestTypeCd, SubmitterKind

VERIFYING_LIFE: Final = timedelta(hours=24)
"""How long an applicant has to prove the mailbox."""
PENDING_LIFE: Final = timedelta(days=30)
"""How long a request waits for a decision, or for an answer."""
REMIND_AFTER: Final = timedelta(days=3)
"""Age at which whoever is to act is reminded, once."""
OPEN_A_MAILBOX: Final = 3
"""Requests of visitors waiting for one mailbox to be proven, at most; for more no mail is sent."""
SIGN_UPS_AN_ADDRESS: Final = 20
"""Tries of one network address before it has to pause."""
UNPROVEN_A_CONNECTION: Final = 200
"""Requests of one connection waiting for their mailboxes to be proven, at most: we write to no crowd for it."""


class Awaits(StrEnum):
    """Who has to act for a pending request to go on."""

    START = "start"
    """Somebody who starts it: ``ALLOW_*`` of its type is FALSE."""
    STAFF = "staff"
    ACCOUNT_ADMINISTRATORS = "account_administrators"
    """The account's administrators, or staff."""
    PROVISIONING = "provisioning"
    """Nobody: it is approved, and being carried out."""


class ProvisioningStep(StrEnum):
    """What is done for an approved request, in this order."""

    USER = "user"
    """The user exists in the directory, inactive where it is new."""
    RECORDS = "records"
    """Contact, stamp, relationship to the account and roles are stored."""
    GROUPS = "groups"
    """The directory knows the roles."""
    ACTIVATION = "activation"
    """The user can sign in."""
    WELCOME = "welcome"
    """The one mail is queued; the request is approved."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody asks for."""

    attributes: Mapping[str, Any]
    """By the seed's names, declared ``_c`` attributes included."""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Submission:
    """Who submits, as far as it is known for sure."""

    kind: SubmitterKind
    user_id: str | None = None
    """The directory user who is signed in."""
    name: str = ""
    connection_id: str | None = None
    company_id: str | None = None
    """The connection's own company, the only one it acts for."""
    subject: str | None = None
    """What the relaying connection calls its user; this and the following are its word, and prove nothing."""
    subject_name: str | None = None
    subject_email: str | None = None
    asked_by: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a relayed request came from: the connection for sure, the rest by its peer's word."""

    connection_id: str
    issuer: str
    """Address of the peer, pinned to the connection."""
    subject: str
    name: str
    email: str
    asked_by: str
    same_email: bool
    """Whether the address that the peer has of its user is the request's, whose mailbox is proven."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said about a request."""

    at: datetime
    by: str
    text: str
    internal: bool
    """Whether the applicant never sees it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found for a request, as the approver sees it before deciding."""

    outcome: DecisionOutcome
    """What approval would do now."""
    reason: DecisionReason | None
    companies: tuple[tuple[str, str], ...]
    """Ids and names of the accounts that the key names."""
    contacts: tuple[tuple[str, str, str], ...]
    """Ids, names and addresses of the contacts that were found."""
    user: tuple[str, str, str] | None
    """Id, login and address of the user that LoginId finds."""
    first_user: bool
    """Whether it would be the account's first, who becomes its administrator."""
    invited_by: str | None
    """Who invited the applicant, if anybody; then the invitation alone says who becomes administrator."""
    invited_as_administrator: bool


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request as the rest of the service sees it."""

    id: str
    state: RequestState
    type: RequestTypeCd
    awaits: Awaits | None
    """Who has to act; None unless it is pending."""
    reason: DecisionReason | None
    """Why staff have to look at it, where it is so."""
    submitter: SubmitterKind
    submitter_user_id: str | None
    submitter_name: str
    origin: Origin | None
    """Of a relayed request."""
    attributes: Mapping[str, Any]
    email: str
    login: str
    account_key: str | None
    company_id: str | None
    contact_id: str | None
    user_id: str | None
    language: str
    outcome: DecisionOutcome | None
    """What the approval decided to do."""
    decided_by: str | None
    decided_at: datetime | None
    administrator_pending: bool
    """Whether it is the account's first user, and a person has still to make it administrator."""
    remarks: tuple[Remark, ...]
    steps: tuple[ProvisioningStep, ...]
    """Those that are done."""
    failure: str | None
    """The step that failed last, and why."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    version: int


def without_findings(record: RequestRecord) -> RequestRecord:
    """Return a request as its submitter sees it: before the approval nothing tells which accounts or people there are.

    Not who has to act either, since that follows from what was found.
    """
    if record.state is RequestState.APPROVED:
        return record
    awaits = Awaits.PROVISIONING if record.awaits is Awaits.PROVISIONING else None
    return replace(record, awaits=awaits, reason=None, company_id=None, contact_id=None, user_id=None, outcome=None)


def without_internals(record: RequestRecord) -> RequestRecord:
    """Return a request as everybody but the provider's staff sees it, account administrators too.

    Internal notes are the staff's among themselves, whoever wrote them, and so is what failed in this house.
    """
    return replace(record, remarks=tuple(one for one in record.remarks if not one.internal), failure=None)


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role a contact holds for an account, or for itself alone (B2C)."""

    id: str
    company_id: str | None
    contact_id: str
    role: str
    administrator: bool
    granted_by: str
    granted_at: datetime


_REASONS: Final[Mapping[DecisionReason, tuple[str, str]]] = {
    DecisionReason.CLOSED: ("Registration is closed", "Ask an administrator for an invitation."),
    DecisionReason.NO_CONTACT: (
        "Only people who are contacts already may register",
        "Make the person a contact first.",
    ),
    DecisionReason.ACCOUNT_UNCLEAR: (
        "The account key does not name exactly one active account",
        "Choose the account that is meant.",
    ),
    DecisionReason.CONTACT_SEVERAL: (
        "Several contacts were found",
        "Merge them, or correct the one that is not meant.",
    ),
    DecisionReason.CONTACT_OTHER_EMAIL: (
        "The contact that was found has another mail address",
        "Find out whether it is the same person, and correct the contact or reject the request.",
    ),
    DecisionReason.STAMPED_OTHERWISE: (
        "The contact belongs to another user",
        "Find out who is meant; take the stamp off or reject the request.",
    ),
    DecisionReason.STAMP_WITHOUT_USER: (
        "The contact is stamped with a user that is gone",
        "Take the stamp off the contact, if it is the same person.",
    ),
    DecisionReason.NOT_THAT_USER: (
        "There is a user with this login, and the submitter is not authenticated as that user",
        "Let the person sign in and ask again, or let a holder of 'associate user with contact' submit it.",
    ),
    DecisionReason.USER_OTHER_EMAIL: (
        "The user with this login has another mail address",
        "Correct the address in the directory or in the request.",
    ),
    DecisionReason.CONTACT_ELSEWHERE: (
        "The contact that was found is none of the account whose instance relayed the request",
        "Find out whether it is the same person; make the contact one of the account, or reject the request.",
    ),
}


def explain(reason: DecisionReason) -> tuple[str, str]:
    """Return what a reason says, and what to do about it."""
    return _REASONS[reason]
