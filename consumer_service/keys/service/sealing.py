"""Sealing what other slices keep secret, and moving the ring under a new master key.

Secrets of the application are sealed under data keys, data keys under a master key: replacing the master key touches
the ring alone.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import Actor
from consumer_service.keys import store
from consumer_service.keys.service import publication, ring
from consumer_service.keys.service.ring import Masters
from shared.signing import envelopes
from shared.signing.envelopes import MasterKey
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
