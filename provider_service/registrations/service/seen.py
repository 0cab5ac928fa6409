"""What of registration tasks somebody sees: staff everything, a contact the tasks that name it, without work notes."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import STAFF
from provider_service.directory.domain import Caller
from provider_service.registrations import store
from provider_service.registrations.service import tasks
from provider_service.registrations.tables import Entry, Registration
from shared.wire.errors import NotFound


def get_seen(session: Session, number: str, caller: Caller) -> Registration:
    """Return a task; raise `NotFound` also for one that the caller has no part in."""
    task = tasks.get(session, number)
    if not _is_staff(caller):
        contact = accounts.find_contact(session, task.contact_id)
        if contact is None or contact.user_id != caller.user_id:
            raise NotFound(f"There is no registration {number}", code="registration_unknown")
    return task


def page_seen(
    session: Session, caller: Caller, *, before: int | None, limit: int, state: str | None, company_id: str | None
) -> Sequence[Registration]:
    """Return the tasks a caller sees, newest first, below the serial ``before``."""
    contact_id = None
    if not _is_staff(caller):
        contact = accounts.contact_of_user(session, caller.user_id)
        if contact is None:
            return []
        contact_id = contact.id
    return store.page(session, before=before, limit=limit, state=state, company_id=company_id, contact_id=contact_id)


def entries_seen(session: Session, number: str, caller: Caller) -> Sequence[Entry]:
    """Return comments, and for staff also work notes, oldest first; raise `NotFound` as `get_seen`."""
    task = get_seen(session, number, caller)
    return tasks.entries(session, task.number, internal=_is_staff(caller))


def _is_staff(caller: Caller) -> bool:
    return not caller.roles.isdisjoint(STAFF)
