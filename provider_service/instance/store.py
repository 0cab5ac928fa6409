"""Queries of the instance slice."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from provider_service.instance.tables import InstanceRow, WorkerBeat


def find(session: Session) -> InstanceRow | None:
    """Return the record, if there is one."""
    return session.scalars(select(InstanceRow)).one_or_none()


def find_locked(session: Session) -> InstanceRow | None:
    """Return the record and keep others from changing it until this transaction ends."""
    return session.scalars(select(InstanceRow).with_for_update()).one_or_none()


def find_beat(session: Session, worker: str) -> WorkerBeat | None:
    """Return the worker's last sign of life."""
    return session.get(WorkerBeat, worker)


def beats(session: Session) -> Sequence[WorkerBeat]:
    """Return every worker's last sign of life, latest first."""
    return session.scalars(select(WorkerBeat).order_by(WorkerBeat.beat_at.desc(), WorkerBeat.worker)).all()
