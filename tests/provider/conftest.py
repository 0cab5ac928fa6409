"""The lower slices over a fresh database, a clock that stands still, and clients of many roles."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest
from fastapi import FastAPI

from provider_service import composition
from provider_service.accounts import routes as accounts
from provider_service.audit import routes as audit
from provider_service.audit.domain import SYSTEM
from provider_service.context import Context
from provider_service.directory import deps, service
from provider_service.directory import routes as directory
from provider_service.directory.domain import SCOPES, Person
from provider_service.directory.service import NewPassword
from provider_service.mail import routes as mail
from provider_service.options import routes as options
from provider_service.self_service import routes as self_service
from provider_service.settings import Settings
from shared.runtime.database import Database
from shared.signing.envelopes import MasterKey
from shared.transport import openapi, problems
from shared.transport.client import PeerClient
from shared.transport.egress import EgressPolicy
from shared.transport.limits import RequestIds
from shared.wire.states import Role
from tests.databases import lay_tables

ISSUER = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery staple"


@dataclass
class Clock:
    """A clock that moves only when told."""

    time: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@dataclass
class House:
    """The application, what it holds, and ways to come to its door as somebody."""

    context: Context
    clock: Clock
    app: FastAPI
    exits: AsyncExitStack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def person(self, *roles: Role, email: str = "", name: str = "", password: str | None = PASSWORD) -> Person:
        """Make a user with these roles."""
        number = next(self.numbers)
        prepared = None if password is None else self.prepared(password)
        with self.context.database.transaction() as session:
            return service.add_user(
                session,
                email=email or f"person{number}@example.com",
                name=name or f"Person Number{number}",
                roles=frozenset(roles),
                password=prepared,
                actor=SYSTEM,
                now=self.clock(),
            )

    def prepared(self, password: str) -> NewPassword:
        return deps.hasher_of(self.context).prepare(password)

    def bearer(self, person: Person, scopes: frozenset[str] = SCOPES) -> str:
        cookie = self.cookie(person)
        with self.context.database.transaction() as session:
            caller = service.resolve_session(session, cookie, address="", now=self.clock()).caller
            made = service.create_token(session, name="test", scopes=scopes, days=30, caller=caller, now=self.clock())
            return made.secret

    def cookie(self, person: Person) -> str:
        """Begin a session of a person made with `PASSWORD`."""
        hasher = deps.hasher_of(self.context)
        with self.context.database.transaction() as session:
            attempt = service.begin_sign_in(session, email=person.email, address="192.0.2.1", now=self.clock())
            verdict = hasher.check(PASSWORD, attempt.stored_hash)
            signed_in = service.complete_sign_in(session, attempt, verdict, now=self.clock())
            assert signed_in is not None
            return signed_in.cookie

    async def anybody(self, **headers: str) -> httpx.AsyncClient:
        """A client without credentials, its unsafe calls under fresh idempotency keys."""

        async def name_it(request: httpx.Request) -> None:
            if request.method == "POST" and "idempotency-key" not in request.headers:
                request.headers["idempotency-key"] = f"key-{next(self.numbers)}"

        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=("192.0.2.7", 5000)),
            base_url=ISSUER,
            headers=headers,
            event_hooks={"request": [name_it]},
        )
        return await self.exits.enter_async_context(client)

    async def client(self, *roles: Role, scopes: frozenset[str] = SCOPES) -> httpx.AsyncClient:
        """A client with the token of a fresh person with these roles."""
        return await self.client_of(self.person(*roles), scopes)

    async def client_of(self, person: Person, scopes: frozenset[str] = SCOPES) -> httpx.AsyncClient:
        return await self.anybody(authorization=f"Bearer {self.bearer(person, scopes)}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(database_url: str, clock: Clock) -> Iterator[Context]:
    database = Database(database_url)
    lay_tables(database, "provider_service")
    settings = Settings(issuer=ISSUER, password_time_cost=1, password_memory_kib=8, password_parallelism=1)
    peers = PeerClient(EgressPolicy(), clock=lambda: clock().timestamp())
    yield Context(settings, database, peers, clock, {"test": MasterKey("test", bytes(32))})
    database.close()


@pytest.fixture
async def house(context: Context, clock: Clock) -> AsyncIterator[House]:
    app = FastAPI(title="test", version="1", generate_unique_id_function=openapi.operation_id)
    of_accounts = (*accounts.ROUTERS, options.router, *self_service.ROUTERS)
    openapi.take_in(app, (audit.router, mail.router, directory.router, *of_accounts))
    app.state.context = context
    app.state.account_hooks = composition.account_hooks()
    deps.install(app)
    problems.install(app)
    app.add_middleware(RequestIds)
    openapi.finish(app, security_by_prefix={"/api": ("token", "session")})
    async with AsyncExitStack() as exits:
        yield House(context, clock, app, exits)
