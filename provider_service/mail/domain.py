"""What a mail is on its way out: states, deadlines, and what rendering needs from outside."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from typing import Final

from email_validator import EmailNotValidError, validate_email

from shared.wire.errors import FieldError, Invalid

LEASE: Final = timedelta(minutes=2)
"""How long a claimed mail belongs to the worker that claimed it."""

GIVE_UP_AFTER: Final = timedelta(days=3)
"""Age of an edition at which a mail server that keeps asking to come back is no longer asked."""

RESERVED_DOMAINS: Final = frozenset(
    {"alt", "arpa", "example", "example.com", "example.net", "example.org", "internal", "invalid", "local", "localhost",
     "onion", "test"}
)  # fmt: skip
"""Names that never lead to a mailbox on the Internet (RFC 2606, RFC 6761, RFC 6762, RFC 9476)."""


class MailStatus(StrEnum):
    """Where a mail stands."""

    QUEUED = "queued"
    FAILED = "failed"
    """The last hand-over failed for a passing reason; it is tried again."""
    SENT = "sent"
    """The mail server has taken it."""
    DROPPED = "dropped"
    """It will not be sent; ``problem`` says why."""


class Handover(StrEnum):
    """How one hand-over to the mail server ended."""

    DONE = "done"
    DELAYED = "delayed"
    REFUSED = "refused"


class Template(StrEnum):
    """The mails there are."""

    REGISTRATION_INVITATION = "registration_invitation"
    SET_PASSWORD = "set_password"  # noqa: S105 - the name of a mail
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a mail
    TEST = "test"
    SELF_SERVICE_PROOF = "self_service_proof"
    SELF_SERVICE_KNOWN = "self_service_known"
    SELF_SERVICE_REFUSED = "self_service_refused"
    SELF_SERVICE_WAITING = "self_service_waiting"
    SELF_SERVICE_QUESTION = "self_service_question"
    SELF_SERVICE_APPROVED = "self_service_approved"
    SELF_SERVICE_REJECTED = "self_service_rejected"
    SELF_SERVICE_EXPIRED = "self_service_expired"
    SELF_SERVICE_INVITATION = "self_service_invitation"


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A claimed mail, rendered and ready to hand over; holds secrets, so it is never stored or logged."""

    mail_id: str
    message: EmailMessage


@dataclass(frozen=True, slots=True)
class MailRecord:
    """A mail as people see it, without its content."""

    id: str
    recipient: str
    template: Template
    language: str
    related_type: str
    related_id: str
    status: MailStatus
    attempts: int
    problem: str
    created_at: datetime
    next_attempt_at: datetime | None
    """When it is tried next; None once it is sent or dropped."""
    settled_at: datetime | None


def canonical_address(text: str) -> str:
    """Return a mail address in its one spelling: domain in lower case and A-labels, nothing around it.

    Only the syntax counts; `is_reserved` tells whether mail could arrive. Raises `Invalid` (``email_invalid``).
    """
    local, _, domain = text.strip().rpartition("@")
    # the library refuses reserved names outright, so they are checked as a part of one that is not reserved
    suffix = ".example.com" if is_reserved(text) or "." not in domain else ""
    try:
        found = validate_email(f"{local}@{domain}{suffix}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise Invalid(
            "This is not a mail address",
            code="email_invalid",
            cause=str(error),
            fix="Give it as name@host.",
            errors=[FieldError("/email", "Not a mail address")],
        ) from error
    return f"{found.local_part}@{found.ascii_domain.removesuffix(suffix)}"


def is_reserved(address: str) -> bool:
    """Tell whether the address lies beneath a name that is reserved, so that no mail will ever arrive there."""
    labels = address.rpartition("@")[2].strip().lower().rstrip(".").split(".")
    return any(".".join(labels[start:]) in RESERVED_DOMAINS for start in range(len(labels)))
