"""Puts the slices together: what each asks of the others, for the HTTP application and the worker alike."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from provider_service.accounts.service import AccountHooks
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.connections import checks as connection_checks
from provider_service.connections import service as connections
from provider_service.connections.service import ConnectionHooks
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.health import service as health
from provider_service.health.domain import CheckRegistry
from provider_service.instance import checks as instance_checks
from provider_service.instance.service import InstanceHooks
from provider_service.invitations import service as invitations
from provider_service.keys import calls as key_calls
from provider_service.keys import checks as key_checks
from provider_service.keys import service as keys
from provider_service.keys.domain import Rewrapped, SealedColumn
from provider_service.keys.service import KeyHooks, Masters
from provider_service.mail.service import Desk
from provider_service.options import service as options
from provider_service.records import service as records
from provider_service.registrations import checks as registration_checks
from provider_service.registrations import service as registrations
from provider_service.self_service import service as self_service
from provider_service.settings import Settings
from shared.delivery.inbox import Handler
from shared.delivery.quotas import Quotas
from shared.delivery.settling import Settled
from shared.runtime.database import Database, notify
from shared.runtime.master_keys import open_masters
from shared.runtime.turns import CHANNEL
from shared.signing.envelopes import MasterKey
from shared.transport.client import PeerClient
from shared.transport.egress import EgressPolicy
from shared.wire.states import MessageType

SEALED: Final = (
    SealedColumn("invitations", "id", "token_sealed"),
    SealedColumn("identity_providers", "id", "client_secret_sealed"),
)
"""Every column of envelopes besides the ring's own; a test holds it against the tables."""


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def make_context(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    transports: Mapping[str, Any] | None = None,
    identity: bool = True,
) -> Context:
    """Return what a process holds. ``transports``: ways to peers in the same process, for tests.

    ``identity``: whether it may open the identity key, which takes another master key; workers may not.
    """
    egress = EgressPolicy(
        allowed_networks=[str(network) for network in settings.allowed_networks],
        allowed_origins=(*settings.allowed_origins, *_own_loopback(settings)),
        ports=settings.allowed_ports,
    )
    return Context(
        settings=settings,
        database=Database(settings.database_url.get_secret_value()),
        peers=PeerClient(egress, clock=lambda: clock().timestamp(), transports=transports),
        clock=clock,
        masters=open_masters(settings, identity=identity),
        quotas=Quotas(settings.quotas),
    )


def _own_loopback(settings: Settings) -> tuple[str, ...]:
    """In development the instance may ask itself whether it answers."""
    return (settings.issuer,) if settings.environment == "development" and settings.issuer.startswith("http:") else ()


def check_registry() -> CheckRegistry:
    """Return every check of the Health Dashboard."""
    return CheckRegistry(
        [*instance_checks.CHECKS, *key_checks.CHECKS, *registration_checks.CHECKS, *connection_checks.CHECKS]
    )


def account_hooks() -> AccountHooks:
    """Return what higher slices have to say before contacts and declarations are merged, switched off or taken back."""
    return AccountHooks(
        before_merge=(self_service.bring_along,),
        after_stamping=(self_service.restamped,),
        before_switching_off=(self_service.keep_administrator,),
        before_removal=(options.forbid_removal,),
    )


async def rewrap(database: Database, masters: Masters, *, actor: Actor) -> Rewrapped:
    """Move everything that is sealed under the present master keys, beside a running service (`keys.calls.rewrap`)."""
    return await key_calls.rewrap(database, masters, SEALED, actor=actor, clock=utc_now)


def key_hooks() -> KeyHooks:
    """Return what follows from a change of keys."""

    def changed(session: Session, _actor: Actor, _now: datetime) -> None:
        health.touch(session, "keys")
        notify(session, CHANNEL)

    return KeyHooks(
        active_connections=connections.active_connections,
        changed=changed,
        identity_lost=connections.suspend_all,
        sealed=SEALED,
    )


def instance_hooks(masters: Mapping[str, MasterKey]) -> InstanceHooks:
    """Return what follows from a change of the provider record."""

    def created(session: Session, actor: Actor, now: datetime) -> None:
        keys.ensure_ring(session, masters, actor=actor, now=now)
        changed(session, actor, now)

    def changed(session: Session, _actor: Actor, _now: datetime) -> None:
        health.touch(session, "instance")
        notify(session, CHANNEL)

    def copied(session: Session, actor: Actor, now: datetime) -> None:
        connections.suspend_all(session, actor, now)
        keys.replace_ring(session, masters, actor=actor, now=now)

    def restored(session: Session, actor: Actor, now: datetime) -> None:
        audit.restored(session)
        connections.restored(session, actor, now)
        changed(session, actor, now)

    return InstanceHooks(created=created, changed=changed, copied=copied, restored=restored)


def connection_hooks() -> ConnectionHooks:
    """Return what follows when a connection becomes active or ends."""

    def activated(session: Session, connection_id: str, now: datetime) -> None:
        registrations.complete(session, connection_id=connection_id, now=now)

    def closed(session: Session, connection_id: str, now: datetime) -> None:
        reason = connections.get(session, connection_id).close_reason
        registrations.disconnected(session, connection_id=connection_id, reason=reason, now=now)

    return ConnectionHooks(
        activated=[activated], closed=[closed, records.connection_closed], renumbering=[records.renumbering]
    )


def message_handlers() -> dict[str, Handler]:
    """Return who applies which type of message."""
    known = connections.message_handlers(connection_hooks(), on_settled)
    voids: dict[str, Handler] = {MessageType.VOID: records.passing_over(known[MessageType.VOID])}
    return {**known, **records.message_handlers(), **voids}


def on_settled(session: Session, connection_id: str, settled: Sequence[Settled], now_ms: int) -> None:
    """React to the peer's verdicts in the transaction that stores them."""
    connections.settled_reaction(connection_hooks())(session, connection_id, settled, now_ms)
    records.on_settled(session, connection_id, settled, now_ms)


def mail_desk(settings: Settings, masters: Mapping[str, MasterKey], sender: str) -> Desk:
    """Return what makes the links in mails, at hand-over."""
    return Desk(
        sender=sender,
        renderers={
            directory.SECRET_KIND: directory.link_renderer(settings.issuer),
            invitations.KIND: invitations.renderer(masters),
            self_service.SECRET_KIND: self_service.link_renderer(settings.issuer),
        },
    )
