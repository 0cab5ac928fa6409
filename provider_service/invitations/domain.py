"""What a token says and what may be wrong with it; pure."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from shared.wire.errors import Forbidden, Gone


@dataclass(frozen=True, slots=True)
class InvitationView:
    """What people see of an invitation."""

    state: str
    """issued, expired, revoked or used."""
    issued_at: datetime
    expires_at: datetime


def jti_hash(jti: str) -> str:
    """Return what is kept of a token's id."""
    return sha256(jti.encode()).hexdigest()


def shown_state(state: str, expires_at: datetime, now: datetime) -> str:
    """Return the state with expiry counted in."""
    return "expired" if state == "issued" and expires_at <= now else state


def refuse(state: str) -> None:
    """Raise the refusal that fits a token in this state; return for one that may be used."""
    if state == "expired":
        raise Forbidden(
            "The registration link has expired",
            code="token_expired",
            cause="Links are valid for a limited time.",
            fix="Ask the provider to issue a new link; the registration itself is still open.",
        )
    if state == "revoked":
        raise Forbidden(
            "The registration link has been revoked",
            code="token_revoked",
            cause="The provider withdrew it or replaced it by a newer one.",
            fix="Use the newest link, or ask the provider for one.",
        )
    if state == "used":
        raise Gone(
            "The registration link has been used",
            code="token_used",
            cause="It is spent when a registration completes.",
            fix="If the connection is not onboarded, ask the provider for a new registration.",
        )
