"""Words of self-service registration in the seed's own spelling, attributes with their limits, the relay's calls."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from shared.wire.messages import Id, Time
from shared.wire.model import WireModel

RELAY_PATH: Final = "/exchange/v1/self-service/requests"
"""Where a consumer submits requests for its own people, and follows them."""

RELAYED_A_PAGE: Final = 100
"""Requests in one answer to a listing, at most."""


class RequestTypeCd(StrEnum):
    """What a request is for; absent means CONTACT."""

    CONTACT = "ORA_CSS_REQ_TYPE_CONTACT"
    """Fusion: for a business account, which AccountKey names."""
    CONSUMER = "ORA_CSS_REQ_TYPE_CONSUMER"
    """B2C: for the person alone."""


class RequestState(StrEnum):
    """State of a request (design: self_service.md, *Request*)."""

    VERIFYING = "ORA_CSS_VERIFYING"
    """The applicant has not proven the mailbox yet; nobody sees the request."""
    PENDING = "ORA_CSS_PENDING"
    MORE_INFO = "ORA_CSS_MORE_INFO"
    """The applicant was asked for something."""
    APPROVED = "ORA_CSS_APPROVED"
    REJECTED = "ORA_CSS_REJECTED"
    WITHDRAWN = "ORA_CSS_WITHDRAWN"
    EXPIRED = "ORA_CSS_EXPIRED"
    FAILED = "ORA_CSS_FAILED"
    """A provisioning step failed; it can be resumed."""


class SubmitterKind(StrEnum):
    """Who can submit a request."""

    ANONYMOUS = "anonymous"
    ADMINISTRATOR = "administrator"
    """Holds the Customer Self-Service Administrator duty role."""
    AUTHENTICATED = "authenticated"
    """Signed in at the identity service."""
    RELAYED = "relayed"
    """Known to a connected consumer, which submits for it over a signed call."""


REQUEST_ATTRIBUTES: Final[Mapping[str, int]] = {
    "RequestTypeCd": 30,
    "AccountKey": 320,
    "EmailAddress": 320,
    "LoginId": 320,
    "FirstName": 150,
    "MiddleName": 60,
    "LastName": 150,
    "DateOfBirth": 10,
    "PlaceOfBirth": 60,
    "RawWorkPhoneNumber": 60,
    "RawMobileNumber": 60,
    "RawHomePhoneNumber": 60,
    **{
        f"{which}{part}": limit
        for which in ("Primary", "Secondary")
        for part, limit in {
            "AddressLine1": 240,
            "AddressLine2": 240,
            "City": 60,
            "State": 60,
            "Province": 60,
            "PostalCode": 60,
            "Country": 60,
            "AddressType": 30,
        }.items()
    },
}
"""Name of an attribute of a request to its longest value, in characters.

Those the reference gives are the source's (reference: self_service_registration.md, sections 2a to 2c); the others are
those of the attribute of the contact that takes the value.
"""


class RelayedUser(WireModel):
    """Whom the consumer names: a person of its own directory. The provider takes it for a statement, not for a fact."""

    id: str = Field(min_length=1, max_length=64)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=320)


class RelayedRequest(WireModel):
    """C → P: ``POST /exchange/v1/self-service/requests``."""

    user: RelayedUser
    asked_by: str = Field(default="", max_length=200)
    """Name of the administrator who submits it, for people."""
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Of the mails to the applicant."""
    attributes: dict[Annotated[str, Field(max_length=64)], Any] = Field(max_length=150)
    """By the seed's names; ``AccountKey`` means nothing here."""


class RelayedStatus(WireModel):
    """Where a relayed request stands: what the consumer submitted itself, and the state."""

    id: Id
    state: RequestState
    user_id: str
    email: str
    submitted: Time
    updated: Time


class RelayedStatuses(WireModel):
    """P → C: ``GET /exchange/v1/self-service/requests``, the youngest first."""

    requests: list[RelayedStatus]
    following: Id | None
    """What to give as ``before`` for the next page; None where this is the last one."""
