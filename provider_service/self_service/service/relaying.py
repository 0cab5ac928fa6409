"""Requests that a connected consumer relays for its own people: taken at its word for nothing, followed by it alone."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.options import service as options
from provider_service.options.domain import SelfRegistration
from provider_service.self_service import store
from provider_service.self_service.domain import (
    UNPROVEN_A_CONNECTION,
    VERIFYING_LIFE,
    DecisionReason,
    Draft,
    RequestRecord,
    Submission,
    explain,
)
from provider_service.self_service.service.parts import record, unknown_request
from provider_service.self_service.service.submitting import stored
from shared.runtime.database import notify
from shared.runtime.turns import CHANNEL
from shared.wire.errors import FieldError, Forbidden, Invalid, TooMany
from shared.wire.self_service import RequestTypeCd

_NOT_RELAYED = {
    "LoginId": "Of a relayed request the login is what the provider takes it from",
    "RequestTypeCd": "A connection relays requests for its own company alone",
}
"""Refused whatever is known here: with a login of its choice a peer could find out whose logins there are."""


def relay(session: Session, draft: Draft, by: Submission, *, now: datetime) -> RequestRecord:
    """Take a request of a connection for somebody of its company; the mailbox has to be proven, whosever it is.

    Nothing is looked up here. The caller has locked the connection, so that two at once are counted one after the
    other. Raises as `prepare` does; `Forbidden` (``requests_closed``) while nobody may register;
    `TooMany` where too many of the connection's requests wait for their mailboxes.
    """
    if options.current(session).self_registration is SelfRegistration.NONE:
        title, fix = explain(DecisionReason.CLOSED)
        raise Forbidden(title, code="requests_closed", fix=fix)
    if store.unproven_of_connection(session, by.connection_id or "") >= UNPROVEN_A_CONNECTION:
        raise TooMany(
            "Too many requests wait for their mailboxes to be proven",
            cause=f"Of one connection {UNPROVEN_A_CONNECTION} may.",
            fix="Let the people confirm them; those that nobody confirms end by themselves.",
            retry_after=int(VERIFYING_LIFE.total_seconds()) // 24,
        )
    row = stored(session, Draft(_relayable(draft), draft.language), by, now)
    notify(session, CHANNEL)
    return record(row)


def relayed(session: Session, connection_id: str, *, before: str | None, limit: int) -> list[RequestRecord]:
    """Return the requests that came over a connection, the youngest first, those with unproven mailboxes too."""
    return [record(row) for row in store.of_connection(session, connection_id, before=before, limit=limit)]


def relayed_one(session: Session, connection_id: str, request_id: str) -> RequestRecord:
    """Return a request that came over a connection. Raises `NotFound` for any other, as for one there is not."""
    row = store.request(session, request_id)
    if row is None or row.connection_id != connection_id:
        raise unknown_request()
    return record(row)


def _relayable(draft: Draft) -> dict[str, object]:
    given = {
        name: value for name, value in draft.attributes.items() if name != "AccountKey" and value not in (None, "")
    }
    if given.get("RequestTypeCd") == RequestTypeCd.CONTACT:
        del given["RequestTypeCd"]
    faults = [FieldError(f"/attributes/{name}", why) for name, why in _NOT_RELAYED.items() if name in given]
    if faults:
        raise Invalid("The request does not have what it takes", code="attribute_invalid", errors=faults)
    return given
