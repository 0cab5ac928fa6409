"""What is pinned of a peer: its key set, its epoch; and that it was heard."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from consumer_service.connections import domain, store
from consumer_service.connections.domain import PeerKeys
from consumer_service.connections.service import histories
from consumer_service.connections.service.lifecycle import milliseconds, noted, peer_actor
from consumer_service.connections.tables import Connection
from shared.delivery import peers
from shared.runtime.database import notify
from shared.signing.errors import KeySetRolledBack
from shared.signing.keysets import read_key_set
from shared.wire.discovery import KeySet, SignedStatement
from shared.wire.states import DeliveryMode


@lru_cache(maxsize=2048)
def _parsed(payload: str) -> PeerKeys:
    """Named by the whole payload, so no entry ever goes stale."""
    return domain.peer_keys({"payload": payload})


def keys_in(key_set: str) -> PeerKeys:
    """Return the http keys of a key set as the database keeps it."""
    return _parsed(json.loads(key_set)["payload"])


def keys_of(row: Connection) -> PeerKeys:
    """Return the peer's http keys as pinned; parsed once a key set."""
    return _parsed(row.key_set["payload"])


def verified(
    key_set: Mapping[str, Any],
    identity_jkt: str,
    issuer: str,
    instance_id: str,
    now: datetime,
    *,
    minimum_sequence: int = 0,
) -> tuple[SignedStatement, KeySet]:
    """Return a key set to be pinned with its content; raise what refuses it."""
    statement = SignedStatement.model_validate(dict(key_set))
    pinned = read_key_set(
        statement, pinned_jkt=identity_jkt, minimum_sequence=minimum_sequence, now=int(now.timestamp())
    )
    domain.require_key_set_of(pinned, issuer=issuer, instance_id=instance_id)
    return statement, pinned


def adopt_key_set(session: Session, connection: Connection, statement: SignedStatement, now: datetime) -> KeySet:
    """Pin the peer's newer key set; the one pinned already changes nothing (docs/protocol.md, section 3).

    Raises `StatementRefused` and its kind: ``key_set_sequence`` for a lower sequence, or the same with other content;
    `Conflict` (code ``peer_identity_mismatch``). ``connection`` is locked by the caller.
    """
    key_set = read_key_set(
        statement,
        pinned_jkt=connection.identity_jkt,
        minimum_sequence=connection.key_set_sequence,
        now=int(now.timestamp()),
    )
    domain.require_key_set_of(key_set, issuer=connection.peer_issuer, instance_id=connection.peer_instance_id)
    if domain.called(DeliveryMode(connection.delivery)):
        connection.key_set_refresh_at = domain.refresh_at(key_set, now)
    if key_set.sequence == connection.key_set_sequence:
        if not domain.same_statement(connection.key_set, statement):
            raise KeySetRolledBack(f"Its sequence {key_set.sequence} has been seen with other content")
        return key_set
    before = connection.key_set_sequence
    connection.key_set, connection.key_set_sequence = statement.model_dump(), key_set.sequence
    noted(
        session,
        connection,
        "connection.key_set_adopted",
        peer_actor(connection),
        now,
        before={"sequence": before},
        after={"sequence": key_set.sequence},
    )
    return key_set


def adopt_epoch(session: Session, connection_id: str, epoch: int, now: datetime) -> None:
    """Follow the peer into a higher epoch; raise `Conflict` (code ``epoch_old``) for a lower one."""
    row = store.find(session, connection_id, lock=True)
    if row is None or epoch == row.peer_epoch:
        return
    domain.require_epoch(epoch, row.peer_epoch)
    enter_epoch(session, row, epoch, now)


def enter_epoch(session: Session, row: Connection, epoch: int, now: datetime) -> None:
    """The peer was restored: what was said before counts no more, and marks are to be compared; ``row`` is locked."""
    before = row.peer_epoch
    row.peer_epoch, row.peer_restored = epoch, True
    histories.forget(session, row, now)
    if DeliveryMode(row.delivery) is DeliveryMode.PULL and domain.called(DeliveryMode.PULL):
        row.reconcile_due_at, row.reconcile_attempts = now, 0  # the restored side cannot ask us
        notify(session, "worker")
    noted(
        session,
        row,
        "connection.peer_restored",
        peer_actor(row),
        now,
        before={"epoch": before},
        after={"epoch": epoch},
    )


def note_contact(session: Session, connection_id: str, now: datetime, *, sending: bool = False) -> None:
    """The peer reached us, authenticated: it is there, and what waits for it is tried at once.

    While it is ``sending``, once a second.
    """
    if peers.contact(session, connection_id, milliseconds(now), sending=sending):
        notify(session, "worker")
