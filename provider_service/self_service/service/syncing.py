"""Groups of the directory follow the roles: what changed is noted with the change, and told until the directory knows.

What is told is derived from the roles of that moment, over all accounts; so telling it twice, late or out of turn does
no harm, and nothing is lost between the two writes.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.directory.domain import Caller
from provider_service.self_service import store
from provider_service.self_service.domain import (
    CLAIM,
    Claimed,
    Privilege,
    SyncRecord,
    privileges_of,
    require_privilege,
    wait_after,
)
from provider_service.self_service.tables import DirectorySync
from shared.wire.errors import ExchangeError


def owe(session: Session, user_id: str, role: str, *, now: datetime) -> None:
    """Note, with the change of a role, that the directory has to be told about its group."""
    store.owe_sync(session, user_id, role, now)


def owed(session: Session, user_id: str) -> list[str]:
    """Return what the directory is to be told about a person: ids of syncs."""
    return [row.id for row in store.syncs_of(session, user_id)]


def owed_by_now(session: Session, now: datetime, limit: int) -> list[str]:
    """Return the syncs that are due, whoever they are about, the longest due first."""
    return list(store.syncs_due(session, now, limit))


def claim(session: Session, sync_id: str, *, now: datetime) -> Claimed | None:
    """Take a sync over, to carry it out; None where it is done, or somebody else is at it."""
    row = store.sync(session, sync_id)
    if row is None or (row.claimed_until is not None and row.claimed_until > now):
        return None
    row.claimed_until = until = now + CLAIM
    session.flush()
    return Claimed(row.id, row.user_id, row.role, _granted(session, row), row.version, until)


def release_claims(session: Session) -> None:
    """Give back what a process that died was telling the directory, when the only process that tells starts again.

    Should somebody be at it after all, the directory is told twice, which does no harm.
    """
    store.release_syncs(session)


def settle(session: Session, done: Claimed, error: ExchangeError | None, *, now: datetime) -> bool:
    """Record how a sync went. Return whether it is to be carried out again at once, as roles changed meanwhile."""
    row = store.sync(session, done.id)
    if row is None or row.claimed_until != done.until:
        return False
    row.claimed_until = None
    again = row.version != done.version
    if again:
        row.due_at = now
    elif error is None:
        session.delete(row)
    else:
        row.tries += 1
        row.failure = " ".join(part for part in (error.detail, error.cause, error.fix) if part)
        row.due_at = now + wait_after(row.tries, error.retry_after)
    session.flush()
    return again


def list_syncs(session: Session, *, caller: Caller, after: str | None = None, limit: int = 50) -> list[SyncRecord]:
    """Return what the directory does not know yet, in the order it came up. Raises `Forbidden`."""
    require_privilege(privileges_of(caller.roles), Privilege.READ)
    return [_record(session, row) for row in store.syncs(session, after=after, limit=limit)]


def owe_all(session: Session, pairs: Sequence[tuple[str | None, str]], *, now: datetime) -> None:
    """Note several, in one order for everybody, so that no two wait for each other."""
    for user_id, role in sorted({(user_id, role) for user_id, role in pairs if user_id is not None}):
        owe(session, user_id, role, now=now)


def _granted(session: Session, row: DirectorySync) -> bool:
    contact = accounts.contact_of_user(session, row.user_id)
    return contact is not None and store.holds_group(session, contact.id, row.role)


def _record(session: Session, row: DirectorySync) -> SyncRecord:
    return SyncRecord(
        id=row.id,
        user_id=row.user_id,
        role=row.role,
        granted=_granted(session, row),
        tries=row.tries,
        failure=row.failure,
        created_at=row.created_at,
        due_at=row.due_at,
    )
