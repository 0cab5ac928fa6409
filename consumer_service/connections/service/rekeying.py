"""Re-keying: an instance that lost its identity takes its place on the connection again (design: protocol.md).

The connection stays: its id, its queues, its lanes and their numbers. Only what is pinned of the peer is another.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from consumer_service.audit.domain import Actor
from consumer_service.connections import domain
from consumer_service.connections.service.lifecycle import get, let_flow, milliseconds, moved
from consumer_service.connections.service.opening import announce_settings
from consumer_service.connections.service.pinning import enter_epoch, verified
from consumer_service.connections.tables import Connection
from shared.delivery import peers
from shared.lifecycle.connection import Move
from shared.runtime.database import notify
from shared.wire.connection import Settings
from shared.wire.states import ConnectionState, DeliveryMode


def require_rekeyable(
    session: Session, *, connection_id: str, instance_id: str, identity_jkt: str, delivery: str, epoch: int
) -> None:
    """Raise the refusal where this peer cannot take the connection up again.

    Raises `NotFound`, or `Conflict`: ``connection_not_suspended``, ``peer_identity_mismatch``, ``delivery_mismatch``,
    ``identity_given_up``, ``epoch_old``.
    """
    row = get(session, connection_id)
    domain.require_suspended(row.state)
    domain.require_same_peer((instance_id, delivery), (row.peer_instance_id, row.delivery))
    domain.require_identity(identity_jkt, pinned=row.identity_jkt, lost=row.identity_lost_at is not None)
    domain.require_epoch(epoch, row.peer_epoch)


def rekey(
    session: Session,
    *,
    connection_id: str,
    instance_id: str,
    identity_jkt: str,
    key_set: Mapping[str, Any],
    delivery: str,
    epoch: int,
    actor: Actor,
    now: datetime,
) -> Settings:
    """Pin the identity that a new invitation with a confirmed comparison code has brought; return our settings.

    Settings are told again in both directions, and with them everything that waits. Raises as `require_rekeyable`, and
    what refuses the key set.
    """
    row = get(session, connection_id, lock=True)
    require_rekeyable(
        session,
        connection_id=connection_id,
        instance_id=instance_id,
        identity_jkt=identity_jkt,
        delivery=delivery,
        epoch=epoch,
    )
    _pin(row, identity_jkt, key_set, now)
    if epoch > row.peer_epoch:
        enter_epoch(session, row, epoch, now)
    moved(session, row, Move.REKEY, actor, now, reason=f"Identity {identity_jkt}")
    let_flow(session, row)
    peers.wake(session, row.id, milliseconds(now))
    notify(session, "worker")
    return announce_settings(session, connection_id=row.id, now=now)


def abandon(session: Session, *, connection_id: str, reason: str, actor: Actor, now: datetime) -> None:
    """Take a re-keying back that the settings have not completed: the connection is suspended, as it was before."""
    row = get(session, connection_id, lock=True)
    if ConnectionState(row.state) is ConnectionState.CONNECTING:
        moved(session, row, Move.SUSPEND, actor, now, reason=reason)
        peers.pause(session, row.id)


def _pin(row: Connection, identity_jkt: str, key_set: Mapping[str, Any], now: datetime) -> None:
    # A new identity counts its key sets anew; one that stayed never goes back.
    least = row.key_set_sequence if identity_jkt == row.identity_jkt else 0
    statement, pinned = verified(
        key_set, identity_jkt, row.peer_issuer, row.peer_instance_id, now, minimum_sequence=least
    )
    called = domain.called(DeliveryMode(row.delivery))
    row.identity_jkt, row.identity_lost_at = identity_jkt, None
    row.key_set, row.key_set_sequence = statement.model_dump(), pinned.sequence
    row.key_set_refresh_at = domain.refresh_at(pinned, now) if called else None
    row.settings_acknowledged, row.peer_settings = False, None
    row.heartbeat_due_at = now if called else None
    row.beat_failures, row.last_problem = 0, None
    row.keys_due_at, row.keys_attempts = None, 0
