"""Making a connection at the end of the handshake, and telling our half of the settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM
from provider_service.checks import Subject
from provider_service.connections import domain, store
from provider_service.connections.service.lifecycle import get, milliseconds, noted
from provider_service.connections.service.pinning import verified
from provider_service.connections.tables import Connection
from provider_service.health import service as health
from provider_service.instance import service as instance
from provider_service.instance.domain import CAPABILITIES
from shared.delivery import outbox, peers
from shared.lifecycle.connection import CONNECTION
from shared.runtime.database import notify
from shared.wire.connection import Settings
from shared.wire.discovery import Limits
from shared.wire.states import DeliveryMode, InstanceType, MessageType
from shared.wire.version import PROTOCOL_VERSION, SOFTWARE_NAME, SOFTWARE_VERSION


def open_connection(
    session: Session,
    *,
    connection_id: str,
    company_id: str,
    registration_number: str,
    peer_name: str,
    peer_issuer: str,
    peer_instance_id: str,
    peer_instance_type: InstanceType | str,
    peer_epoch: int,
    identity_jkt: str,
    key_set: Mapping[str, Any],
    delivery: DeliveryMode,
    environment: str = "",
    now: datetime,
) -> Settings:
    """Pin the peer and queue our settings; return them. The same id again changes nothing.

    ``key_set`` is the peer's signed statement. Raises what refuses it.
    """
    if store.find(session, connection_id, lock=True) is not None:
        return agreed_settings(session, delivery)
    statement, pinned = verified(key_set, identity_jkt, peer_issuer, peer_instance_id, now)
    called = domain.called(delivery)
    row = Connection(
        id=connection_id,
        company_id=company_id,
        registration_number=registration_number,
        environment=environment,
        peer_name=peer_name,
        peer_issuer=peer_issuer,
        peer_instance_id=peer_instance_id,
        peer_instance_type=str(InstanceType(peer_instance_type)),
        peer_epoch=peer_epoch,
        identity_jkt=identity_jkt,
        key_set=statement.model_dump(),
        key_set_sequence=pinned.sequence,
        key_set_refresh_at=domain.refresh_at(pinned, now) if called else None,
        delivery=delivery.value,
        state=CONNECTION.initial,
        opened_at=now,
        heartbeat_due_at=now if called else None,
        version=0,
    )
    return _begin(session, row, now)


def agreed_settings(session: Session, delivery: DeliveryMode) -> Settings:
    """Return our half of what is agreed on a connection."""
    own = instance.require(session)
    return Settings(
        name=own.name,
        instance_type=own.instance_type,
        software=f"{SOFTWARE_NAME}/{SOFTWARE_VERSION}",
        versions=[PROTOCOL_VERSION],
        capabilities=list(CAPABILITIES),
        delivery=delivery,
        limits=Limits(),
    )


def announce_settings(session: Session, *, connection_id: str, now: datetime) -> Settings:
    """Queue our settings for the peer: the first message of a connection, and again whenever they change."""
    row = get(session, connection_id)
    settings = agreed_settings(session, DeliveryMode(row.delivery))
    outbox.enqueue(
        session,
        connection_id=connection_id,
        lane=domain.CONTROL_LANE,
        type=MessageType.SETTINGS,
        subject="",
        data_json=settings.model_dump_json(exclude_none=True),
        now_ms=milliseconds(now),
    )
    notify(session, "worker")
    return settings


def _begin(session: Session, row: Connection, now: datetime) -> Settings:
    """Keep the row, make room for its messages, have it checked from now on, and queue our settings."""
    session.add(row)
    noted(session, row, "connection.opened", SYSTEM, now, after={"peer": row.peer_name, "issuer": row.peer_issuer})
    called = domain.called(DeliveryMode(row.delivery))
    peers.register(session, row.id, DeliveryMode.PUSH if called else DeliveryMode.PULL)
    health.store_findings(session, subject=Subject(domain.SUBJECT, row.id), results=[], now=now)
    return announce_settings(session, connection_id=row.id, now=now)
