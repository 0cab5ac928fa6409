"""The worker: delivers messages and mails, runs scans and checks, keeps connections alive, tidies up."""

import asyncio
import os
import socket
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from provider_service import composition
from provider_service.audit import service as audit
from provider_service.connections import calls as connection_calls
from provider_service.connections import service as connections
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.handshakes import calls as handshake_calls
from provider_service.handshakes import service as handshakes
from provider_service.health import service as health
from provider_service.health.checks import validate_due
from provider_service.identity import calls as identity_calls
from provider_service.instance import service as instance
from provider_service.keys import service as keys
from provider_service.mail import service as mail
from provider_service.mail.domain import Handover
from provider_service.oidc import service as oidc
from provider_service.registrations import calls as registration_calls
from provider_service.registrations import service as registrations
from provider_service.self_service import calls as self_service_calls
from provider_service.self_service import service as self_service
from provider_service.settings import Settings
from shared.delivery import answers, aside, claims, nonces, purge
from shared.delivery.claims import ClaimLimits
from shared.delivery.loop import DeliveryLoop
from shared.delivery.statements import WAKE_CHANNEL
from shared.runtime.mail import MailRefused, deliver
from shared.runtime.turns import CHANNEL, GRACE_SECONDS, Turn, Turns
from shared.wire.errors import ExchangeError
from shared.wire.version import SOFTWARE_NAME, SOFTWARE_VERSION

NAME: Final = f"{socket.gethostname()[:60]}:{os.getpid()}"
WATCHED: Final = ("user", "contact", "company", "instance", "connection", "registration", "key")
"""Subjects of audit entries whose change may settle an issue."""


class Worker:
    """Everything that happens without a request. Several may run on PostgreSQL; rows are claimed by lease."""

    def __init__(self, context: Context, *, grace_s: float = GRACE_SECONDS) -> None:
        self._context = context
        self._registry = composition.check_registry()
        self._seen: str | None = None
        self.delivery = DeliveryLoop(
            run=context.database.write,
            send=connection_calls.send(context, composition.connection_hooks()),
            clock_ms=lambda: _ms(context.clock()),
            on_settled=composition.on_settled,
            limits=ClaimLimits(limit=context.settings.messages_per_request),
            grace_s=grace_s,
        )
        self.turns = Turns(
            context.database,
            [
                Turn("scans", 5, self.scan),
                Turn("requests", 5, self.requests),
                Turn("mails", 5, self.mail),
                Turn("handshakes", 5, self.handshakes),
                Turn("connections", 1, self.connections),
                Turn("watch", 1, self.watch),
                *keys_turn(context),
                Turn("directory", 300, self.directory, wakeable=False),
                Turn("beat", 15, self.beat, wakeable=False),
                Turn("tidy", 600, self.tidy, wakeable=False),
            ],
            grace_s=grace_s,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        await self.beat()
        database = self._context.database
        if database.engine_name == "sqlite":  # there is no other worker, so what is leased was leased before a crash
            await database.write(claims.release_all, _ms(self._context.clock()))
            await database.write(self_service.release_claims)
        silences = [database.listen(channel, self.delivery.wake) for channel in (CHANNEL, WAKE_CHANNEL)]
        tasks = [asyncio.create_task(self.delivery.run_until_stopped())]
        try:
            await asyncio.gather(self.turns.run_until(stop), self._end_delivery(stop))
        finally:
            for silence in silences:
                silence()
            self.delivery.stop()
            await asyncio.gather(*tasks)

    async def _end_delivery(self, stop: asyncio.Event) -> None:
        """Take no more batches as soon as told, however long the turns under way go on."""
        await stop.wait()
        self.delivery.stop()

    async def scan(self) -> None:
        """Run the pre-onboarding scans that are due, and let tasks go on whose issues are gone."""
        await registration_calls.scan_due(self._context, self._registry)
        await self._context.database.write(
            registrations.conclude_cleared, masters=self._context.masters, now=self._context.clock()
        )

    async def mail(self) -> None:
        """Hand over the mails that are due."""
        context = self._context
        record = await context.database.read(instance.get)
        if not context.settings.smtp_host or record is None:
            return
        sender = record.sender_address or context.settings.smtp_sender
        desk = composition.mail_desk(context.settings, context.masters, sender)
        for outgoing in await context.database.write(mail.claim_due, desk, now=context.clock()):
            result, problem = Handover.DONE, ""
            try:
                await deliver(outgoing.message, context.settings)
            except MailRefused as error:
                result, problem = Handover.REFUSED, error.detail
            except ExchangeError as error:
                result, problem = Handover.DELAYED, error.detail
            await context.database.write(mail.settle, outgoing.mail_id, result, problem=problem, now=context.clock())

    async def requests(self) -> None:
        """Write to the mailboxes of people who register, carry out what was approved, let time act."""
        await self_service_calls.screen_due(self._context)
        await self_service_calls.provision_due(self._context)
        await self_service_calls.tell_due(self._context)
        await self_service_calls.tend(self._context)

    async def directory(self) -> None:
        """Ask another directory, if there is one, about its people who are inside."""
        await identity_calls.follow(self._context)

    async def handshakes(self) -> None:
        """Reset handshakes whose time is up; tell consumers what was cancelled."""
        now = self._context.clock()
        await self._context.database.write(handshakes.expire, now=now)
        await handshake_calls.tell_cancellations(self._context, now)

    async def connections(self) -> None:
        """Heartbeats, goodbyes, key notices and messages set aside that are due."""
        hooks = composition.connection_hooks()
        await self._bring_back()
        await connection_calls.reconciles_due(self._context, composition.message_handlers(), hooks)
        await connection_calls.heartbeats_due(self._context, hooks)
        await connection_calls.goodbyes_due(self._context)
        await connection_calls.key_notices_due(self._context, hooks)
        await connection_calls.refreshes_due(self._context)

    async def _bring_back(self) -> None:
        now_ms = _ms(self._context.clock())
        if await self._context.database.read(aside.due, now_ms):
            await self._context.database.write(aside.bring_back, now_ms)
            self.delivery.wake()

    async def watch(self) -> None:
        """Look again at what may have changed, and at what is due by the clock."""
        self._seen = await self._context.database.write(_touch_changed, self._seen)
        if await validate_due(self._context, self._registry):
            await self._context.database.write(
                registrations.conclude_cleared, masters=self._context.masters, now=self._context.clock()
            )

    async def keys(self) -> None:
        """Activate, retire and renew what is due."""
        await tend_keys(self._context)

    async def beat(self) -> None:
        """Say that this worker is alive."""
        software = f"{SOFTWARE_NAME}/{SOFTWARE_VERSION}"
        await self._context.database.write(instance.beat, worker=NAME, software=software, now=self._context.clock())

    async def tidy(self) -> None:
        """Forget what need not be remembered any more."""
        await self._context.database.write(_tidy, self._context.clock())


async def tend_keys(context: Context) -> None:
    """Activate, retire and renew keys as is due; only a process that holds the identity can publish that."""
    await context.database.write(keys.tend, context.masters, hooks=composition.key_hooks(), now=context.clock())


def keys_turn(context: Context) -> list[Turn]:
    """Return the turn that tends the keys, in a process that can."""
    return [Turn("keys", 5, lambda: tend_keys(context))] if keys.holds_identity(context.masters) else []


def _touch_changed(session: Session, seen: str | None) -> str | None:
    """Mark what watches a changed subject; return how far the trail has been followed."""
    entries = audit.events(session, after=seen, limit=200)
    for subject in {entry.subject_type for entry in entries} & set(WATCHED):
        health.touch(session, subject)
    return audit.position_of(entries[-1]) if entries else seen


def _tidy(session: Session, now: datetime) -> None:
    nonces.purge_nonces(session, _ms(now))
    answers.purge_answers(session, _ms(now))
    directory.forget_ended(session, now=now)
    oidc.forget_ended(session, now=now)
    connections.purge_beats(session, now)
    for connection_id in connections.active_connections(session):
        purge.purge_inbox(session, connection_id, _ms(now))
        purge.purge_outbox(session, connection_id, _ms(now))


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Run a worker process until ``stop`` is set."""
    context = composition.make_context(settings, identity=False)
    try:
        await Worker(context).run(stop)
    finally:
        await context.peers.aclose()
        context.database.close()
