"""How connections do, for the API, the console and the checks."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from consumer_service.connections import domain, store
from consumer_service.connections.domain import Vitals
from consumer_service.connections.schemas import ConnectionDetail, ConnectionView, MessageView, QuotaUse, RoundTrip
from consumer_service.connections.service.lifecycle import get, milliseconds
from consumer_service.connections.service.pinning import keys_of
from consumer_service.connections.tables import Connection
from shared.delivery import figures as delivery
from shared.delivery import usage
from shared.delivery.figures import Figures
from shared.wire.connection import Settings
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState, DeliveryMode, InstanceType, LinkStatus

NONE_YET = Figures(
    queued=0,
    oldest_unsent_at=None,
    sent_in_24_h=0,
    received_in_24_h=0,
    held=0,
    quarantined=0,
    failures=0,
    next_attempt_at=0,
    paused=False,
    closed=False,
    last_contact_at=None,
    last_exchange_at=None,
    problem=None,
)


def list_connections(
    session: Session,
    *,
    states: Collection[str] = (),
    before: str | None = None,
    limit: int = 50,
    now: datetime,
) -> list[ConnectionView]:
    """Return connections, the newest first, older than the id ``before``."""
    rows = store.page(session, states=states, before=before, limit=limit)
    return [overview(session, row, now) for row in rows]


def overview(session: Session, row: Connection, now: datetime) -> ConnectionView:
    """Return what a list shows of a connection."""
    figures = delivery.figures(session, row.id, milliseconds(now)) or NONE_YET
    return ConnectionView.model_validate(_overview(row, figures, now))


def detail(session: Session, *, connection_id: str, now: datetime) -> ConnectionDetail:
    """Return everything that is known of a connection; raise `NotFound`."""
    row = get(session, connection_id)
    figures = delivery.figures(session, row.id, milliseconds(now)) or NONE_YET
    problem = Problem.model_validate(row.last_problem) if row.last_problem else figures.problem
    return ConnectionDetail.model_validate(
        {
            **_overview(row, figures, now),
            **{name: getattr(row, name) for name in _TAKEN},
            "identity_thumbprint": row.identity_jkt,
            "key_set_expires_at": datetime.fromtimestamp(keys_of(row).expires, UTC),
            "peer_settings": Settings.model_validate(row.peer_settings) if row.peer_settings else None,
            "sent_in_24_h": figures.sent_in_24_h,
            "received_in_24_h": figures.received_in_24_h,
            "held": figures.held,
            "quarantined": figures.quarantined,
            "oldest_unsent_at": _instant(figures.oldest_unsent_at),
            "last_exchange_at": _instant(figures.last_exchange_at),
            "last_contact_at": _instant(figures.last_contact_at),
            "next_attempt_at": _instant(figures.next_attempt_at or None),
            "problem": problem,
            "quota_use": _quota_use(session, row, now),
            "beats": [
                RoundTrip.model_validate(beat, from_attributes=True)
                for beat in store.beats(session, row.id, now - timedelta(hours=24))
            ],
        }
    )


def _quota_use(session: Session, row: Connection, now: datetime) -> QuotaUse:
    used = usage.used(session, row.id, milliseconds(now))
    return QuotaUse(
        octets=used.octets,
        new_lanes=used.new_lanes,
        refused=used.refused,
        last_refused=used.last_refused,
        last_refused_at=_instant(used.last_refused_at),
    )


def messages(
    session: Session,
    *,
    connection_id: str,
    direction: Literal["out", "in"],
    status: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[MessageView]:
    """Return the log of one direction, the newest first; raise `NotFound`."""
    get(session, connection_id)
    read = store.sent if direction == "out" else store.received
    rows = read(session, connection_id, status=status, before=before, limit=limit)
    return [
        MessageView(
            id=row.id,
            direction=direction,
            lane=row.lane,
            sequence=row.sequence,
            type=row.type,
            subject=row.subject,
            status=row.status,
            attempts=row.attempts,
            at=datetime.fromtimestamp(row.at / 1000, UTC),
            problem=Problem.model_validate_json(row.problem) if row.problem else None,
        )
        for row in rows
    ]


def sending(row: Connection, figures: Figures, now: datetime) -> LinkStatus:
    """Return how the direction to the peer does; a peer that fetches is judged by its visits."""
    called = domain.called(DeliveryMode(row.delivery))
    oldest = _instant(figures.oldest_unsent_at)
    heard = [row.last_out_at, _instant(figures.last_exchange_at)] if called else [_instant(figures.last_contact_at)]
    vitals = Vitals(
        heard_at=max((at for at in heard if at is not None), default=None),
        failures=max(figures.failures, row.beat_failures) if called else 0,
        round_trip=timedelta(milliseconds=row.round_trip_ms or 0),
        oldest=now - oldest if oldest is not None else timedelta(0),
    )
    return domain.status(vitals, now)


def receiving(row: Connection, figures: Figures, now: datetime) -> LinkStatus:
    """Return how the direction from the peer does."""
    heard = [row.last_in_at, _instant(figures.last_contact_at)]
    return domain.status(Vitals(max((at for at in heard if at is not None), default=None)), now)


def _overview(row: Connection, figures: Figures, now: datetime) -> dict[str, object]:
    ended = ConnectionState(row.state) is ConnectionState.CLOSED
    return {
        **{name: getattr(row, name) for name in _LISTED},
        "peer_instance_type": InstanceType(row.peer_instance_type),
        "sending": LinkStatus.UNKNOWN if ended else sending(row, figures, now),
        "receiving": LinkStatus.UNKNOWN if ended else receiving(row, figures, now),
        "queued": figures.queued,
    }


def _instant(unix_ms: int | None) -> datetime | None:
    return None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC)


_LISTED = (
    "id", "registration_number", "environment", "peer_name", "peer_issuer", "delivery", "state",
    "opened_at", "activated_at", "closed_at", "version",
)  # fmt: skip
_TAKEN = (
    "peer_instance_id", "peer_epoch", "peer_software", "key_set_sequence", "settings_acknowledged", "close_reason",
    "closed_by", "identity_lost_at", "contest", "reconciling", "peer_restored", "reconciliation",
    "round_trip_ms", "skew_ms", "last_out_at", "last_in_at",
)  # fmt: skip
