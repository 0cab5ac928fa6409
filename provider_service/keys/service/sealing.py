"""Sealing what other slices keep secret, and moving what is sealed under a master key under a new one.

Secrets that last are sealed under data keys, data keys under a master key: of these, replacing the master key touches
the ring alone. What lives for days (tokens, codes) is sealed under a master key directly, and moved by batches.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.keys import store
from provider_service.keys.domain import Batch, Rewrapped, SealedColumn
from provider_service.keys.service import publication, ring
from provider_service.keys.service.ring import Masters
from shared.signing import envelopes
from shared.signing.envelopes import MasterKey
from shared.signing.errors import EnvelopeRefused
from shared.wire.errors import Unavailable
from shared.wire.states import KeyPurpose


def seal(
    session: Session, masters: Masters, plaintext: bytes, *, table: str, row: str, column: str, version: int = 1
) -> str:
    """Seal ``plaintext`` for one place under the active data key; raise `Unavailable` while there is none."""
    found = store.active(session, KeyPurpose.DATA)
    if found is None:
        raise Unavailable("This instance has no data key yet", code="keys_missing", fix="Create the instance's record.")
    key = MasterKey(found.kid, ring.open_secret(found, masters))
    return envelopes.seal(plaintext, master=key, version=version, table=table, row=row, column=column)


def open_sealed(session: Session, masters: Masters, text: str, *, table: str, row: str, column: str) -> bytes:
    """Return what `seal` closed for the same place, whichever data key it was; raise `EnvelopeRefused`."""
    found = store.find(session, envelopes.sealed_under(text))
    keys = {} if found is None else {found.kid: MasterKey(found.kid, ring.open_secret(found, masters))}
    return envelopes.open_sealed(text, masters=keys, table=table, row=row, column=column)


BATCH: Final = 200
"""Envelopes moved in one transaction, so that nobody waits for long."""


def rewrap_batch(
    session: Session, masters: Masters, place: SealedColumn, *, after: str = "", limit: int = BATCH
) -> Batch:
    """Wrap the next envelopes of a column under the first of ``masters``; those under data keys stay.

    Doing it again, or at the same time as somebody else, changes nothing more; what was changed meanwhile is left to
    the one who changed it.
    """
    target = next(iter(masters.values()))
    found = store.sealed(session, place.names, besides=f"sx1.{target.name}.", after=after, limit=limit)
    moved = left = 0
    for row, envelope in found:
        try:
            name = envelopes.sealed_under(envelope)
            if name not in masters and store.find(session, name) is not None:
                continue
            new = envelopes.rewrap(
                envelope, masters=masters, master=target, table=place.table, row=row, column=place.column
            )
        except EnvelopeRefused:
            left += 1
            continue
        moved += store.swap_sealed(session, place.names, row, old=envelope, new=new)
    return Batch(moved, left, found[-1][0] if len(found) == limit else None)


def rewrapped(session: Session, result: Rewrapped, masters: Masters, *, actor: Actor, now: datetime) -> None:
    """Write into the audit trail what was moved besides the ring."""
    counts = {name: count for name, count in result.moved.items() if count}
    if counts:
        after = {"master_key": next(iter(masters)), **counts}
        audit.record(
            session, actor=actor, action="secrets.rewrapped", subject_type="key", subject_id="all", after=after, now=now
        )


def rewrap(session: Session, masters: Masters, *, actor: Actor, now: datetime) -> int:
    """Wrap every key under the first of its master keys, the identity under its own; return how many were not yet.

    Needs no downtime: processes that still seal under the old one go on opening both. Raises `EnvelopeRefused`, and
    changes nothing, when one of them cannot be opened.
    """
    publication.next_sequence(session)
    due = [row for row in store.all_keys(session) if ring.rewrap(row, masters)]
    if due:
        session.flush()
        after = {"master_key": next(iter(masters)), "keys": len(due)}
        audit.record(
            session, actor=actor, action="keys.rewrapped", subject_type="key", subject_id="all", after=after, now=now
        )
    return len(due)
