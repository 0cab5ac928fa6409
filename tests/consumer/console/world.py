"""A consumer with its console over a fresh database, a simulated provider beside it, and browsers of many people."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx
from fastapi import FastAPI

from consumer_service.app import create_app
from consumer_service.audit.domain import SYSTEM
from consumer_service.context import Context
from consumer_service.directory import deps as directory_deps
from consumer_service.directory import service as directory
from consumer_service.directory.domain import Person
from consumer_service.health.domain import CheckRegistry
from consumer_service.instance import service as instance
from consumer_service.instance.domain import NewInstance
from consumer_service.keys.service import KeyHolder
from consumer_service.provider_connections import calls as provider_connection_calls
from consumer_service.provider_connections import checks as provider_connection_checks
from consumer_service.settings import Settings
from shared.transport.client import in_process
from shared.wire.states import InstanceType, Role
from tests.databases import lay_tables
from tests.peer.network import Clock, Line
from tests.peer.provider import Provider
from tests.peer.registration import Registration
from tests.peer.wire import Document

ISSUER = "https://desk.example"
PROVIDER = "https://hub.example"
PASSWORD = "correct horse battery staple"

_CSRF = re.compile(r'name="csrf_token" value="([^"]*)"')


class Browser:
    """One person's browser: keeps cookies, says where its requests come from, and fills forms in."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, *, page: str | None = None, **fields: str) -> httpx.Response:
        """Submit a form that stands on ``page`` (else at ``path``), with the token found there."""
        shown = await self.client.get(page or path)
        found = _CSRF.findall(shown.text)
        token = html.unescape(next((value for value in found if value), ""))
        return await self.client.post(
            path, data={"csrf_token": token, **fields}, headers={"sec-fetch-site": "same-origin"}
        )

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """Go where a redirect leads."""
        assert answer.status_code == 303, answer.text
        return await self.client.get(answer.headers["location"])


@dataclass
class World:
    """The consumer, the provider, and ways to come to the consumer's door."""

    app: FastAPI
    context: Context
    clock: Clock
    provider: Provider
    registry: CheckRegistry
    holder: KeyHolder
    exits: AsyncExitStack
    issuer: str = ISSUER
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def now(self) -> datetime:
        return self.context.clock()

    async def record(self) -> None:
        """Create the consumer record."""
        made = await self.context.database.write(
            instance.create,
            NewInstance(name="desk-one", instance_type=InstanceType.PRODUCTION),
            issuer=self.issuer,
            actor=SYSTEM,
            hooks=self.app.state.instance_hooks,
            now=self.now(),
        )
        instance.mark(made, self.context.settings.data_dir)
        await self.holder.refresh()

    async def person(self, *roles: Role, name: str = "") -> Person:
        number = next(self.numbers)
        prepared = directory_deps.hasher_of(self.context).prepare(PASSWORD)
        return await self.context.database.write(
            directory.add_user,
            email=f"person{number}@example.com",
            name=name or f"Person {number}",
            roles=frozenset(roles),
            password=prepared,
            actor=SYSTEM,
            now=self.now(),
        )

    async def browser(self, *roles: Role, name: str = "") -> Browser:
        """The browser of a fresh person with these roles, signed in; of nobody where no role is named."""
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 5000))
        client = httpx.AsyncClient(transport=transport, base_url=self.issuer, timeout=20)
        browser = Browser(await self.exits.enter_async_context(client))
        if roles:
            person = await self.person(*roles, name=name)
            answer = await browser.post("/sign-in", email=person.email, password=PASSWORD)
            assert answer.status_code == 303, answer.text
        return browser

    def registration(self, contact: str = "Grace Hopper", **claims: object) -> Registration:
        return self.provider.mint(self.issuer, contact, **claims)

    async def take_up(self, admin: Browser, registration: Registration | None = None, *, delivery: str = "push") -> str:
        """Open a link, confirm its provider, and return the path of the onboarding."""
        registration = registration or self.registration()
        kept = await admin.post("/onboarding/token", page="/onboarding", token=self.provider.link(registration))
        assert kept.headers["location"] == "/onboarding/confirm"
        form = {"provider": self.provider.issuer, "delivery": delivery, "decision": "continue"}
        answer = await admin.post("/onboarding/confirm", **form)
        assert answer.status_code == 303, answer.text
        path: str = answer.headers["location"]
        return path

    async def scan(self) -> None:
        """Do the worker's part of the pre-onboarding scan."""
        await provider_connection_calls.scan_due(self.context, self.registry)


class Hub(Provider):
    """The simulated provider, its software named in one line as the settings want it."""

    def settings(self) -> Document:
        return {**super().settings(), "software": "peer/1"}


@asynccontextmanager
async def world_at(data_dir: Path, issuer: str = ISSUER, provider: str = PROVIDER) -> AsyncIterator[World]:
    """One consumer, whole but for its worker, and one simulated provider; they reach each other in process."""
    async with AsyncExitStack() as exits:
        clock, line = Clock(), Line()
        client = await exits.enter_async_context(httpx.AsyncClient(transport=line))
        peer = Hub(provider, client, clock=clock, name="hub-one")
        line.attach(peer)
        settings = Settings(
            issuer=issuer, data_dir=data_dir, password_time_cost=1, password_memory_kib=8, password_parallelism=1
        )
        app = create_app(
            settings,
            clock=lambda: datetime.fromtimestamp(clock(), UTC),
            transports={provider: in_process(peer)},
            embedded_worker=False,
        )
        context: Context = app.state.context
        exits.push_async_callback(context.peers.aclose)
        exits.callback(context.database.close)
        lay_tables(context.database, "consumer_service")
        line.apps[issuer] = httpx.ASGITransport(app=app)
        registry = CheckRegistry(provider_connection_checks.CHECKS)
        yield World(app, context, clock, peer, registry, app.state.holder, exits, issuer)
