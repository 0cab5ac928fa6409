"""The handshake ends before its time: reset, expiry, cancellation by either side."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM, Actor
from provider_service.authorizations import service as authorizations
from provider_service.handshakes import domain, store
from provider_service.handshakes.service import saga
from provider_service.keys import service as keys
from provider_service.registrations import service as registrations
from shared.delivery.answers import StoredAnswer
from shared.signing.envelopes import MasterKey
from shared.signing.keys import PrivateKey, PublicKey
from shared.signing.requests import VerifiedRequest
from shared.wire.problems import Problem
from shared.wire.registration import (
    Cancellation,
)
from shared.wire.states import DeliveryMode, KeyPurpose, Step


def cancel_by_peer(
    session: Session, *, number: str, request: VerifiedRequest, body: Cancellation, now: datetime
) -> StoredAnswer:
    """The consumer cancels."""

    def step() -> BaseModel:
        shake = store.get(session, number, lock=True)
        actor = saga.peer(shake) if shake else SYSTEM
        registrations.cancel(
            session, number=number, reason=body.reason or "Cancelled by the consumer", actor=actor, now=now
        )
        if shake is not None:
            shake.deadline_at = shake.notice_due_at = None
        return saga.status(session, number)

    return saga.once(session, number, request, step, now)


def reset(session: Session, *, number: str, actor: Actor, why: str, now: datetime) -> None:
    """Put the handshake back to its start; the link works again until it expires."""
    registrations.reset(session, number=number, actor=actor, why=why, now=now)
    authorizations.forget(session, number)
    store.forget(session, number)


def expire(session: Session, *, now: datetime) -> int:
    """Reset every handshake whose time is up; returns how many."""
    overdue = store.overdue(session, now)
    for shake in overdue:
        reset(session, number=shake.number, actor=SYSTEM, why="the consumer did not complete in time", now=now)
    return len(overdue)


def cancel(session: Session, *, number: str, reason: str, actor: Actor, now: datetime) -> None:
    """Cancel from our side; a consumer that announced itself is told."""
    task = registrations.cancel(session, number=number, reason=reason, actor=actor, now=now)
    shake = store.get(session, number, lock=True)
    if shake is not None:
        shake.deadline_at = None
        if shake.delivery == DeliveryMode.PUSH and task.connection_id is None:  # a closed one is told by its goodbye
            shake.notice_due_at = now


def notices(
    session: Session, *, masters: Mapping[str, MasterKey], now: datetime
) -> list[tuple[str, str, str, PrivateKey, Mapping[str, PublicKey]]]:
    """Return (number, consumer URL, reason, our key, its keys) of the cancellations to tell, due again later."""
    told = []
    for shake in store.notices_due(session, now):
        task = registrations.get(session, shake.number)
        shake.notice_due_at = domain.next_notice(shake.notice_attempts, now)
        shake.notice_attempts += 1
        keys_known = saga.keys_of(session, shake.number, now)
        signer = keys.signer(session, masters, KeyPurpose.HTTP)
        told.append((shake.number, task.consumer_url, task.reason, signer, keys_known))
    return told


def outlived(session: Session, *, number: str, problem: Problem, now: datetime) -> None:
    """The consumer says that it is complete there: show that its side stands, to whoever looks at the task."""
    shake = store.get(session, number, lock=True)
    if shake is not None:
        shake.problem, shake.problem_step = problem.to_wire(), Step.SETTINGS
    text = f"Cancelled here, but complete at the consumer ({problem.detail}). Ask its administrator to disconnect."
    registrations.write_entry(session, number=number, kind="work_note", text=text, actor=SYSTEM, now=now)


def noticed(session: Session, *, number: str) -> None:
    """The consumer knows that we cancelled."""
    shake = store.get(session, number, lock=True)
    if shake is not None:
        shake.notice_due_at = None
