"""The pre-onboarding scan of a task: when it is due, and what its findings decide."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.checks import THIS_INSTANCE
from provider_service.health import service as health
from provider_service.health.domain import Issue
from provider_service.invitations import service as invitations
from provider_service.registrations import domain, store
from provider_service.registrations.service import links, tasks
from provider_service.registrations.service.tasks import SUBJECT, Masters
from provider_service.registrations.tables import Registration
from shared.lifecycle.registration import Move
from shared.runtime.database import notify
from shared.wire.states import RegistrationState as State

RESCAN = timedelta(minutes=1)
"""A task that failed validation is looked at again this often, besides on every change that may matter to it."""
SCAN_LEASE = timedelta(seconds=60)
"""A scan that has not reported by then is run again."""


def validate(session: Session, *, number: str, actor: Actor, now: datetime) -> Registration:
    """Ask for the pre-onboarding scan now."""
    task = tasks.get(session, number, lock=True)
    domain.require_before_announcement(task.state, number)
    task.scan_due_at = now
    audit.record(
        session,
        actor=actor,
        action="registration.validation_requested",
        subject_type=SUBJECT,
        subject_id=number,
        number=number,
        now=now,
    )
    notify(session, "worker")
    return task


def claim_scans(session: Session, *, now: datetime, limit: int = 10) -> list[str]:
    """Take the tasks whose scan is due; each is due again after the lease unless `conclude_scan` comes first."""
    tasks = store.scans_due(session, now, limit)
    for task in tasks:
        task.scan_due_at = now + SCAN_LEASE
    return [task.number for task in tasks]


def blocking(session: Session, number: str) -> list[Issue]:
    """Return what keeps a task from going on: its own issues, and those of this instance."""
    own = health.blocking(session, subject_type=SUBJECT, subject_id=number)
    return own + health.blocking(session, subject_type=THIS_INSTANCE.type, subject_id=THIS_INSTANCE.id)


def conclude_cleared(session: Session, *, masters: Masters, now: datetime) -> list[str]:
    """Let issues that came or went outside a scan decide; return the numbers of the tasks that moved.

    A failed task goes on by itself once nothing blocks it any more, whoever resolved it (seed). An open one fails when
    one of its own preconditions breaks; a passing fault of this instance does not take its link away.
    """
    moved = [task.number for task in store.waiting(session) if _is_decided_otherwise(session, task)]
    for number in moved:
        conclude_scan(session, number=number, masters=masters, now=now)
    return moved


def _is_decided_otherwise(session: Session, task: Registration) -> bool:
    return _is_blocked(session, task) is not (State(task.state) is State.VALIDATION_FAILED)


def _is_blocked(session: Session, task: Registration) -> bool:
    if State(task.state) is State.OPEN:
        return bool(health.blocking(session, subject_type=SUBJECT, subject_id=task.number))
    return bool(blocking(session, task.number))


def conclude_scan(session: Session, *, number: str, masters: Masters, now: datetime) -> Registration:
    """Let the scan's stored findings decide: invite, or fail; called when they have been stored."""
    task = tasks.get(session, number, lock=True)
    task.scanned_at = now
    task.scan_due_at = None
    if State(task.state) not in domain.SCANNED:
        return task
    if _is_blocked(session, task):
        task.scan_due_at = now + RESCAN
        _fail(session, task, now)
    elif State(task.state) is not State.OPEN:
        tasks.move(session, task, Move.PASS, SYSTEM, now)
        links.invite(session, number=number, masters=masters, actor=SYSTEM, now=now)
    return task


def _fail(session: Session, task: Registration, now: datetime) -> None:
    if State(task.state) is not State.VALIDATION_FAILED:
        invitations.void(session, task.number)
        tasks.move(session, task, Move.FAIL, SYSTEM, now)
