"""The contact sees who asks, and decides."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.authorizations import domain as consent
from provider_service.authorizations import service as authorizations
from provider_service.handshakes import store
from provider_service.handshakes.schemas import ConsentView
from provider_service.handshakes.service import refusals, saga
from provider_service.instance import service as instance
from provider_service.registrations import service as registrations
from shared.wire.errors import Conflict
from shared.wire.states import Step


def consent_page(session: Session, *, client_id: str, request_uri: str, now: datetime) -> ConsentView:
    """Return what stands on the page before Allow: who is expected, who asks, and the comparison code."""
    request = authorizations.requested(session, client_id=client_id, request_uri=request_uri, now=now)
    task = registrations.get(session, request.number)
    shake = store.get(session, request.number)
    contact = accounts.get_company_contact(session, task.company_id, task.contact_id)
    return ConsentView(
        number=request.number,
        company=contact.company_name,
        consumer=shake.peer_name if shake else "",
        consumer_url=task.consumer_url,
        expected_user_id=contact.user_id,
        expected_name=contact.name,
        expected_email=contact.email,
        comparison=saga.comparison(session, request.number) or "",
        must_type_code=shake is not None and saga.must_confirm(shake, task.rekeys),
        rekeys=task.rekeys is not None,
        callback_origin=task.consumer_url,
    )


def decide(
    session: Session,
    *,
    client_id: str,
    request_uri: str,
    user_id: str,
    allow: bool,
    typed: str | None,
    now: datetime,
) -> str:
    """Take the contact's decision; return where the browser goes. Raises `Forbidden` for another person."""
    page = consent_page(session, client_id=client_id, request_uri=request_uri, now=now)
    consent.require_contact(user_id, page.expected_user_id, page.expected_name)
    request = authorizations.requested(session, client_id=client_id, request_uri=request_uri, now=now, lock=True)
    issuer = instance.require(session).issuer
    if not allow:
        refusal = Conflict(
            "The contact did not allow the connection",
            code="access_denied",
            fix="Clear it up with the contact; the consumer's administrator then chooses Connect to Provider again.",
        )
        refusals.note_refusal(session, number=request.number, step=Step.AUTHORIZATION, error=refusal, now=now)
        return authorizations.deny(session, request, issuer=issuer)
    expected = page.comparison if page.must_type_code else None
    return authorizations.allow(
        session, request, person=page.expected_name, typed=typed, expected=expected, issuer=issuer, now=now
    )
