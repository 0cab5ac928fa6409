"""What the use cases of this slice share: who sees what, what the audit trail is told, what is missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory.domain import Caller
from shared.wire.errors import Conflict, FieldError, NotFound


@dataclass(frozen=True, slots=True)
class AccountHooks:
    """What higher slices have to say or to do; each function raises `Conflict` with the reason where it objects."""

    before_merge: tuple[Callable[[Session, str, str, datetime], None], ...] = ()
    """Asked before a contact (the first id) is merged into another; whatever hangs on it goes along."""
    before_switching_off: tuple[Callable[[Session, str, str, Caller], None], ...] = ()
    """Asked before a caller switches off the contact (the second id) of a company."""
    after_stamping: tuple[Callable[[Session, str, str | None, datetime], None], ...] = ()
    """Told that a contact has another user's stamp, or none any more; the second id is the user it had."""
    before_removal: tuple[Callable[[Session, domain.AttributeRecord], None], ...] = ()
    """Asked before the declaration of an attribute is taken back."""


def is_staff(caller: Caller | None) -> bool:
    """Tell whether a caller sees every company and contact."""
    return caller is not None and not caller.roles.isdisjoint(domain.STAFF)


def sees(session: Session, caller: Caller | None, company_id: str) -> bool:
    """Tell whether a caller sees a company; None is the service itself."""
    return caller is None or is_staff(caller) or company_id in store.companies_of_user(session, caller.user_id)


def note(
    session: Session,
    actor: Actor,
    action: str,
    subject_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write a change into the audit trail; the subject's type is the noun of the action."""
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=action.partition(".")[0],
        subject_id=subject_id,
        before=before,
        after=after,
        now=now,
    )


def flush(session: Session, meaning: Callable[[], Conflict]) -> None:
    """Send what has changed to the database; ``meaning`` says what it means that somebody was faster."""
    try:
        session.flush()
    except IntegrityError as error:  # somebody else did the same in the same moment
        raise meaning() from error


def unknown_company(pointer: str | None = None) -> NotFound:
    """Return what is raised for a company that is not there, or not for the caller to see."""
    errors = [FieldError(pointer, "There is no such company")] if pointer else []
    return NotFound("There is no such company", code="company_unknown", errors=errors)


def unknown_contact() -> NotFound:
    """Return what is raised for a contact that is not there, or not for the caller to see."""
    return NotFound("There is no such contact", code="contact_unknown")
