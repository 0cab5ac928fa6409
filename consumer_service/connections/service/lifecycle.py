"""What can happen to a connection: activate, pause, resume, suspend, close; each move audited."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.connections import domain, store
from consumer_service.connections.tables import Connection
from consumer_service.health import service as health
from consumer_service.keys import service as keys
from shared.delivery import peers, reconcile
from shared.delivery.reconcile import Shift
from shared.lifecycle.connection import CONNECTION, Move
from shared.runtime.database import notify
from shared.wire.errors import NotFound
from shared.wire.states import ConnectionState as State
from shared.wire.states import DeliveryMode

Hook = Callable[[Session, str, datetime], None]
"""Told in the transaction of the move: session, connection id, now."""

RenumberingHook = Callable[[Session, str, Collection[str], datetime], Callable[[Mapping[str, Shift]], None]]
"""Told, before anything of delivery is locked, which lanes may get higher numbers; returns what then follows."""


@dataclass(frozen=True, slots=True)
class ConnectionHooks:
    """What higher slices do when a connection becomes active, ends or is reconciled; set by the composition root."""

    activated: list[Hook] = field(default_factory=list)
    closed: list[Hook] = field(default_factory=list)
    renumbering: list[RenumberingHook] = field(default_factory=list)
    """Follow lanes that get higher numbers after a restore."""


NO_HOOKS = ConnectionHooks()


def get(session: Session, connection_id: str, *, lock: bool = False) -> Connection:
    """Return one connection; raise `NotFound` (code ``connection_unknown``)."""
    row = store.find(session, connection_id, lock=lock)
    if row is None:
        raise NotFound("There is no such connection", code="connection_unknown", fix="List the connections.")
    return row


def find(session: Session, connection_id: str) -> Connection | None:
    """Return one connection, or None."""
    return store.find(session, connection_id)


def standing_at(session: Session, issuer: str) -> Connection | None:
    """Return the connection to this address that has not ended, if there is one."""
    return store.standing_at(session, issuer)


def succeeds(session: Session, connection_id: str, before: str) -> bool:
    """Tell whether a connection took the place of a closed one: the same peer, by instance and pinned identity."""
    new, old = get(session, connection_id), get(session, before)
    return State(old.state) is State.CLOSED and _whose(new) == _whose(old)


def successor(session: Session, connection_id: str) -> str:
    """Return the live connection that took the place of a closed one; the connection itself where there is none."""
    row = get(session, connection_id)
    if State(row.state) is not State.CLOSED:
        return row.id
    live = [one for one in store.in_states(session, domain.LIVE) if _whose(one) == _whose(row)]
    return live[-1].id if live else row.id


def _whose(row: Connection) -> tuple[str, ...]:
    return row.peer_issuer, row.peer_instance_id, row.identity_jkt


def active_connections(session: Session) -> list[str]:
    """Return the connections whose peers must know a key of ours before it signs (`keys.service.KeyHooks`)."""
    return store.ids_in(session, domain.LIVE)


def activate(session: Session, row: Connection, hooks: ConnectionHooks, now: datetime) -> None:
    """Let the connection be active once settings are applied in both directions; before that, nothing."""
    ready = row.settings_acknowledged and row.peer_settings is not None
    if not ready or State(row.state) is not State.CONNECTING:
        return
    row.activated_at = row.activated_at or now  # a re-keyed connection has been active since its beginning
    row.keys_due_at = None
    moved(session, row, Move.ACTIVATE, SYSTEM, now)
    for hook in hooks.activated:
        hook(session, row.id, now)


def pause(session: Session, *, connection_id: str, reason: str = "", actor: Actor, now: datetime) -> Connection:
    """Keep messages from crossing in either direction; queues keep. Raises `IllegalMove` unless it is active."""
    row = get(session, connection_id, lock=True)
    moved(session, row, Move.PAUSE, actor, now, reason=reason)
    let_flow(session, row)
    return row


def resume(session: Session, *, connection_id: str, reason: str = "", actor: Actor, now: datetime) -> Connection:
    """Let messages cross again; the peer learns of it by a heartbeat, which ends its back-off.

    Where comparing the marks after a restore has stopped for good, it goes on without.
    """
    row = get(session, connection_id, lock=True)
    moved(session, row, Move.RESUME, actor, now, reason=reason)
    if row.reconciling and row.reconcile_due_at is None and (row.reconciliation or {}).get("problem"):
        row.reconciling = False
        reconcile.finish(session, row.id)
    if row.contest is not None:
        row.contest = {**row.contest, "paused": False}  # what a person pauses later is not the decision's to resume
    let_flow(session, row)
    if row.heartbeat_due_at is not None:
        row.heartbeat_due_at = now
    notify(session, "worker")
    return row


def suspend(
    session: Session,
    *,
    connection_id: str,
    reason: str = "",
    identity_lost: bool = False,
    actor: Actor,
    now: datetime,
) -> Connection:
    """Let nothing cross until the connection is re-keyed: an identity is in doubt. Twice is one effect.

    ``identity_lost``: it is the peer's, so the one that is pinned is never accepted again.
    """
    row = get(session, connection_id, lock=True)
    if State(row.state) is not State.SUSPENDED:
        moved(session, row, Move.SUSPEND, actor, now, reason=reason)
        peers.pause(session, row.id)
    if identity_lost and row.identity_lost_at is None:
        row.identity_lost_at = now
        noted(session, row, "connection.identity_lost", actor, now, after={"identity": row.identity_jkt})
    return row


def suspend_all(session: Session, actor: Actor, now: datetime) -> None:
    """Our own identity is lost: what peers have pinned is worth nothing (`keys.service.KeyHooks.identity_lost`)."""
    for connection_id in store.ids_in(session, domain.LIVE):
        suspend(session, connection_id=connection_id, reason="Our identity was replaced", actor=actor, now=now)


def close(
    session: Session,
    *,
    connection_id: str,
    reason: str,
    actor: Actor,
    now: datetime,
    hooks: ConnectionHooks = NO_HOOKS,
) -> Connection:
    """End the connection and have the peer told; nothing is deleted. Twice is one effect.

    A peer that fetches may take what waits for it and then our goodbye, unless nothing was to cross any more.
    """
    row = get(session, connection_id, lock=True)
    before = State(row.state)
    if before is State.CLOSED:
        return row
    called = domain.called(DeliveryMode(row.delivery))
    silent = before is State.SUSPENDED or row.reconciling
    row.goodbye_due_at = now if called or not silent else None
    _end(session, row, reason, actor, now, hooks)
    if called or silent:
        peers.close(session, row.id)
    else:
        peers.resume(session, row.id)
    notify(session, "worker")
    return row


def closed_by_peer(
    session: Session, *, connection_id: str, reason: str, now: datetime, hooks: ConnectionHooks = NO_HOOKS
) -> Connection:
    """The peer has ended the connection: end it here too. Twice is one effect."""
    row = get(session, connection_id, lock=True)
    if State(row.state) is not State.CLOSED:
        _end(session, row, reason, peer_actor(row), now, hooks)
        peers.close(session, row.id)
    row.goodbye_due_at = None
    return row


def let_flow(session: Session, row: Connection) -> None:
    """Have messages sent, or kept, as the state of the connection says."""
    stopped = row.reconciling or State(row.state) in {State.PAUSED, State.SUSPENDED}
    (peers.pause if stopped else peers.resume)(session, row.id)


def moved(session: Session, row: Connection, move: Move, actor: Actor, now: datetime, *, reason: str = "") -> None:
    """Advance the state by the table and write it down."""
    before = State(row.state)
    after = CONNECTION.advance(before, move)
    row.state = after
    told = {"state": after} | ({"reason": reason[:500]} if reason else {})
    noted(session, row, _ACTIONS[move], actor, now, before={"state": before}, after=told)


def noted(
    session: Session,
    row: Connection,
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Count a change and write it into the audit trail."""
    row.version = (row.version or 0) + 1
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=domain.SUBJECT,
        subject_id=row.id,
        number=row.registration_number,
        before=before,
        after=after,
        now=now,
    )


def peer_actor(row: Connection) -> Actor:
    """Return the peer of a connection as one who acts."""
    return Actor("peer", row.peer_instance_id, row.peer_name, row.peer_issuer)


def milliseconds(now: datetime) -> int:
    """Return an instant in unix milliseconds."""
    return round(now.timestamp() * 1000)


def _end(session: Session, row: Connection, reason: str, actor: Actor, now: datetime, hooks: ConnectionHooks) -> None:
    row.closed_at, row.close_reason, row.closed_by = now, reason[:500], actor.name[:200]
    row.heartbeat_due_at = row.keys_due_at = row.key_set_refresh_at = None
    moved(session, row, Move.CLOSE, actor, now, reason=reason)
    keys.forget(session, connection_id=row.id)
    health.drop_subject(session, subject_type=domain.SUBJECT, subject_id=row.id, now=now)
    for hook in hooks.closed:
        hook(session, row.id, now)


_ACTIONS = {
    Move.ACTIVATE: "connection.activated",
    Move.PAUSE: "connection.paused",
    Move.RESUME: "connection.resumed",
    Move.SUSPEND: "connection.suspended",
    Move.REKEY: "connection.rekeyed",
    Move.CLOSE: "connection.closed",
}
