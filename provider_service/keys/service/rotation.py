"""Replacing keys: stage, tell, activate, retire; and giving one up at once (design: protocol.md)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM, Actor
from provider_service.keys import store
from provider_service.keys.domain import CHANNEL, ROTATABLE, Compromised, Key, SealedColumn, overlap_over, waiting_for
from provider_service.keys.service import publication, ring
from provider_service.keys.service.ring import Masters
from provider_service.keys.tables import KeyRow
from shared.lifecycle.key import KEY, Move
from shared.runtime.database import notify
from shared.wire.errors import Conflict, Invalid
from shared.wire.states import KeyPurpose, KeyState


@dataclass(frozen=True, slots=True)
class KeyHooks:
    """What higher slices know or do; registered by the composition root."""

    active_connections: Callable[[Session], Collection[str]] = lambda _session: ()
    """Returns the ids of the connections whose peers must know a key before it signs."""
    changed: Callable[[Session, Actor, datetime], None] = lambda _session, _actor, _now: None
    """Marks what watches ``keys`` as due for a new check, and wakes whoever tells the peers."""
    identity_lost: Callable[[Session, Actor, datetime], None] = lambda _session, _actor, _now: None
    """Suspends every connection: what its peer has pinned is worth nothing any more."""
    sealed: Sequence[SealedColumn] = ()
    """Every column of envelopes besides the ring's own, for rewrapping."""


NO_HOOKS = KeyHooks()


def ensure_ring(session: Session, masters: Masters, *, actor: Actor, now: datetime) -> None:
    """Make an active key of every purpose that has none, and publish; doing it again changes nothing."""
    number = publication.next_sequence(session)
    missing = [purpose for purpose in KeyPurpose if store.active(session, purpose) is None]
    for purpose in missing:
        ring.make(session, masters, purpose, KeyState.ACTIVE, sequence=number, actor=actor, now=now)
    if missing:
        publication.publish(session, masters, now=now)


def replace_ring(session: Session, masters: Masters, *, actor: Actor, now: datetime) -> None:
    """Give a copy of an instance keys of its own; nobody has acknowledged them. Data keys stay able to open."""
    publication.next_sequence(session)
    for row in store.all_keys(session):
        _end(session, row, actor, now)
    session.flush()
    store.forget(session, None)
    ensure_ring(session, masters, actor=actor, now=now)


def stage(
    session: Session, masters: Masters, purpose: KeyPurpose, *, actor: Actor, hooks: KeyHooks, now: datetime
) -> Key:
    """Begin a rotation: make the next key and publish it before it signs.

    A data key has no peers and is active at once. Raises `Conflict` (code ``rotation_running``) while another one is
    staged, and `Invalid` (code ``not_rotatable``) for the identity, which is re-keyed instead.
    """
    if purpose not in ROTATABLE:
        raise Invalid(
            "An identity is not rotated",
            code="not_rotatable",
            cause="Peers pin it; there is nothing it could be handed over with.",
            fix="Re-key it: every connection is suspended until it has been re-keyed by a new invitation.",
        )
    number = publication.next_sequence(session)
    _refuse_second(session, purpose)
    row = ring.make(session, masters, purpose, KeyState.PRE_ACTIVE, sequence=number, actor=actor, now=now)
    if purpose is KeyPurpose.DATA:
        _activate(session, row, actor, now)
        notify(session, CHANNEL)
    else:
        publication.publish(session, masters, now=now)
    hooks.changed(session, actor, now)
    return ring.read(row)


def rotate(
    session: Session, masters: Masters, purpose: KeyPurpose, *, actor: Actor, hooks: KeyHooks, now: datetime
) -> Key:
    """Begin a rotation and, where no peer has to be told first, end it too; raises as `stage`."""
    staged = stage(session, masters, purpose, actor=actor, hooks=hooks, now=now)
    tend(session, masters, hooks=hooks, now=now)
    return ring.get_key(session, staged.kid)


def waiting(session: Session, *, hooks: KeyHooks) -> dict[str, list[str]]:
    """Return, by the id of every staged key, the connections whose peers have not acknowledged it."""
    acknowledged, active = store.acknowledged(session), hooks.active_connections(session)
    staged = store.in_state(session, KeyState.PRE_ACTIVE)
    return {row.kid: waiting_for(row.staged_sequence, acknowledged, active) for row in staged}


def activate(
    session: Session, masters: Masters, kid: str, *, insist: bool, actor: Actor, hooks: KeyHooks, now: datetime
) -> Key:
    """Let a staged key sign from now on; the one before it goes on verifying for a while.

    Raises `Conflict` (code ``not_acknowledged``) while peers do not know it, unless the operator insists.
    """
    publication.next_sequence(session)
    row = ring.require(session, kid)
    waiting = waiting_for(row.staged_sequence, store.acknowledged(session), hooks.active_connections(session))
    if waiting and not insist:
        raise Conflict(
            f"{len(waiting)} of the connections have not acknowledged this key",
            code="not_acknowledged",
            cause="Their peers would refuse what it signs: " + ", ".join(waiting[:10]),
            fix="Wait until they have, or insist: they then learn of the key when they next fetch the key set.",
            extra={"waiting": len(waiting)},
        )
    _activate(session, row, actor, now)
    publication.publish(session, masters, now=now)
    hooks.changed(session, actor, now)
    return ring.read(row)


def tend(session: Session, masters: Masters, *, hooks: KeyHooks, now: datetime) -> bool:
    """Do what is due: activate what every peer has acknowledged, end overlaps, renew the key set; tell whether any was.

    Called on a timer and after every acknowledgement.
    """
    if store.key_set(session) is None:
        return False
    publication.next_sequence(session)
    acknowledged, active = store.acknowledged(session), hooks.active_connections(session)
    staged = [
        row
        for row in store.in_state(session, KeyState.PRE_ACTIVE)
        if not waiting_for(row.staged_sequence, acknowledged, active)
    ]
    over = [row for row in store.in_state(session, KeyState.RETIRING) if overlap_over(ring.read(row), now)]
    if not (staged or over or publication.renewal_due(session, now=now)):
        return False
    for row in staged:
        _activate(session, row, SYSTEM, now)
    for row in over:
        _move(session, row, Move.END, actor=SYSTEM, now=now)
    publication.publish(session, masters, now=now)
    hooks.changed(session, SYSTEM, now)
    return True


def compromise(
    session: Session, masters: Masters, kid: str, *, reason: str, actor: Actor, hooks: KeyHooks, now: datetime
) -> Compromised:
    """Give up a key somebody else may have: worthless at once, with a successor that signs at once.

    A lost identity suspends every connection (`KeyHooks.identity_lost`). Raises `IllegalMove` for one given up before.
    """
    publication.next_sequence(session)
    row = ring.require(session, kid)
    signed = row.state == KeyState.ACTIVE
    _move(session, row, Move.COMPROMISE, actor=actor, now=now, reason=reason)
    successor = _succeed(session, masters, KeyPurpose(row.purpose), actor, now) if signed else None
    lost = signed and row.purpose == KeyPurpose.IDENTITY
    _tell(session, masters, lost=lost, actor=actor, hooks=hooks, now=now)
    return Compromised(ring.read(row), None if successor is None else ring.read(successor), lost)


def rekey(session: Session, masters: Masters, *, reason: str, actor: Actor, hooks: KeyHooks, now: datetime) -> Key:
    """Replace the identity; every connection is suspended until it is re-keyed by a new invitation."""
    publication.next_sequence(session)
    for row in store.in_state(session, KeyState.ACTIVE, KeyPurpose.IDENTITY):
        _end(session, row, actor, now)
        ring.noted(session, "key.rekeyed", row, actor=actor, now=now, reason=reason)
    successor = _succeed(session, masters, KeyPurpose.IDENTITY, actor, now)
    _tell(session, masters, lost=True, actor=actor, hooks=hooks, now=now)
    return ring.read(successor)


def _tell(session: Session, masters: Masters, *, lost: bool, actor: Actor, hooks: KeyHooks, now: datetime) -> None:
    publication.publish(session, masters, now=now)
    if lost:
        store.forget(session, None)
        hooks.identity_lost(session, actor, now)
    hooks.changed(session, actor, now)


def _refuse_second(session: Session, purpose: KeyPurpose) -> None:
    staged = store.in_state(session, KeyState.PRE_ACTIVE, purpose)
    if staged:
        raise Conflict(
            f"A rotation of the {purpose} key is already under way",
            code="rotation_running",
            cause=f"The key {staged[0].kid} is published and waits to be acknowledged.",
            fix="Wait for it, or activate it insistently.",
            extra={"kid": staged[0].kid},
        )


def _succeed(session: Session, masters: Masters, purpose: KeyPurpose, actor: Actor, now: datetime) -> KeyRow:
    staged = store.in_state(session, KeyState.PRE_ACTIVE, purpose)
    if staged:
        return _activate(session, staged[0], actor, now)
    number = publication.next_sequence(session)
    return ring.make(session, masters, purpose, KeyState.ACTIVE, sequence=number, actor=actor, now=now)


def _activate(session: Session, row: KeyRow, actor: Actor, now: datetime) -> KeyRow:
    KEY.advance(KeyState(row.state), Move.ACTIVATE)
    before = store.active(session, KeyPurpose(row.purpose))
    if before is not None:
        _move(session, before, Move.RETIRE, actor=actor, now=now)
    _move(session, row, Move.ACTIVATE, actor=actor, now=now)
    return row


def _end(session: Session, row: KeyRow, actor: Actor, now: datetime) -> None:
    """Bring a key to its end, whatever state it is in; a data key stays able to open what it sealed."""
    if row.state == KeyState.ACTIVE:
        _move(session, row, Move.RETIRE, actor=actor, now=now)
    if row.purpose != KeyPurpose.DATA and row.state in {KeyState.PRE_ACTIVE, KeyState.RETIRING}:
        _move(session, row, Move.END, actor=actor, now=now)


_ACTIONS = {
    Move.ACTIVATE: "key.activated",
    Move.RETIRE: "key.retired",
    Move.END: "key.ended",
    Move.COMPROMISE: "key.compromised",
}


def _move(session: Session, row: KeyRow, move: Move, *, actor: Actor, now: datetime, reason: str = "") -> None:
    state = KEY.advance(KeyState(row.state), move)
    row.state = state
    if state is KeyState.ACTIVE:
        row.activated_at = now
    elif state is KeyState.RETIRING:
        row.retiring_at = now
    else:
        row.ended_at = now
    session.flush()  # one active key of a purpose at a time: the index is asked at every statement
    ring.noted(session, _ACTIONS[move], row, actor=actor, now=now, reason=reason)
