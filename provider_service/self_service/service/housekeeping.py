"""What time does to requests: they expire, and whoever is to act is reminded."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM
from provider_service.mail.domain import Template
from provider_service.self_service import store
from provider_service.self_service.domain import REMIND_AFTER
from provider_service.self_service.service import mailing
from provider_service.self_service.service.parts import move, note
from provider_service.self_service.service.submitting import House
from shared.lifecycle.self_service import Move
from shared.wire.self_service import RequestState

_BATCH = 200


def expire(session: Session, *, house: House, now: datetime) -> int:
    """End the requests whose time is up; the applicants of proven ones are told. Return how many there were."""
    rows = store.expired(session, now, _BATCH)
    for row in rows:
        proven = row.state != RequestState.VERIFYING
        move(session, row, Move.EXPIRE, now)
        row.awaits = None
        note(session, SYSTEM, "self_service_request.expired", row.id, after={"state": row.state}, now=now)
        if proven:
            mailing.tell_applicant(session, row, Template.SELF_SERVICE_EXPIRED, house.name, now)
    return len(rows)


def remind(session: Session, *, house: House, now: datetime) -> int:
    """Remind whoever has to act of the requests that have waited long, once. Return how many there were."""
    rows = store.unreminded(session, now - REMIND_AFTER, _BATCH)
    for row in rows:
        row.reminded_at = now
        if row.state == RequestState.MORE_INFO:
            mailing.tell_applicant(session, row, Template.SELF_SERVICE_QUESTION, house.name, now)
        else:
            mailing.tell_deciders(session, row, house.name, house.issuer, now, reminder=True)
    return len(rows)
