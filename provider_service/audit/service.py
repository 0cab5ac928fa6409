"""Writing the trail, reading it, and following it as a feed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.audit import store
from provider_service.audit.domain import Actor, Entry, Position, without_secrets
from provider_service.audit.tables import AuditEntry
from shared.wire.errors import Invalid


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: str,
    number: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write one entry in the transaction of the change it tells about."""
    record_many(session, [Entry(actor, action, subject_type, subject_id, number, before, after)], now=now)


def record_many(session: Session, entries: Sequence[Entry], *, now: datetime) -> None:
    """Write many entries of one instant with one statement, past the ORM."""
    if entries:
        store.add(session, [_row(entry, now) for entry in entries])


def trail(
    session: Session, *, before: int | None = None, limit: int = 50, filters: Mapping[str, str | None] | None = None
) -> Sequence[AuditEntry]:
    """Return entries, the newest first. ``filters``: action, subject_type, subject_id, actor_id, number."""
    chosen = {name: value for name, value in (filters or {}).items() if value is not None}
    return store.page(session, before=before, limit=limit, filters=chosen)


def events(
    session: Session,
    *,
    after: str | None = None,
    limit: int = 100,
    actions: Collection[str] = (),
    subject_type: str | None = None,
) -> Sequence[AuditEntry]:
    """Return what happened after the position ``after``, the oldest first, and never skip anything.

    Raises `Invalid` (code ``cursor_invalid``) for a position nobody was given.
    """
    return store.feed(session, after=_position(after), limit=limit, actions=actions, subject_type=subject_type)


def restored(session: Session) -> None:
    """The database was restored, perhaps into a cluster that has counted fewer transactions: the feed goes on."""
    store.go_on_numbering(session)


def position_of(entry: AuditEntry) -> str:
    """Return what to hand to `events` to go on after this entry."""
    return Position(entry.transaction_id, entry.position).to_text()


def _position(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        place = Position.from_text(text)
    except ValueError as error:
        raise Invalid(
            "This is no position of the feed",
            code="cursor_invalid",
            fix="Send the cursor of an earlier answer, or none to begin at the start.",
        ) from error
    return place.transaction, place.entry


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "at": now,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "actor_address": entry.actor.address,
        "action": entry.action,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "number": entry.number,
        "before": without_secrets(entry.before),
        "after": without_secrets(entry.after),
    }
