"""Refusals kept for people to see: they stand on the registration until the step succeeds."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.handshakes import domain, store
from provider_service.handshakes.tables import Handshake, RefusedAnnouncement
from provider_service.invitations import service as invitations
from provider_service.registrations import service as registrations
from provider_service.registrations.service import Registration
from shared.wire.errors import ExchangeError
from shared.wire.problems import Problem
from shared.wire.registration import Announcement
from shared.wire.states import RegistrationState as State
from shared.wire.states import Step

TOLD_CHARACTERS = 500
"""Of a refusal before the announcement is believed, whose words may be the caller's."""


def note_refusal(session: Session, *, number: str, step: Step, error: ExchangeError, now: datetime) -> None:
    """Keep a refusal of what the bound consumer asks, unless the registration has come to its connection or its end."""
    shake = store.get(session, number, lock=True)
    going_on = State(registrations.get(session, number).state) is State.WORK_IN_PROGRESS
    if shake is not None and going_on and shake.connection_id is None:
        shake.problem = Problem.from_error(error, 409).to_wire()
        shake.problem_step = step


def note_announcement(
    session: Session, *, number: str, announcement: Announcement, error: ExchangeError, now: datetime
) -> None:
    """Keep the refusal of an announcement that brings a token of ours for this registration, expired or not.

    Strangers write nothing: without such a token nothing is kept. With one it is a single row a registration, and the
    same refusal is written once a minute.
    """
    task = registrations.get(session, number, lock=True)
    if State(task.state) not in {State.OPEN, State.WORK_IN_PROGRESS}:
        return
    if not invitations.is_ours(session, token=announcement.token, number=number):
        return
    shake = store.get(session, number)
    if shake is not None and (shake.instance_id, shake.identity_jkt) == domain.announced_as(announcement):
        note_refusal(session, number=number, step=Step.ANNOUNCEMENT, error=error, now=now)
        return
    told = Problem.from_error(error, 409)
    told.detail = told.detail[:TOLD_CHARACTERS]
    row = store.refused(session, number) or RefusedAnnouncement(number=number, problem={}, refused_at=now)
    shown, _ = standing(session, task, None)
    if domain.worth_noting(shown.code if shown else None, row.refused_at, told.code, now):
        row.problem, row.refused_at = told.to_wire(), now
        session.add(row)


def standing(session: Session, task: Registration, shake: Handshake | None) -> tuple[Problem | None, Step | None]:
    """Return what was last refused and at which step; (None, None) where nothing stands in the way."""
    if shake is not None and shake.problem is not None and shake.problem_step is not None:
        return Problem.model_validate(shake.problem), Step(shake.problem_step)
    row = store.refused(session, task.number)
    if row is None or State(task.state) not in {State.OPEN, State.WORK_IN_PROGRESS}:
        return None, None
    link = invitations.view(session, task.number, row.refused_at)
    if link is not None and link.issued_at > row.refused_at:
        return None, None  # mended: there is a newer link since
    return Problem.model_validate(row.problem), Step.ANNOUNCEMENT
