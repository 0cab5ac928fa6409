"""The handshake ends before its time: cancellation by either side."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.handshakes import domain, store
from consumer_service.handshakes.service import progress, saga
from consumer_service.handshakes.service.saga import Masters, Peer
from consumer_service.provider_connections import service as provider_connections
from shared.delivery import answers, nonces
from shared.delivery.answers import StoredAnswer
from shared.signing.keys import PublicKey
from shared.signing.requests import VerifiedRequest
from shared.wire.errors import Conflict, NotFound
from shared.wire.registration import (
    Cancellation,
    RegistrationStatus,
)
from shared.wire.states import ProviderConnectionState as State
from shared.wire.states import RegistrationState


def cancel(session: Session, *, connection_id: str, reason: str, actor: Actor, now: datetime) -> None:
    """Cancel from our side; a provider that knows of us is told."""
    row = provider_connections.cancel(session, connection_id=connection_id, reason=reason, actor=actor, now=now)
    shake = store.get(session, connection_id, lock=True)
    if shake is not None:
        shake.complete_due_at = shake.code_sealed = None
        shake.notice_due_at = (
            now if shake.nonce_p is not None and row.connection_id is None else None
        )  # a closed one is told by its goodbye


def notices(session: Session, *, masters: Masters, now: datetime) -> list[tuple[str, Peer, str]]:
    """Return (id, provider, reason) of the cancellations to tell, each due again later should the call fail."""
    told = []
    for shake in store.notices_due(session, now):
        row = provider_connections.get(session, shake.provider_connection_id)
        pause = domain.NOTICE_RETRY[min(shake.notice_attempts, len(domain.NOTICE_RETRY) - 1)]
        shake.notice_attempts += 1
        last = shake.notice_attempts >= domain.NOTICE_ATTEMPTS
        shake.notice_due_at = None if last else now + timedelta(seconds=pause)
        told.append((row.id, saga.peer(session, row=row, masters=masters, now=now), row.reason))
    return told


def noticed(session: Session, *, connection_id: str) -> None:
    """The provider knows that we cancelled."""
    saga.found(session, connection_id).notice_due_at = None


def follow(session: Session, *, connection_id: str, told: RegistrationStatus, now: datetime) -> None:
    """The provider says where its registration stands: a closed one ends our side too."""
    row = provider_connections.get(session, connection_id, lock=True)
    going_on = State(row.state) not in {State.ONBOARDED, State.CANCELLED}
    if told.state is RegistrationState.CLOSED_INCOMPLETE and going_on:
        reason = told.reason or "The provider closed the registration"
        provider_connections.cancel(session, connection_id=connection_id, reason=reason, actor=SYSTEM, now=now)


def provider_key(session: Session, number: str, key_id: str, now: datetime) -> tuple[str, PublicKey | None]:
    """Return which provider connection a provider's call is about, by number and key together, and the key.

    Two providers may use the same number; the key tells them apart. Raises `NotFound` for a number nobody uses.
    """
    rows = provider_connections.with_number(session, number)
    if not rows:
        raise NotFound(f"There is no registration {number} here", code="registration_unknown")
    for row in rows:
        if row.discovery is not None:
            known = saga.provider_keys(row, now)
            if key_id in known:
                return row.id, known[key_id]
    return rows[0].id, None


def cancel_by_peer(
    session: Session, *, connection_id: str, request: VerifiedRequest, body: Cancellation, now: datetime
) -> StoredAnswer:
    """The provider cancels; raise `Conflict` (code ``registration_closed``) for what is complete."""
    nonces.remember(session, request.key_id, request.nonce, request.expires)

    def step() -> StoredAnswer:
        row = provider_connections.get(session, connection_id, lock=True)
        reason = body.reason or "Cancelled by the provider"
        if State(row.state) is State.ONBOARDED:
            raise Conflict(
                f"{row.number} is complete",
                code="registration_closed",
                cause="Both sides have acknowledged each other's settings; there is nothing left to cancel.",
                fix="End the connection by a goodbye.",
            )
        provider_connections.cancel(session, connection_id=connection_id, reason=reason, actor=SYSTEM, now=now)
        told = RegistrationStatus(
            number=row.number,
            state=RegistrationState.CLOSED_INCOMPLETE,
            steps=progress.status(session, connection_id),
            reason=reason,
        )
        return StoredAnswer(200, told.model_dump_json())

    return answers.once(
        session,
        owner=f"registration:{connection_id}",
        key=str(request.idempotency_key),
        wanted=answers.fingerprint(request.method, request.target_uri, request.body),
        work=step,
        now_ms=int(now.timestamp() * 1000),
    )


def unfinished(session: Session, *, masters: Masters, now: datetime) -> list[tuple[str, Peer]]:
    """Return the onboardings whose registration at the provider may have been closed meanwhile."""
    return [
        (row.id, saga.peer(session, row=row, masters=masters, now=now))
        for row in provider_connections.unfinished(session)
        if (shake := store.get(session, row.id)) is not None and shake.nonce_p is not None
    ]
