"""Queries of the instance slice."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from consumer_service.instance.tables import InstanceRow, WorkerBeat
from shared.delivery.statements import Spelled

_IDENTITY = Spelled(select(InstanceRow.instance_id, InstanceRow.epoch))


def identity(session: Session) -> Row[Any] | None:
    """Return instance id and epoch alone, if there is a record; every request between instances asks for them."""
    return _IDENTITY.run(session).one_or_none()


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
