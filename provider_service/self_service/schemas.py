"""Requests and roles of self-service registration as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from provider_service.accounts.schemas import CompanyId, Language
from provider_service.audit.schemas import PLAIN
from provider_service.mail.schemas import MailAddress
from provider_service.self_service.domain import (
    Awaits,
    DecisionOutcome,
    DecisionReason,
    Draft,
    Evidence,
    InvitationRecord,
    InvitationState,
    ProvisioningStep,
    RequestRecord,
    RoleRecord,
    SyncRecord,
    explain,
    without_findings,
    without_internals,
)
from provider_service.self_service.service import Submitted
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.self_service import RequestState, RequestTypeCd, SubmitterKind

NOTE_LIMIT: Final = 800
"""Characters of a note, at most: as many as the seed's product has for a reason."""
BULK_LIMIT: Final = 500
"""Requests decided about by one call, at most."""

_LINES: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Text of several lines, without other control characters."""

Note = Annotated[str, Field(max_length=NOTE_LIMIT, pattern=_LINES)]
ContactId = CompanyId
RequestId = CompanyId


class _Request(BaseModel):
    """A body we take: exactly the members listed, so that nothing else can be assigned."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class SelfServiceRequestCreate(_Request):
    """A request to submit."""

    attributes: Annotated[dict[Annotated[str, Field(max_length=64)], Any], Field(max_length=150)]
    """By the seed's names: `RequestTypeCd`, `AccountKey`, `EmailAddress`, `LoginId`, names, phones, addresses, and the
    declared attributes ending in `_c`."""
    language: Language = "en"
    """Of the mails to the applicant."""

    def draft(self) -> Draft:
        """Return it as the use case takes it."""
        return Draft(self.attributes, self.language)


class Approval(_Request):
    """Why a request is approved or rejected."""

    note_to_applicant: Note = ""
    internal_note: Note = ""
    """Shown to the provider's staff alone, whoever wrote it."""


class Rejection(Approval):
    """Why a request is rejected."""

    tell: bool = True
    """Whether the applicant gets a mail; spam needs none."""


class Question(_Request):
    """What the applicant is asked."""

    question: Annotated[str, Field(min_length=1, max_length=NOTE_LIMIT, pattern=_LINES)]


class CompanyChoice(_Request):
    """Which account is meant, whatever the key names."""

    company_id: CompanyId


class BulkDecision(Approval):
    """Requests to approve or reject, each for itself."""

    ids: Annotated[list[RequestId], Field(min_length=1, max_length=BULK_LIMIT)]
    reject: bool = False


class SelfServiceRoleGrant(_Request):
    """A role to grant to a contact of an account."""

    company_id: CompanyId
    contact_id: ContactId
    administrator: bool = False
    """Whether the contact becomes the account's administrator besides."""


class SelfServiceInvitationCreate(_Request):
    """Somebody to invite to an account."""

    company_id: CompanyId
    email: MailAddress
    administrator: bool = False
    """Whether whoever accepts becomes the account's administrator besides."""
    language: Language = "en"
    """Of the mails to the person."""


class SelfServiceInvitationAcceptance(_Request):
    """An invitation that somebody who is signed in accepts."""

    token: Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
    """What the link has behind `#token=`."""
    attributes: Annotated[dict[Annotated[str, Field(max_length=64)], Any], Field(max_length=150)] = {}
    """As a request has them; `RequestTypeCd`, `AccountKey`, `EmailAddress` and `LoginId` are fixed already."""


class InvitationQuery(BaseModel):
    """Which invitations, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    company_id: Annotated[str | None, Field(max_length=64, pattern=PLAIN)] = None


class ContactSuspension(_Request):
    """Whether a contact may act for an account."""

    suspended: bool


class RequestQuery(BaseModel):
    """Which requests, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    state: RequestState | None = None


class RoleQuery(BaseModel):
    """Which roles, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    company_id: Annotated[str | None, Field(max_length=64, pattern=PLAIN)] = None
    contact_id: Annotated[str | None, Field(max_length=64, pattern=PLAIN)] = None


class SyncQuery(BaseModel):
    """Which page of what the directory does not know yet."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None


class RemarkView(BaseModel):
    """Something said about a request."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    by: str
    text: str
    internal: bool


class OriginView(BaseModel):
    """Where a relayed request came from: the connection for sure, the rest by its peer's word, which proves nothing."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    connection_id: str
    issuer: str
    """Address of the peer, pinned to the connection."""
    subject: str
    """Id of the person in the peer's directory."""
    name: str
    email: str
    asked_by: str
    """Who submitted it there."""
    same_email: bool
    """Whether the peer has the request's address for this person."""


class SelfServiceRequestView(BaseModel):
    """A request of self-service registration."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    state: RequestState
    type: RequestTypeCd
    awaits: Awaits | None
    """Who has to act for it to go on."""
    reason: DecisionReason | None
    """Why staff have to look at it."""
    submitter: SubmitterKind
    submitter_name: str
    origin: OriginView | None
    """Of a relayed request."""
    attributes: dict[str, Any]
    email: str
    login: str
    account_key: str | None
    company_id: str | None
    contact_id: str | None
    user_id: str | None
    outcome: DecisionOutcome | None
    """What the approval decided to do."""
    decided_by: str | None
    decided_at: datetime | None
    administrator_pending: bool
    """Whether it is the account's first user, whom a person has still to make its administrator."""
    remarks: list[RemarkView]
    steps: list[ProvisioningStep]
    """What has been carried out."""
    failure: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    version: int

    @classmethod
    def of(cls, record: RequestRecord, *, internal: bool = True) -> Self:
        """Return how the API shows ``record``; ``internal``: with what only the provider's staff see."""
        shown = cls.model_validate(record if internal else without_internals(record))
        if not internal:
            shown.reason = None
        return shown


class SelfServiceRequestSubmitted(SelfServiceRequestView):
    """A request that was taken."""

    tracking_token: str
    """With it, its applicant follows the request on the status page; shown once."""

    @classmethod
    def taken(cls, made: Submitted, *, internal: bool) -> Self:
        """Return how the API shows a request that was just taken."""
        record = made.request if internal else without_findings(made.request)
        shown = SelfServiceRequestView.of(record, internal=internal)
        return cls(**shown.model_dump(), tracking_token=made.secret)


class FoundCompany(BaseModel):
    """An account that was found."""

    id: str
    name: str


class FoundContact(FoundCompany):
    """A contact that was found."""

    email: str


class FoundUser(BaseModel):
    """A user that was found."""

    id: str
    login: str
    email: str


class EvidenceView(BaseModel):
    """What was found for a request, and what approving it would do now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    outcome: DecisionOutcome
    reason: DecisionReason | None
    explanation: str
    """Why approving would fail and what to do, or nothing."""
    companies: list[FoundCompany]
    contacts: list[FoundContact]
    user: FoundUser | None
    first_user: bool
    """Whether it would be the account's first user, who becomes its administrator."""
    invited_by: str | None
    """Who invited the applicant, if anybody did."""
    invited_as_administrator: bool
    """Whether the invitation makes the applicant the account's administrator."""

    @classmethod
    def of(cls, found: Evidence) -> Self:
        """Return how the API shows what was found."""
        return cls(
            outcome=found.outcome,
            reason=found.reason,
            explanation=". ".join(explain(found.reason)) if found.reason else "",
            companies=[FoundCompany(id=one[0], name=one[1]) for one in found.companies],
            contacts=[FoundContact(id=one[0], name=one[1], email=one[2]) for one in found.contacts],
            user=None if found.user is None else FoundUser(id=found.user[0], login=found.user[1], email=found.user[2]),
            first_user=found.first_user,
            invited_by=found.invited_by,
            invited_as_administrator=found.invited_as_administrator,
        )


class BulkOutcome(BaseModel):
    """What became of one request."""

    id: str
    state: RequestState | None
    code: str | None
    """Of the problem, where it could not be decided."""
    detail: str | None


class BulkResult(BaseModel):
    """What became of each request."""

    items: list[BulkOutcome]


class SelfServiceRoleView(BaseModel):
    """A role a contact holds for an account, or for itself alone (B2C)."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    company_id: str | None
    contact_id: str
    role: str
    administrator: bool
    granted_by: str
    granted_at: datetime

    @classmethod
    def of(cls, record: RoleRecord) -> Self:
        """Return how the API shows ``record``."""
        return cls.model_validate(record)


class DirectorySyncView(BaseModel):
    """A group of a person that the directory may not have as the roles say, and is told until it has."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    user_id: str
    """The person's id in the directory."""
    role: str
    """The role whose group it is."""
    granted: bool
    """Whether the person is to be in it: some account still gives the role."""
    tries: int
    failure: str | None
    """Why the directory could not be told last time."""
    created_at: datetime
    due_at: datetime
    """When it is told (again)."""

    @classmethod
    def of(cls, record: SyncRecord) -> Self:
        """Return how the API shows ``record``."""
        return cls.model_validate(record)


class SelfServiceInvitationView(BaseModel):
    """An invitation to an account."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    state: InvitationState
    company_id: str
    email: str
    administrator: bool
    """Whether whoever accepts becomes the account's administrator besides."""
    language: str
    mails: int
    """How often it was sent; only the link of the last mail works."""
    invited_by: str
    """Who sent it last."""
    request_id: str | None
    """The request that came of it."""
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, record: InvitationRecord) -> Self:
        """Return how the API shows ``record``."""
        return cls.model_validate(record)
