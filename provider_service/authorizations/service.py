"""Use cases of consent: take the request, show it, decide it, redeem its code."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.authorizations import domain, store
from provider_service.authorizations.tables import Authorization
from shared.wire.errors import Conflict, NotFound
from shared.wire.registration import AuthorizationAnswer, AuthorizationRequest, Completion
from shared.wire.version import AUTHORIZATION_REQUEST_SECONDS


def push(session: Session, *, number: str, body: AuthorizationRequest, now: datetime) -> AuthorizationAnswer:
    """Keep the request and return its handle (RFC 9126); an earlier one, and its code, are void."""
    store.forget(session, number)
    handle = domain.new_secret()
    session.add(
        Authorization(
            number=number,
            request_hash=domain.digest(handle),
            client_id=body.client_id,
            redirect_uri=body.redirect_uri,
            state=body.state,
            challenge=body.code_challenge,
            expires_at=now + domain.REQUEST_LIFE,
            attempts=0,
        )
    )
    session.flush()
    return AuthorizationAnswer(request_uri=domain.REQUEST_URI + handle, expires_in=AUTHORIZATION_REQUEST_SECONDS)


def requested(
    session: Session, *, client_id: str, request_uri: str, now: datetime, lock: bool = False
) -> Authorization:
    """Return the request behind what the browser brought; raise `NotFound` where there is none (any more)."""
    handle = request_uri.removeprefix(domain.REQUEST_URI)
    request = store.by_request(session, domain.digest(handle), lock=lock)
    if request is None or request.client_id != client_id or request.expires_at <= now:
        raise NotFound(
            "This request to connect is not known, or it is too old",
            code="authorization_unknown",
            cause="Requests live ten minutes and are replaced by newer ones.",
            fix="Go back to your own console and choose Connect to Provider again.",
        )
    return request


def allow(
    session: Session,
    request: Authorization,
    *,
    person: str,
    typed: str | None,
    expected: str | None,
    issuer: str,
    now: datetime,
) -> str:
    """Return the callback with a fresh code. ``expected`` is the comparison code that must be typed, if one must be.

    A wrong code costs an attempt: `wrong_code` counts it, in a transaction of its own.
    """
    if expected is not None:
        domain.require_comparison(typed or "", expected, request.attempts)
    code = domain.new_secret()
    request.code_hash = domain.digest(code)
    request.code_expires_at = now + domain.CODE_LIFE
    request.decided_by = person
    session.flush()
    return domain.redirect(request.redirect_uri, {"code": code, "state": request.state, "iss": issuer})


def wrong_code(session: Session, *, client_id: str, request_uri: str, now: datetime) -> None:
    """Count a wrong comparison code."""
    request = requested(session, client_id=client_id, request_uri=request_uri, now=now, lock=True)
    request.attempts += 1


def deny(session: Session, request: Authorization, *, issuer: str) -> str:
    """Return the callback that says no; the request is spent."""
    answer = {"error": "access_denied", "state": request.state, "iss": issuer}
    uri = domain.redirect(request.redirect_uri, answer)
    store.forget(session, request.number)
    return uri


def redeem(session: Session, *, number: str, body: Completion, now: datetime) -> str:
    """Check code and verifier, spend them, and return the name of the contact who allowed it."""
    request = store.get(session, number, lock=True)
    if request is None:
        raise Conflict("Nothing has been authorised", code="code_invalid", fix="Begin again with Connect to Provider.")
    domain.require_code(
        body,
        code_hash=request.code_hash,
        expires_at=request.code_expires_at,
        challenge=request.challenge,
        redirect_uri=request.redirect_uri,
        now=now,
    )
    person = request.decided_by or ""
    store.forget(session, number)
    return person


def allowed(session: Session, number: str) -> bool:
    """Tell whether the contact has allowed the present request."""
    request = store.get(session, number)
    return request is not None and request.code_hash is not None


def forget(session: Session, number: str) -> None:
    """Remove whatever a registration was waiting for."""
    store.forget(session, number)
