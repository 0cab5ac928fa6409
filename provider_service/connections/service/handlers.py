"""What messages about the connection do here, and what the peer's verdicts on ours do."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from provider_service.connections.service.lifecycle import (
    ConnectionHooks,
    activate,
    closed_by_peer,
    get,
    noted,
    peer_actor,
)
from provider_service.connections.service.notices import keys_acknowledged
from provider_service.connections.service.pinning import adopt_key_set
from provider_service.connections.tables import Connection
from shared.delivery import outbox, peers
from shared.delivery.inbox import Handler
from shared.delivery.loop import OnSettled
from shared.delivery.settling import Settled
from shared.wire.connection import Goodbye, KeysNotice, Settings
from shared.wire.errors import ExchangeError, Invalid
from shared.wire.messages import Message, OutcomeData, VoidData
from shared.wire.problems import Problem
from shared.wire.states import MessageType, OutcomeKind

_Apply = Callable[[Session, Connection, Message, datetime], None]

MALFORMED = Problem.from_error(
    Invalid("The data is not that of this type", fix="Send the members docs/protocol.md, section 10, lists."), 422
)


def message_handlers(hooks: ConnectionHooks, on_settled: OnSettled | None = None) -> dict[str, Handler]:
    """Return the handlers of every message about the connection itself, by type.

    ``on_settled`` is told of late verdicts as of any other.
    """
    return {
        MessageType.SETTINGS: settings_handler(hooks),
        MessageType.OUTCOME: outcome_handler(on_settled),
        MessageType.KEYS: keys_handler(),
        MessageType.GOODBYE: goodbye_handler(hooks),
        MessageType.VOID: void_handler(),
    }


def settings_handler(hooks: ConnectionHooks) -> Handler:
    """Return the handler that keeps the peer's half of the settings; the last missing half activates."""

    def apply(session: Session, row: Connection, message: Message, now: datetime) -> None:
        settings = Settings.model_validate(message.data)
        row.peer_settings = settings.model_dump(mode="json")
        row.peer_software = settings.software
        peers.limit(session, row.id, settings.limits.bytes_per_request)
        noted(session, row, "connection.settings_received", peer_actor(row), now, after=row.peer_settings)
        activate(session, row, hooks, now)

    return _each(apply)


def keys_handler() -> Handler:
    """Return the handler that pins the peer's newer key set; one that must be refused rejects its message."""

    def apply(session: Session, row: Connection, message: Message, now: datetime) -> None:
        adopt_key_set(session, row, KeysNotice.model_validate(message.data).key_set, now)

    return _each(apply)


def goodbye_handler(hooks: ConnectionHooks) -> Handler:
    """Return the handler that ends the connection because the peer does."""

    def apply(session: Session, row: Connection, message: Message, now: datetime) -> None:
        reason = Goodbye.model_validate(message.data).reason
        closed_by_peer(session, connection_id=row.id, reason=reason, now=now, hooks=hooks)

    return _each(apply)


def void_handler() -> Handler:
    """Return the handler of what the peer could not send: its place in the lane is used up, visibly."""

    def apply(session: Session, row: Connection, message: Message, now: datetime) -> None:
        void = VoidData.model_validate(message.data)
        place = {"message": message.id, "lane": message.lane, "sequence": message.sequence}
        noted(session, row, "message.voided", peer_actor(row), now, after={**place, **void.model_dump()})
        raise Invalid(
            f"The sender withdrew this message of type {void.type!r}",
            code="voided",
            cause=f"{void.code}: {void.detail}",
            fix="Nothing to do here; what it said may come again as a new message.",
        )

    return _each(apply)


def outcome_handler(on_settled: OnSettled | None) -> Handler:
    """Return the handler that settles what the peer had answered ``held``."""

    def apply(session: Session, row: Connection, message: Message, now: datetime) -> None:
        late = OutcomeData.model_validate(message.data)
        settled = outbox.settle_held(session, row.id, late.id, late.outcome, problem=late.problem)
        if settled is not None and on_settled is not None:
            on_settled(session, row.id, [settled], _ms(now))

    return _each(apply)


def settled_reaction(hooks: ConnectionHooks) -> OnSettled:
    """Return what reacts to the peer's verdicts on our messages about the connection."""

    def on_settled(session: Session, connection_id: str, settled: Sequence[Settled], now_ms: int) -> None:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        for message in settled:
            reaction = _REACTIONS.get(message.type)
            if reaction is not None:
                reaction(session, get(session, connection_id, lock=True), message, hooks, now)

    return on_settled


def _settings_settled(
    session: Session, row: Connection, message: Settled, hooks: ConnectionHooks, now: datetime
) -> None:
    if message.outcome is OutcomeKind.APPLIED:
        row.settings_acknowledged = True
        noted(session, row, "connection.settings_acknowledged", peer_actor(row), now)
        activate(session, row, hooks, now)
    elif message.outcome is not OutcomeKind.HELD:
        row.last_problem = message.problem.to_wire() if message.problem else None
        noted(session, row, "connection.settings_refused", peer_actor(row), now, after={"outcome": message.outcome})


def _keys_settled(session: Session, row: Connection, message: Settled, _hooks: ConnectionHooks, now: datetime) -> None:
    if message.outcome is OutcomeKind.APPLIED and message.id == row.keys_message_id:
        keys_acknowledged(session, connection_id=row.id, sequence=row.keys_message_sequence, now=now)


def _goodbye_settled(
    session: Session, row: Connection, _message: Settled, _hooks: ConnectionHooks, _now: datetime
) -> None:
    row.goodbye_due_at = None
    peers.close(session, row.id)


_Reaction = Callable[[Session, Connection, Settled, ConnectionHooks, datetime], None]
_REACTIONS: Mapping[str, _Reaction] = {
    MessageType.SETTINGS: _settings_settled,
    MessageType.KEYS: _keys_settled,
    MessageType.GOODBYE: _goodbye_settled,
}


def _each(apply: _Apply) -> Handler:
    """Apply messages one by one; what an `ExchangeError` or the shape of the data says against one rejects it."""

    def handle(session: Session, connection_id: str, messages: Sequence[Message], now_ms: int) -> list[Problem | None]:
        row = get(session, connection_id, lock=True)
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        return [_verdict(apply, session, row, message, now) for message in messages]

    return handle


def _verdict(apply: _Apply, session: Session, row: Connection, message: Message, now: datetime) -> Problem | None:
    try:
        apply(session, row, message, now)
    except ValidationError:
        return MALFORMED
    except ExchangeError as error:
        return Problem.from_error(error, 422)
    return None


def _ms(now: datetime) -> int:
    return round(now.timestamp() * 1000)
