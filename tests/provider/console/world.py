"""The real provider with its console over a fresh database, a simulated consumer, and browsers of many people."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from fastapi import FastAPI
from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyContactRecord, CompanyFacts
from provider_service.app import create_app
from provider_service.audit.domain import SYSTEM
from provider_service.checks import Check, Finding, Subject
from provider_service.connections import service as connections
from provider_service.context import Context
from provider_service.directory import deps as directory_deps
from provider_service.directory import service as directory
from provider_service.directory.domain import Person
from provider_service.health import service as health
from provider_service.health.domain import Result
from provider_service.instance import service as instance
from provider_service.instance.domain import NewInstance
from provider_service.keys import service as keys
from provider_service.records import service as records
from provider_service.registrations import calls as registration_calls
from provider_service.registrations import service as registrations
from provider_service.registrations.schemas import RegistrationCreate
from provider_service.settings import Settings
from shared.transport.client import in_process
from shared.wire.states import InstanceType, Role, Severity
from tests.databases import migrate
from tests.peer.consumer import Consumer, Handshake
from tests.peer.network import Clock, Line

ISSUER = "https://hub.example"
CONSUMER = "https://desk.example"
PASSWORD = "correct horse battery staple"
STAFF = tuple(role for role in Role if role is not Role.SN_SB_PRO_CONSUMER)

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """One person's browser: keeps cookies, says where its requests come from, and fills forms in."""

    def __init__(self, client: httpx.AsyncClient, person: Person | None = None) -> None:
        self.client = client
        self.person = person

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={"accept": "text/html", **headers})

    async def token(self) -> str:
        """The token of this session's forms."""
        found = _CSRF.search((await self.get("/account")).text)
        return html.unescape(found[1]) if found else ""

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Submit a form of ours."""
        return await self.client.post(
            path, data={"csrf_token": await self.token(), **fields}, headers={"sec-fetch-site": "same-origin"}
        )

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """Go where a redirect leads."""
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"])


@dataclass
class World:
    """The provider, a consumer, and ways to come to the provider's door."""

    app: FastAPI
    clock: Clock
    consumer: Consumer
    exits: AsyncExitStack
    issuer: str = ISSUER
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def context(self) -> Context:
        found: Context = self.app.state.context
        return found

    def now(self) -> datetime:
        return self.context.clock()

    async def record(self, name: str = "hub-one") -> None:
        """Create the provider record, and let the worker be alive."""
        made = await self.context.database.write(
            instance.create,
            NewInstance(name=name, instance_type=InstanceType.SUB_PRODUCTION),
            issuer=self.issuer,
            actor=SYSTEM,
            hooks=self.app.state.instance_hooks,
            now=self.now(),
        )
        instance.mark(made, self.context.settings.data_dir)
        await self.app.state.holder.refresh()
        await self.beat()

    async def setup_token(self) -> str:
        return await self.context.database.write(directory.issue_setup_token, now=self.now())

    async def beat(self) -> None:
        await self.context.database.write(instance.beat, worker="test", software="test", now=self.now())

    async def person(self, *roles: Role, name: str = "", email: str = "") -> Person:
        number = next(self.numbers)
        return await self.context.database.write(
            directory.add_user,
            email=email or f"person{number}@example.com",
            name=name or f"Person {number}",
            roles=frozenset(roles),
            password=directory_deps.hasher_of(self.context).prepare(PASSWORD),
            actor=SYSTEM,
            now=self.now(),
        )

    async def stranger(self) -> Browser:
        """A browser of nobody."""
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 5000))
        client = httpx.AsyncClient(transport=transport, base_url=self.issuer, timeout=20)
        return Browser(await self.exits.enter_async_context(client))

    async def browser(self, *roles: Role, name: str = "") -> Browser:
        """The browser of a fresh person with these roles, signed in."""
        return await self.browser_of(await self.person(*roles, name=name))

    async def browser_of(self, person: Person) -> Browser:
        browser = await self.stranger()
        answer = await browser.post("/sign-in", email=person.email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        browser.person = person
        return browser

    async def contact(self, name: str = "Grace Hopper", company: str = "Harbour Ltd") -> CompanyContactRecord:
        """A company and its contact, who can sign in."""
        person = await self.person(name=name)

        def work(session: Session) -> CompanyContactRecord:
            made = accounts.create_company(session, CompanyFacts(name=company), actor=SYSTEM, now=self.now())
            return accounts.create_company_contact(
                session, made.id, email=person.email, name=name, actor=SYSTEM, now=self.now()
            )

        return await self.context.database.write(work)

    async def registration(self, contact: CompanyContactRecord, url: str = CONSUMER) -> str:
        """A new task; `scan` lets it go on."""
        body = RegistrationCreate(company_id=contact.company_id, contact_id=contact.id, consumer_url=url)

        def work(session: Session) -> str:
            return registrations.create(session, body=body, actor=SYSTEM, loopback=True, now=self.now()).number

        return await self.context.database.write(work)

    async def comment(self, number: str, text: str) -> None:
        """Say something to the task's contact."""
        said = {"number": number, "kind": "comment", "text": text, "actor": SYSTEM, "now": self.now()}
        await self.context.database.write(registrations.write_entry, **said)

    async def scan(self) -> None:
        """Do the worker's part of the pre-onboarding scan."""
        await self.beat()
        await registration_calls.scan_due(self.context, self.app.state.checks)

    async def link(self, number: str) -> str:
        return await self.context.database.write(
            registrations.copy_link, number=number, masters=self.context.masters, actor=SYSTEM, now=self.now()
        )

    async def asked(self, number: str) -> Handshake:
        """The consumer has announced itself and asks for the contact's consent."""
        handshake = await self.consumer.validate(await self.link(number))
        await self.consumer.announce(handshake)
        await self.consumer.reveal(handshake)
        await self.consumer.authorize(handshake)
        return handshake

    async def furnished(self, company: str = "Harbour Ltd", contact: str = "Grace Hopper") -> dict[str, str]:
        """One of everything; return the names by which pages find it."""
        who = await self.contact(contact, company)
        connected = await self.registration(who)
        await self.scan()
        handshake = await self.asked(connected)
        browser = await self.browser_of(await self.context.database.read(directory.get_user, who.user_id))
        query = dict(parse_qsl(urlsplit(self.consent_path(handshake)).query))
        answer = await browser.post("/oauth/authorize", **query, decision="allow")
        assert answer.status_code == 303, answer.text
        self.consumer.land(handshake, dict(parse_qsl(urlsplit(answer.headers["location"]).query)))
        await self.consumer.complete(handshake)
        number = await self.registration(who, "https://branch.example")
        failing = Check("registration.test", "Sample", Severity.ERROR, registrations.SUBJECT, _nothing)
        found = Finding("Something is wrong", "Because of a test", "End the test")

        def look(session: Session) -> dict[str, str]:
            health.begin_run(session, subject=Subject(registrations.SUBJECT, number), checks=[failing], now=self.now())
            issue = health.store_findings(
                session,
                subject=Subject(registrations.SUBJECT, number),
                results=[Result(failing, (found,))],
                now=self.now(),
            )[0]
            return {
                "company": who.company_id,
                "contact": who.id,
                "user": who.user_id,
                "number": number,
                "connected": connected,
                "issue": issue.id,
                "kid": keys.list_keys(session)[0].kid,
                "connection": connections.list_connections(session, now=self.now())[0].id,
                "incident": records.create(
                    session, fields={"state": "New"}, connection_id=None, actor=SYSTEM, now=self.now()
                ),
            }

        return await self.context.database.write(look)

    def consent_path(self, handshake: Handshake) -> str:
        return self.consumer.browser_url(handshake).removeprefix(self.issuer)


async def _nothing(_context: Context, _subject: Subject) -> list[Finding]:
    return []


@asynccontextmanager
async def world_at(
    data_dir: Path, issuer: str = ISSUER, consumer: str = CONSUMER, delivery: str = "push"
) -> AsyncIterator[World]:
    """One provider and one simulated consumer that reach each other in process."""
    async with AsyncExitStack() as exits:
        clock, line = Clock(), Line()
        client = await exits.enter_async_context(httpx.AsyncClient(transport=line))
        peer = Consumer(consumer, client, clock=clock, name="desk-one", delivery=delivery)

        async def itself(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        settings = Settings(
            issuer=issuer, data_dir=data_dir, password_time_cost=1, password_memory_kib=8, password_parallelism=1
        )
        app = create_app(
            settings,
            clock=lambda: datetime.fromtimestamp(clock(), UTC),
            transports={consumer: in_process(peer), issuer: in_process(itself)},
            embedded_worker=False,
        )
        context: Context = app.state.context
        exits.callback(context.database.close)
        exits.push_async_callback(context.peers.aclose)
        migrate(context.database, "provider_service")
        if delivery == "push":
            line.attach(peer)
        line.apps[issuer] = httpx.ASGITransport(app=app)
        yield World(app, clock, peer, exits, issuer)
