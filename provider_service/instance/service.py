"""Use cases of the provider record: create it once, change what may change, and say which history it lives in."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor, changes
from provider_service.instance import store
from provider_service.instance.domain import CHANGEABLE, STANDING_OF, Beat, Instance, NewInstance, Standing
from provider_service.instance.tables import InstanceRow, WorkerBeat
from shared.runtime.marker import Marker, compare, write_marker
from shared.wire.errors import Conflict, PreconditionFailed
from shared.wire.identifiers import new_id
from shared.wire.states import InstanceType

Hook = Callable[[Session, Actor, datetime], None]
"""What a higher slice does in the same transaction; registered by the composition root."""


def _nothing(_session: Session, _actor: Actor, _now: datetime) -> None:
    """Do nothing: nobody has asked to hear of it."""


@dataclass(frozen=True, slots=True)
class InstanceHooks:
    """What else happens when the record comes to be, changes, or turns out to be a copy or a restore."""

    created: Hook = _nothing
    """Makes the key ring."""
    changed: Hook = _nothing
    """Marks what watches ``instance`` as due for a new check."""
    copied: Hook = _nothing
    """Makes new keys and ends the original's connections here."""
    restored: Hook = _nothing
    """Begins the guided reconcile."""


NO_HOOKS = InstanceHooks()


def get(session: Session) -> Instance | None:
    """Return the record, or None before it is created."""
    row = store.find(session)
    return None if row is None else _read(row)


def require(session: Session) -> Instance:
    """Return the record; raise `Conflict` (code ``instance_missing``) before it is created."""
    found = get(session)
    if found is None:
        raise missing()
    return found


def create(
    session: Session, new: NewInstance, *, issuer: str, actor: Actor, hooks: InstanceHooks, now: datetime
) -> Instance:
    """Create the one record under the canonical ``issuer``; call `mark` after the commit.

    Raises `Conflict` (code ``instance_exists``) when there is one, also when two arrive at once.
    """
    if store.find(session) is not None:
        raise _exists()
    row = InstanceRow(
        id=1, issuer=issuer, instance_id=new_id(), epoch=1, version=1, created_at=now, updated_at=now, **asdict(new)
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # the other one of two that arrived at once
        raise _exists() from error
    _record(session, "instance.created", row, actor, now, after=asdict(_read(row)))
    hooks.created(session, actor, now)
    hooks.changed(session, actor, now)
    return _read(row)


def change(
    session: Session,
    wanted: Mapping[str, Any],
    *,
    expected_version: int | None,
    actor: Actor,
    hooks: InstanceHooks,
    now: datetime,
) -> Instance:
    """Set the members of ``wanted`` (names of `domain.CHANGEABLE`).

    Raises `PreconditionFailed` when ``expected_version`` is given and no longer the present one.
    """
    row = _locked(session)
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(fix="Read the record again, then repeat the change.")
    present = {name: getattr(row, name) for name in wanted if name in CHANGEABLE}
    before, after = changes(present, {name: wanted[name] for name in present})
    if not after:
        return _read(row)
    for name, value in after.items():
        setattr(row, name, value)
    _touch(row, now)
    _record(session, "instance.updated", row, actor, now, before=before, after=after)
    hooks.changed(session, actor, now)
    return _read(row)


def state(session: Session, data_dir: Path) -> Standing:
    """Say how the record stands to the marker in ``data_dir``; anything `Standing.muted` must not act as us."""
    return standing(session, data_dir)[0]


def standing(session: Session, data_dir: Path) -> tuple[Standing, int]:
    """Return the `state`, and the epoch it is in (0 before there is a record)."""
    row = store.identity(session)
    if row is None:
        return Standing.ABSENT, 0
    return STANDING_OF[compare(data_dir, instance_id=row.instance_id, epoch=row.epoch)], row.epoch


def mark(instance: Instance, data_dir: Path) -> None:
    """Write the marker that agrees with ``instance``; a file, so only after the commit and off the event loop."""
    write_marker(data_dir, Marker(instance.instance_id, instance.epoch))


def declare_copy(session: Session, *, actor: Actor, hooks: InstanceHooks, now: datetime) -> Instance:
    """Make this database an instance of its own: new id, new keys, first epoch; call `mark` after the commit."""
    row = _locked(session)
    before = {"instance_id": row.instance_id, "epoch": row.epoch}
    row.instance_id, row.epoch = new_id(), 1
    _touch(row, now)
    after = {"instance_id": row.instance_id, "epoch": row.epoch}
    _record(session, "instance.copied", row, actor, now, before=before, after=after)
    session.flush()
    hooks.copied(session, actor, now)
    hooks.changed(session, actor, now)
    return _read(row)


def declare_restored(session: Session, *, actor: Actor, hooks: InstanceHooks, now: datetime) -> Instance:
    """Begin the next epoch of the same instance; call `mark` after the commit."""
    row = _locked(session)
    row.epoch += 1
    _touch(row, now)
    _record(session, "instance.restored", row, actor, now, before={"epoch": row.epoch - 1}, after={"epoch": row.epoch})
    session.flush()
    hooks.restored(session, actor, now)
    hooks.changed(session, actor, now)
    return _read(row)


def beat(session: Session, *, worker: str, software: str, now: datetime) -> None:
    """Note that ``worker`` is alive; ``software`` is its name and version."""
    row = store.find_beat(session, worker)
    if row is None:
        session.add(WorkerBeat(worker=worker, software=software, beat_at=now))
    else:
        row.software, row.beat_at = software, now


def beats(session: Session) -> list[Beat]:
    """Return every worker's last sign of life, latest first."""
    return [Beat(row.worker, row.software, row.beat_at) for row in store.beats(session)]


def _locked(session: Session) -> InstanceRow:
    row = store.find_locked(session)
    if row is None:
        raise missing()
    return row


def _touch(row: InstanceRow, now: datetime) -> None:
    row.version += 1
    row.updated_at = now


def missing() -> Conflict:
    """Return what to say where there should be a record."""
    return Conflict(
        "This instance has no record yet",
        code="instance_missing",
        cause="Name, type and sender address are stated once, before anything else.",
        fix="Create the record of this instance.",
    )


def _exists() -> Conflict:
    return Conflict(
        "The record of this instance exists already",
        code="instance_exists",
        cause="It is created once; there is never a second.",
        fix="Change the existing record instead.",
    )


def _record(
    session: Session,
    action: str,
    row: InstanceRow,
    actor: Actor,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="instance",
        subject_id=row.instance_id,
        before=before,
        after=None if after is None else {name: _plain(value) for name, value in after.items()},
        now=now,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(row: InstanceRow) -> Instance:
    return Instance(
        name=row.name,
        issuer=row.issuer,
        instance_id=row.instance_id,
        instance_type=InstanceType(row.instance_type),
        epoch=row.epoch,
        sender_address=row.sender_address,
        support_contact=row.support_contact,
        email_enabled=row.email_enabled,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
