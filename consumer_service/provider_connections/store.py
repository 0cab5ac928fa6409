"""Queries of provider connections."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from consumer_service.provider_connections.tables import ProviderConnection
from shared.wire.states import ProviderConnectionState


def get(session: Session, connection_id: str, *, lock: bool = False) -> ProviderConnection | None:
    """Return a provider connection, its row locked where asked."""
    query = select(ProviderConnection).where(ProviderConnection.id == connection_id)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def live_at(session: Session, issuer: str) -> ProviderConnection | None:
    """Return the live provider connection to an address, if there is one."""
    query = select(ProviderConnection).where(
        ProviderConnection.provider_issuer == issuer,
        ProviderConnection.live.is_(True),
        ProviderConnection.rekeys.is_(None),
    )
    return session.scalars(query).one_or_none()


def rekeying(session: Session, connection_id: str) -> ProviderConnection | None:
    """Return the live row that gives a connection other keys, if there is one."""
    query = select(ProviderConnection).where(
        ProviderConnection.rekeys == connection_id, ProviderConnection.live.is_(True)
    )
    return session.scalars(query).one_or_none()


def by_number(session: Session, number: str) -> Sequence[ProviderConnection]:
    """Return the provider connections whose provider gave the registration this number, live ones first."""
    query = select(ProviderConnection).where(ProviderConnection.number == number)
    return session.scalars(query.order_by(ProviderConnection.live.desc(), ProviderConnection.id.desc())).all()


def live_for(session: Session, connection_id: str) -> Sequence[ProviderConnection]:
    """Return the live rows that made an established connection or give it other keys, locked."""
    concerned = or_(ProviderConnection.connection_id == connection_id, ProviderConnection.rekeys == connection_id)
    query = select(ProviderConnection).where(concerned, ProviderConnection.live.is_(True))
    return session.scalars(query.order_by(ProviderConnection.id).with_for_update()).all()


def page(session: Session, *, before: str | None, limit: int, state: str | None) -> Sequence[ProviderConnection]:
    """Return provider connections, newest first, below the id ``before``."""
    query = select(ProviderConnection).order_by(ProviderConnection.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ProviderConnection.id < before)
    if state is not None:
        query = query.where(ProviderConnection.state == state)
    return session.scalars(query).all()


def scans_due(session: Session, now: datetime, limit: int) -> Sequence[ProviderConnection]:
    """Return provider connections whose scan is due, those locked by another worker left out."""
    query = (
        select(ProviderConnection)
        .where(ProviderConnection.scan_due_at <= now, ProviderConnection.live.is_(True))
        .order_by(ProviderConnection.scan_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def failed(session: Session) -> Sequence[ProviderConnection]:
    """Return live provider connections that failed validation."""
    query = select(ProviderConnection).where(
        ProviderConnection.state == ProviderConnectionState.VALIDATION_FAILED, ProviderConnection.live.is_(True)
    )
    return session.scalars(query.order_by(ProviderConnection.id).limit(200)).all()


def unfinished(session: Session) -> Sequence[ProviderConnection]:
    """Return live provider connections that are validated and not yet onboarded."""
    query = select(ProviderConnection).where(
        ProviderConnection.state == ProviderConnectionState.VALIDATED, ProviderConnection.live.is_(True)
    )
    return session.scalars(query.order_by(ProviderConnection.id).limit(200)).all()


def with_token(session: Session, issuer: str) -> Sequence[ProviderConnection]:
    """Return the rows of this provider that still hold a registration token."""
    query = select(ProviderConnection).where(
        ProviderConnection.provider_issuer == issuer, ProviderConnection.token_sealed.isnot(None)
    )
    return session.scalars(query.order_by(ProviderConnection.id)).all()
