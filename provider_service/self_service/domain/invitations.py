"""What an invitation to an account is, and for how long and how often it is sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

INVITATION_LIFE: Final = timedelta(days=7)
"""How long an invitation can be accepted after it was last sent."""
INVITATIONS_A_DAY: Final = 200
"""Invitations one account's administrators may begin within a day; staff may begin more."""
MAILS_AN_INVITATION: Final = 10
"""Mails of one invitation, at most."""


class InvitationState(StrEnum):
    """How an invitation stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """An invitation as the rest of the service sees it."""

    id: str
    state: InvitationState
    company_id: str
    company_name: str
    email: str
    administrator: bool
    """Whether whoever accepts becomes the account's administrator besides."""
    language: str
    mails: int
    """How often it was sent; only the last mail's link works."""
    invited_by: str
    """Who sent it last, and answers for it."""
    request_id: str | None
    """The request that came of it."""
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


def state_of(
    *, accepted_at: datetime | None, revoked_at: datetime | None, expires_at: datetime, now: datetime
) -> InvitationState:
    """Return how an invitation stands: what somebody did to it counts more than the time."""
    if accepted_at is not None:
        return InvitationState.ACCEPTED
    if revoked_at is not None:
        return InvitationState.REVOKED
    return InvitationState.EXPIRED if expires_at <= now else InvitationState.OPEN
