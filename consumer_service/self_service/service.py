"""Use cases of requests for access: asking for somebody, handing it over once, following it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.connections import service as connections
from consumer_service.directory import service as directory
from consumer_service.directory.domain import Person
from consumer_service.self_service import domain, store
from consumer_service.self_service.domain import Handover
from consumer_service.self_service.tables import AccessRequest as AccessRequest  # noqa: PLC0414  # handed on
from shared.runtime.database import notify
from shared.runtime.turns import CHANNEL
from shared.wire.errors import Conflict, NotFound
from shared.wire.identifiers import new_id
from shared.wire.problems import Problem
from shared.wire.self_service import RelayedRequest, RelayedStatus, RelayedUser, RequestState
from shared.wire.states import ConnectionState

SUBJECT: Final = "access_request"


@dataclass(frozen=True, slots=True)
class Errand:
    """The next call about a request."""

    request_id: str
    connection_id: str
    body: bytes
    peer_request_id: str | None
    """None: it has to be handed over."""

    @property
    def key(self) -> str:
        """Return the idempotency key of handing it over."""
        return f"access-{self.request_id}"


def ask(
    session: Session,
    *,
    connection_id: str,
    user_id: str,
    attributes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> AccessRequest:
    """Ask for access at a provider for a person of this instance; it is handed over afterwards.

    Raises `NotFound` for a connection or a person there is not; `Conflict` (``connection_not_active``,
    ``user_inactive``); `Invalid` (``attribute_invalid``).
    """
    _require_active(session, connection_id)
    person = _active_person(session, user_id)
    request_id = new_id()
    asked = RelayedRequest(
        user=RelayedUser(id=person.id, name=person.name, email=person.email),
        asked_by=actor.name[:200],
        language=person.language,
        attributes=domain.relayable(attributes) | {"EmailAddress": person.email},
    )
    row = AccessRequest(
        id=request_id,
        connection_id=connection_id,
        user_id=person.id,
        name=person.name,
        email=person.email,
        asked_by=asked.asked_by,
        body=asked.model_dump_json(),
        handover=Handover.WAITING,
        open=True,
        attempts=0,
        due_at=now,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    after = {"connection_id": connection_id, "user_id": person.id, "email": person.email}
    _note(session, row, "access_request.submitted", actor, after, now)
    notify(session, CHANNEL)
    return row


def get(session: Session, request_id: str, *, lock: bool = False) -> AccessRequest:
    """Return a request. Raises `NotFound` (``access_request_unknown``)."""
    row = store.get(session, request_id, lock=lock)
    if row is None:
        raise NotFound("There is no such request for access", code="access_request_unknown")
    return row


def page(
    session: Session,
    *,
    before: str | None = None,
    limit: int,
    connection_id: str | None = None,
    user_id: str | None = None,
) -> Sequence[AccessRequest]:
    """Return requests, the newest first, below the id ``before``."""
    return store.page(session, before=before, limit=limit, connection_id=connection_id, user_id=user_id)


def errand(session: Session, request_id: str) -> Errand | None:
    """Return the next call about a request, None where nothing is left to do."""
    row = get(session, request_id)
    return _errand(row) if row.open else None


def claim_due(session: Session, *, now: datetime, limit: int = 50) -> list[Errand]:
    """Return the calls that are due; no other worker makes them for a minute."""
    rows = store.due(session, now, limit)
    for row in rows:
        row.due_at = now + domain.LEASE
    return [_errand(row) for row in rows]


def told(session: Session, request_id: str, status: RelayedStatus, *, now: datetime) -> AccessRequest:
    """Take what the provider says of a request; being told the same again is one effect."""
    row = get(session, request_id, lock=True)
    if row.peer_request_id not in {None, status.id}:
        raise Conflict("The provider speaks of another request than was asked about", code="access_request_mistaken")
    before = {"handover": row.handover, "state": row.state}
    row.handover, row.peer_request_id, row.state = Handover.TAKEN, status.id, status.state
    row.attempts, row.problem, row.checked_at = 0, None, now
    row.open, row.due_at = status.state not in domain.FINAL, now + domain.LOOK
    after = {"handover": row.handover, "state": row.state}
    if before != after:
        row.updated_at = now
        _note(session, row, "access_request.told", SYSTEM, after, now, before=before)
    return row


def not_told(session: Session, request_id: str, problem: Problem, *, now: datetime) -> AccessRequest:
    """Write down what a call met: a refusal that stays ends it, anything else is tried again."""
    row = get(session, request_id, lock=True)
    if not row.open:
        return row
    row.attempts += 1
    row.problem, row.due_at = problem.model_dump(mode="json", exclude_none=True), now + domain.pause(row.attempts)
    before = row.handover
    if row.peer_request_id is None and domain.final(problem):
        row.handover, row.open = Handover.REFUSED, False
    elif row.peer_request_id is not None and problem.code == "request_unknown":
        row.handover, row.open = Handover.LOST, False
    if row.handover != before:
        row.updated_at = now
        after = {"handover": row.handover, "code": problem.code}
        _note(session, row, f"access_request.{row.handover.lower()}", SYSTEM, after, now)
    return row


def state_of(row: AccessRequest) -> RequestState | None:
    """Return how a request stands at the provider, as it was last told."""
    return None if row.state is None else RequestState(row.state)


def _require_active(session: Session, connection_id: str) -> None:
    if connections.get(session, connection_id).state != ConnectionState.ACTIVE:
        raise Conflict(
            "Access is asked for over an active connection",
            code="connection_not_active",
            fix="Choose another connection, or see why this one is not active.",
        )


def _active_person(session: Session, user_id: str) -> Person:
    found = directory.get_user(session, user_id)
    if not found.active:
        raise Conflict("This person is deactivated", code="user_inactive", fix="Activate the person first.")
    return found


def _errand(row: AccessRequest) -> Errand:
    return Errand(row.id, row.connection_id, row.body.encode(), row.peer_request_id)


def _note(
    session: Session,
    row: AccessRequest,
    action: str,
    actor: Actor,
    after: Mapping[str, Any],
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=SUBJECT,
        subject_id=row.id,
        before=before,
        after=after,
        now=now,
    )
