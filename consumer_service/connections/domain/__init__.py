"""Who the peer is, how often to say hello, and how a direction does: values and pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.signing.encoding import from_base64url
from shared.signing.keys import PublicKey
from shared.wire.discovery import KeySet, SignedStatement
from shared.wire.errors import Conflict, Forbidden, Gone, Unavailable
from shared.wire.states import ConnectionState, DeliveryMode, KeyPurpose, KeyState, LinkStatus

CONTROL_LANE: Final = "connection"
"""Lane of everything about the connection itself (docs/protocol.md, section 10)."""

SUBJECT: Final = "connection"
"""Type of subject in the audit trail and of the checks."""

PAUSE_SECONDS: Final = 60
"""What a peer is told to wait while its connection is paused."""

LIVE: Final = (ConnectionState.CONNECTING, ConnectionState.ACTIVE, ConnectionState.PAUSED)
"""States in which the two sides talk."""

COUNTING: Final = frozenset({KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.RETIRING})
"""States in which a peer's signature counts; it may have activated a key before we heard of it (section 3)."""

SLOW_AFTER: Final = timedelta(minutes=15)
DOWN_AFTER: Final = timedelta(hours=1)
"""Silence, round trip or age of the oldest message that make a direction slow, and silence that makes it down."""

FAST_SECONDS: Final = 5
BUSY_SECONDS: Final = 10
IDLE_SECONDS: Final = (5, 60, 900)
"""Pauses between heartbeats: while connecting or failing; with work queued; idle at least, by default, and at most."""

CALL_LEASE: Final = timedelta(seconds=30)
"""How long whoever took a due call has for it, before another worker takes it."""

FAREWELL_LOOK: Final = timedelta(seconds=5)
"""How soon it is looked whether a peer that fetches has taken everything that comes before the goodbye."""

RETRY_SECONDS: Final = (1, 5, 30, 120, 600, 1800, 3600)
"""Pauses of what must be told and was not, as in delivery; the last one for ever."""

KEY_SET_MARGIN: Final = timedelta(days=5)
"""A pinned key set is looked up anew when no more than this is left of it."""


@dataclass(frozen=True, slots=True)
class PeerKeys:
    """The peer's http keys that count, from a key set that was verified when it was pinned."""

    keys: Mapping[str, PublicKey]
    expires: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A connection as it was when the request came."""

    id: str
    state: ConnectionState
    delivery: DeliveryMode
    peer_name: str
    peer_issuer: str
    peer_instance_id: str
    peer_epoch: int
    peer_histories: str
    """The last words of the peer's history, the newest first, between blanks."""
    key_set_sequence: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a direction's status is judged by."""

    heard_at: datetime | None
    """The last success in this direction."""
    failures: int = 0
    round_trip: timedelta = timedelta(0)
    oldest: timedelta = timedelta(0)
    """Age of the oldest message that waits."""


def called(_delivery: DeliveryMode) -> bool:
    """Tell whether this side calls the peer: a provider always is called."""
    return True


def peer_keys(statement: Mapping[str, str]) -> PeerKeys:
    """Return the http keys of a pinned key set; its signature was verified when it was pinned."""
    pinned = KeySet.model_validate_json(from_base64url(statement["payload"]))
    entries = [entry for entry in pinned.keys if entry.purpose is KeyPurpose.HTTP and entry.state in COUNTING]
    return PeerKeys({entry.kid: PublicKey.from_jwk(entry.jwk) for entry in entries}, pinned.expires)


def refresh_at(key_set: KeySet, now: datetime) -> datetime:
    """Return when to look for a newer key set: by the peer's hint, and well before this one ends."""
    left = timedelta(seconds=key_set.expires - now.timestamp()) - KEY_SET_MARGIN
    return now + max(min(timedelta(seconds=key_set.refresh_seconds), left), timedelta(minutes=10))


def require_key_set_of(key_set: KeySet, *, issuer: str, instance_id: str) -> None:
    """Raise `Conflict` (code ``peer_identity_mismatch``) where the key set is another instance's."""
    if (key_set.issuer, key_set.instance_id) != (issuer, instance_id):
        raise Conflict(
            "The key set is another instance's",
            code="peer_identity_mismatch",
            cause="Its issuer or instance id is not the one this connection was made with.",
            fix="Send the key set of the instance the connection belongs to.",
        )


def require_epoch(epoch: int, highest: int) -> None:
    """Raise `Conflict` (code ``epoch_old``) for an epoch below the highest seen (design: *Clones and restores*)."""
    if epoch < highest:
        raise Conflict(
            f"Epoch {epoch} has ended; {highest} was seen from this instance",
            code="epoch_old",
            cause="An older copy of the instance is running, or its marker was lost.",
            fix="Stop the older copy, or declare the restore on the instance that shall go on.",
            extra={"epoch": highest},
        )


def require_suspended(state: str) -> None:
    """Raise `Conflict` (code ``connection_not_suspended``) where there is nothing to re-key."""
    if ConnectionState(state) is not ConnectionState.SUSPENDED:
        raise Conflict(
            f"The connection is {state}, not {ConnectionState.SUSPENDED}",
            code="connection_not_suspended",
            cause="Only a connection on which nothing crosses any more is given other keys.",
            fix="Where an identity was lost, suspend the connection on both sides first.",
        )


def require_identity(offered: str, *, pinned: str, lost: bool) -> None:
    """Raise `Conflict` (code ``identity_given_up``) for the identity the peer has lost: a thief may have it."""
    if lost and offered == pinned:
        raise Conflict(
            "This identity was given up: whoever has found its key could use it",
            code="identity_given_up",
            cause="The connection was suspended because the peer lost exactly this identity key.",
            fix="Replace the identity on the instance that lost it, then begin the re-keying anew.",
        )


def require_same_peer(offered: tuple[str, str], known: tuple[str, str]) -> None:
    """Raise `Conflict` unless instance id and delivery are those of the connection that is re-keyed."""
    if offered[0] != known[0]:
        raise Conflict(
            "The connection belongs to another instance",
            code="peer_identity_mismatch",
            cause="A re-keyed connection keeps its two instances; only a key is another one.",
            fix="Disconnect, and register the new instance instead.",
        )
    if offered[1] != known[1]:
        raise Conflict(
            f"The connection was made for '{known[1]}' delivery",
            code="delivery_mismatch",
            cause="A re-keyed connection goes on as it was.",
            fix=f"Use '{known[1]}'; for another way of delivery disconnect and register anew.",
        )


def require_open(peer: Snapshot) -> None:
    """Raise `Gone` for a closed connection and `Forbidden` for a suspended one."""
    if peer.state is ConnectionState.CLOSED:
        raise Gone(
            "The connection is closed",
            code="connection_closed",
            cause="One of the two sides ended it; nothing crosses it any more.",
            fix="Register anew if the two sides shall be connected again.",
        )
    if peer.state is ConnectionState.SUSPENDED:
        raise Forbidden(
            "The connection is suspended",
            code="connection_suspended",
            cause="The identity of one side is in doubt.",
            fix="Re-key the connection by a new invitation.",
        )


def require_unpaused(peer: Snapshot) -> None:
    """Raise `Unavailable` (code ``connection_paused``) while an operator keeps messages from crossing."""
    if peer.state is ConnectionState.PAUSED:
        raise Unavailable(
            "The connection is paused",
            code="connection_paused",
            cause="An operator of this instance has paused it; queues keep.",
            fix="Nothing to do: it goes on once the operator resumes it.",
            retry_after=PAUSE_SECONDS,
        )


def status(vitals: Vitals, now: datetime) -> LinkStatus:
    """Return how a direction does (design: onboarding.md, *Connection (both sides), after*)."""
    if vitals.failures:
        return LinkStatus.DOWN
    if vitals.heard_at is None:
        return LinkStatus.UNKNOWN
    silence = now - vitals.heard_at
    if silence > DOWN_AFTER:
        return LinkStatus.DOWN
    slow = max(silence, vitals.round_trip, vitals.oldest) > SLOW_AFTER
    return LinkStatus.SLOW if slow else LinkStatus.UP


def pace(*, connecting: bool, failures: int, queued: int, wished: int | None) -> timedelta:
    """Return the pause before the next heartbeat: seconds when connecting, failing or busy, minutes when idle."""
    if failures:
        return timedelta(seconds=min(FAST_SECONDS * 2 ** (failures - 1), 60))
    if connecting:
        return timedelta(seconds=FAST_SECONDS)
    if queued:
        return timedelta(seconds=BUSY_SECONDS)
    least, usual, most = IDLE_SECONDS
    return timedelta(seconds=max(least, min(wished or usual, most)))


def farewell_look(closed_for: timedelta) -> timedelta:
    """Return the pause before the next such look: a tenth of the time that the peer has let pass already."""
    return max(FAREWELL_LOOK, closed_for / 10)


def retry(attempts: int) -> timedelta:
    """Return the pause after ``attempts`` (from 1) failures to tell something."""
    return timedelta(seconds=RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1])


def same_statement(left: Mapping[str, str], right: SignedStatement) -> bool:
    """Tell whether two key sets of one sequence say the same."""
    return left["payload"] == right.payload
