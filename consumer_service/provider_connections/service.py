"""Use cases of provider connections: take up an invitation, validate, cancel (design: onboarding.md)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.checks import THIS_INSTANCE
from consumer_service.connections import service as connections
from consumer_service.health import service as health
from consumer_service.health.domain import Issue
from consumer_service.invitations import domain as invitation
from consumer_service.invitations import service as invitations
from consumer_service.invitations.domain import TokenView
from consumer_service.provider_connections import store
from consumer_service.provider_connections.tables import ProviderConnection as ProviderConnection  # noqa: PLC0414  # handed on
from shared.lifecycle.provider_connection import PROVIDER_CONNECTION, Move
from shared.runtime.database import notify
from shared.signing.envelopes import MasterKey, open_sealed, seal
from shared.wire.discovery import Discovery
from shared.wire.errors import Conflict, NotFound
from shared.wire.identifiers import canonical_issuer, new_id
from shared.wire.states import DeliveryMode
from shared.wire.states import ProviderConnectionState as State

Masters = Mapping[str, MasterKey]
SUBJECT = "provider_connection"
UNREACHABLE_CHECKS = frozenset({"keys.address", "keys.certificate"})
"""The checks that this instance answers from outside, as itself and with a certificate that holds."""
RESCAN = timedelta(minutes=1)
SCAN_LEASE = timedelta(seconds=60)


def get(session: Session, connection_id: str, *, lock: bool = False) -> ProviderConnection:
    """Return a provider connection; raise `NotFound`."""
    found = store.get(session, connection_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no provider connection {connection_id}")
    return found


def page(session: Session, *, before: str | None, limit: int, state: str | None) -> Sequence[ProviderConnection]:
    """Return provider connections, newest first, below the id ``before``."""
    return store.page(session, before=before, limit=limit, state=state)


def with_number(session: Session, number: str) -> Sequence[ProviderConnection]:
    """Return the provider connections of this registration number, live ones first; two providers may use the same."""
    return store.by_number(session, number)


def unfinished(session: Session) -> Sequence[ProviderConnection]:
    """Return live provider connections that are validated and not yet onboarded."""
    return store.unfinished(session)


def take_up(
    session: Session,
    *,
    masters: Masters,
    link: str,
    confirmed: str,
    delivery: DeliveryMode,
    actor: Actor,
    loopback: bool,
    now: datetime,
) -> ProviderConnection:
    """Begin with a provider whose address an administrator has confirmed; the scan follows in the background.

    Taking up the same invitation again returns the same row; a newer link for the same registration renews it.
    """
    token = invitation.token_of(link)
    seen = invitations.look(session, token=token, loopback=loopback, now=now)
    if canonical_issuer(confirmed, allow_loopback_http=loopback) != seen.provider_issuer:
        raise Conflict(
            f"The link is from {seen.provider_issuer}, you confirmed {confirmed}",
            code="provider_not_confirmed",
            fix="Confirm the address the link names, if that is your provider.",
        )
    if seen.rekeys is None:
        row = store.live_at(session, seen.provider_issuer)
    else:
        delivery = _rekeyed_delivery(session, seen)
        row = store.rekeying(session, seen.rekeys)
    if row is None:
        row = ProviderConnection(
            id=new_id(),
            provider_issuer=seen.provider_issuer,
            opened_by=actor.name,
            opened_at=now,
            state=PROVIDER_CONNECTION.initial,
            live=True,
            rekeys=seen.rekeys,
        )
        session.add(row)
    else:
        _require_renewable(row, seen.number)
    row.number = seen.number
    row.provider_jkt = seen.provider_jkt
    row.token_expires_at = seen.expires_at
    row.token_sealed = _seal(row.id, token, masters)
    row.delivery = delivery
    row.scan_due_at = now
    _changed(session, row, "provider_connection.taken_up", actor, now, after=_taken(row))
    notify(session, "worker")
    return row


def _taken(row: ProviderConnection) -> dict[str, str]:
    return {"provider": row.provider_issuer} | ({"rekeys": row.rekeys} if row.rekeys else {})


def _rekeyed_delivery(session: Session, seen: TokenView) -> DeliveryMode:
    """Return how the connection that a link re-keys receives; raise `Conflict` unless it is this provider's."""
    found = connections.find(session, seen.rekeys or "")
    if found is None or found.peer_issuer != seen.provider_issuer:
        raise Conflict(
            f"The link re-keys a connection that this instance does not have with {seen.provider_issuer}",
            code="rekeying_unknown",
            cause="Each link for re-keying is made for one connection between two instances.",
            fix="Ask the provider whether the link was meant for you.",
        )
    connections.require_suspended(found.state)
    connections.require_identity(seen.provider_jkt, pinned=found.identity_jkt, lost=found.identity_lost_at is not None)
    return DeliveryMode(found.delivery)


def _require_renewable(row: ProviderConnection, number: str) -> None:
    if State(row.state) is State.ONBOARDED or row.established is not None:
        raise Conflict(
            f"This instance is already connected with {row.provider_issuer}",
            code="provider_connected",
            fix="Disconnect first if you want to register again.",
        )
    if row.number != number:
        raise Conflict(
            f"Onboarding with {row.provider_issuer} is already under way for {row.number}",
            code="provider_connection_exists",
            cause="There is one connection per provider address.",
            fix=f"Go on with {row.number}, or cancel it first.",
        )


def token(row: ProviderConnection, masters: Masters) -> str:
    """Return the registration token; raise `Conflict` once it is spent or void."""
    if row.token_sealed is None:
        raise Conflict("The registration link is no longer needed or void", fix="Ask the provider for a new link.")
    return open_sealed(
        row.token_sealed, masters=masters, table="provider_connections", row=row.id, column="token_sealed"
    ).decode()


def validate(session: Session, *, connection_id: str, actor: Actor, now: datetime) -> ProviderConnection:
    """Ask for the pre-onboarding scan now."""
    row = get(session, connection_id, lock=True)
    _require_going_on(row)
    row.scan_due_at = now
    audit.record(
        session,
        actor=actor,
        action="provider_connection.validation_requested",
        subject_type=SUBJECT,
        subject_id=row.id,
        number=row.number,
        now=now,
    )
    notify(session, "worker")
    return row


def claim_scans(session: Session, *, now: datetime, limit: int = 10) -> list[str]:
    """Take the rows whose scan is due; each is due again after the lease unless `conclude_scan` comes first."""
    rows = store.scans_due(session, now, limit)
    for row in rows:
        row.scan_due_at = now + SCAN_LEASE
    return [row.id for row in rows]


def keep_discovery(session: Session, *, connection_id: str, discovery: Discovery, skew_ms: int) -> None:
    """Keep what the scan fetched and verified."""
    row = get(session, connection_id, lock=True)
    row.discovery = discovery.model_dump(mode="json")
    row.skew_ms = skew_ms


def blocking(session: Session, row: ProviderConnection) -> list[Issue]:
    """Return what keeps an onboarding from going on: its own issues, and those of this instance.

    Whether this instance answers from outside does not matter to a provider that never calls it.
    """
    own = health.blocking(session, subject_type=SUBJECT, subject_id=row.id)
    general = health.blocking(session, subject_type=THIS_INSTANCE.type, subject_id=THIS_INSTANCE.id)
    if row.delivery == DeliveryMode.PULL:
        general = [issue for issue in general if issue.check_id not in UNREACHABLE_CHECKS]
    return own + general


def conclude_cleared(session: Session, *, now: datetime) -> list[str]:
    """Let everything go on whose issues have all been resolved, by whomever; return the ids."""
    cleared = [row.id for row in store.failed(session) if not blocking(session, row)]
    for connection_id in cleared:
        conclude_scan(session, connection_id=connection_id, now=now)
    return cleared


def conclude_scan(session: Session, *, connection_id: str, now: datetime) -> ProviderConnection:
    """Let the scan's stored findings decide."""
    row = get(session, connection_id, lock=True)
    row.scanned_at = now
    row.scan_due_at = None
    if State(row.state) in {State.ONBOARDED, State.CANCELLED} or row.established is not None:
        return row
    blocked = blocking(session, row)
    if blocked:
        row.scan_due_at = now + RESCAN
    _move(session, row, Move.FAIL if blocked else Move.PASS, SYSTEM, now)
    return row


def connected(
    session: Session, *, connection_id: str, established_id: str, actor: Actor, now: datetime
) -> ProviderConnection:
    """The provider completed the key exchange: the token is spent."""
    row = get(session, connection_id, lock=True)
    if row.rekeys is None:
        row.connection_id = established_id
    else:
        row.rekeyed_at = now
    row.token_sealed = None
    row.scan_due_at = None
    action = "provider_connection.connected" if row.rekeys is None else "provider_connection.rekeyed"
    _changed(session, row, action, actor, now, after={"connection_id": established_id})
    return row


def complete(session: Session, *, established_id: str, now: datetime) -> ProviderConnection | None:
    """Settings are acknowledged both ways: Onboarded. Returns None where nothing waits for it."""
    for row in store.live_for(session, established_id):
        if row.established == established_id and State(row.state) is State.VALIDATED:
            row.live = row.rekeys is None  # the row that made the connection goes on standing for it
            _move(session, row, Move.COMPLETE, SYSTEM, now)
            return row
    return None


def cancel(session: Session, *, connection_id: str, reason: str, actor: Actor, now: datetime) -> ProviderConnection:
    """End the onboarding, whatever step it is in, leaving nothing behind; doing it twice is one effect."""
    row = get(session, connection_id, lock=True)
    if State(row.state) is State.CANCELLED:
        return row
    if State(row.state) is State.ONBOARDED:
        raise Conflict("Onboarding is complete", fix="Disconnect the connection instead.")
    _give_up(session, row, reason or "Onboarding cancelled", actor, now)
    health.drop_subject(session, subject_type=SUBJECT, subject_id=row.id, now=now)
    row.reason = reason[:500]
    row.token_sealed = None
    row.scan_due_at = None
    row.live = False
    _move(session, row, Move.CANCEL, actor, now)
    notify(session, "worker")
    return row


def _give_up(session: Session, row: ProviderConnection, reason: str, actor: Actor, now: datetime) -> None:
    """Close the connection a cancelled onboarding has made; one that it gave other keys is suspended as before."""
    if row.connection_id is not None:
        connections.close(session, connection_id=row.connection_id, reason=reason, actor=actor, now=now)
    elif row.established is not None:
        connections.abandon(session, connection_id=row.established, reason=reason, actor=actor, now=now)


def disconnected(session: Session, *, established_id: str, reason: str, now: datetime) -> None:
    """The established connection has been closed: the address is free for a new registration.

    An onboarding that still waited for the settings, or that was to re-key it, ends with it.
    """
    for row in store.live_for(session, established_id):
        if State(row.state) is not State.ONBOARDED:
            cancel(session, connection_id=row.id, reason=reason, actor=SYSTEM, now=now)
        else:
            row.live = False
            row.reason = reason[:500]
            _changed(session, row, "provider_connection.disconnected", SYSTEM, now)


def with_token(session: Session, issuer: str) -> Sequence[ProviderConnection]:
    """Return every row of this provider that still holds a registration token, live or not."""
    return store.with_token(session, issuer)


def is_going_on(row: ProviderConnection) -> bool:
    """Tell whether this onboarding may still need its invitation."""
    return row.live and row.established is None


def _require_going_on(row: ProviderConnection) -> None:
    if State(row.state) in {State.ONBOARDED, State.CANCELLED}:
        raise Conflict(f"The provider connection is {row.state}")


def _seal(row_id: str, value: str, masters: Masters) -> str:
    return seal(
        value.encode(),
        master=next(iter(masters.values())),
        version=1,
        table="provider_connections",
        row=row_id,
        column="token_sealed",
    )


def _move(session: Session, row: ProviderConnection, move: Move, actor: Actor, now: datetime) -> None:
    before = State(row.state)
    row.state = PROVIDER_CONNECTION.advance(before, move)
    if before != row.state:
        action = f"provider_connection.{State(row.state).name.lower()}"
        _changed(session, row, action, actor, now, before={"state": before}, after={"state": row.state})


def _changed(
    session: Session,
    row: ProviderConnection,
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    row.updated_at = now
    row.version = (row.version or 0) + 1
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=SUBJECT,
        subject_id=row.id,
        number=row.number,
        before=before,
        after=after,
        now=now,
    )
