"""Reading requests: what staff, account administrators and submitters see of them."""

from dataclasses import replace

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.directory.domain import Caller
from provider_service.identity.domain import DirectoryUser
from provider_service.options import service as options
from provider_service.self_service import store
from provider_service.self_service.domain import (
    DecisionOutcome,
    Evidence,
    Privilege,
    RequestRecord,
    privileges_of,
    without_findings,
    without_internals,
)
from provider_service.self_service.service import matching
from provider_service.self_service.service.parts import administered, held_for, record, unknown_request
from provider_service.self_service.tables import SelfServiceRequest
from shared.wire.self_service import RequestState


def get_request(session: Session, request_id: str, *, caller: Caller) -> RequestRecord:
    """Return a request. Raises `NotFound` also for one that is not the caller's to see."""
    row = store.request(session, request_id)
    own = row is not None and bool(caller.user_id) and row.submitter_user_id == caller.user_id
    sees = row is not None and _sees(session, caller, row.company_id, row.state)
    if row is None or not (own or sees):
        raise unknown_request()
    return _shown(row, whole=sees, staff=_is_staff(caller))


def standing(session: Session, request_id: str) -> RequestRecord:
    """Return a request, for who has just done something about it. Raises `NotFound`."""
    row = store.request(session, request_id)
    if row is None:
        raise unknown_request()
    return record(row)


def require_own(session: Session, request_id: str, *, caller: Caller) -> None:
    """Raise `NotFound` unless the caller submitted a request."""
    row = store.request(session, request_id)
    if row is None or not caller.user_id or row.submitter_user_id != caller.user_id:
        raise unknown_request()


def login_of(session: Session, request_id: str) -> str:
    """Return the LoginId to look up in the directory before a request is decided about. Raises `NotFound`."""
    row = store.request(session, request_id)
    if row is None:
        raise unknown_request()
    return row.login


def stamps_of(session: Session, request_id: str) -> list[str]:
    """Return the users whose stamps are on the contacts that a request finds."""
    row = store.request(session, request_id)
    found = [] if row is None else matching.contacts_of(session, row, options.current(session))
    return [one.user_id for one in found if one.user_id is not None]


def evidence(session: Session, request_id: str, *, user: DirectoryUser | None, caller: Caller) -> Evidence:
    """Return what was found for a request, to whoever may decide about it. Raises `NotFound`.

    Account administrators are shown their own account and its people: a request is no way to look others up.
    """
    row = store.request(session, request_id)
    if row is None or not _sees(session, caller, row.company_id, row.state):
        raise unknown_request()
    found = matching.evidence(session, row, user)
    return found if _is_staff(caller) else _narrowed(session, found, row.company_id or "")


def list_requests(
    session: Session,
    *,
    caller: Caller,
    state: RequestState | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[RequestRecord]:
    """Return the requests the caller sees, the newest first: staff every proven one, others their account's and own."""
    staff = _is_staff(caller)
    companies = None if staff else administered(session, caller)
    rows = store.requests(
        session,
        state=state,
        companies=companies,
        submitter_user_id=caller.user_id,
        before=before,
        limit=limit,
    )
    return [_shown(row, whole=companies is None or row.company_id in companies, staff=staff) for row in rows]


def _shown(row: SelfServiceRequest, *, whole: bool, staff: bool) -> RequestRecord:
    seen = record(row) if whole else without_findings(record(row))
    return seen if staff else without_internals(seen)


def _is_staff(caller: Caller) -> bool:
    return Privilege.READ in privileges_of(caller.roles)


def _narrowed(session: Session, found: Evidence, company_id: str) -> Evidence:
    user = found.user
    return replace(
        found,
        outcome=found.outcome if found.reason is None else DecisionOutcome.REFER,
        reason=None,
        companies=tuple(one for one in found.companies if one[0] == company_id),
        contacts=tuple(one for one in found.contacts if accounts.find_company_contact(session, company_id, one[0])),
        user=user if user is not None and accounts.contact_of(session, company_id, user[0]) else None,
        first_user=found.first_user and any(one[0] == company_id for one in found.companies),
    )


def _sees(session: Session, caller: Caller, company_id: str | None, state: str) -> bool:
    """Nobody but its submitter sees a request before its mailbox is proven (design)."""
    return state != RequestState.VERIFYING and Privilege.READ in held_for(session, caller, company_id)
