"""Both services whole, in one process: a provider and its consumers on real databases, driven turn by turn.

Nothing runs by itself: workers are stepped by hand, so that a call meets exactly the state its test has prepared.
"""

import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from shared.runtime.settings import load
from shared.signing.keys import PrivateKey
from shared.transport.client import in_process
from shared.wire.errors import ExchangeError
from shared.wire.states import DeliveryMode, KeyPurpose, Role
from tests.databases import migrate

ORIGINS = {
    "provider": "http://127.0.0.1:9101",
    "consumer": "http://127.0.0.1:9102",
    "puller": "http://127.0.0.1:9103",
    "newcomer": "http://127.0.0.1:9104",
}
"""The instances of a world: the puller is a consumer that the provider never calls, the newcomer one not yet known."""

ADMIN = "admin@example.com"
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Seen:
    """A call of a peer or an operator, and what came of it."""

    issuer: str
    method: str
    path: str
    status: int
    headers: httpx.Headers
    body: bytes


class Watched(httpx.AsyncBaseTransport):
    """The way to one instance, noting what its peers ask of it."""

    def __init__(self, app: Any, issuer: str, calls: list[Seen]) -> None:
        self._inner, self._issuer, self._calls = in_process(app), issuer, calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        self._calls.append(
            Seen(self._issuer, request.method, request.url.path, answer.status_code, answer.headers, body)
        )
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))


@dataclass
class Instance:
    """One running instance, its worker in our hands."""

    name: str
    app: Any
    worker: Any
    calls: list[Seen]
    token: str = ""

    @property
    def package(self) -> str:
        return "provider_service" if self.name == "provider" else "consumer_service"

    @property
    def issuer(self) -> str:
        return ORIGINS[self.name]

    @property
    def context(self) -> Any:
        return self.app.state.context

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    async def write(self, work: Any, *given: Any, **named: Any) -> Any:
        return await self.context.database.write(work, *given, **named)

    async def operate(self) -> None:
        """Bring the schema, let an administrator be, and make a token that may everything."""
        directory, domain = self.module("directory.service"), self.module("directory.domain")
        caller = domain.operator("test")
        roles = frozenset(Role) - {Role.SN_SB_PRO_CONSUMER}
        person = await self.write(directory.find_user, ADMIN)
        await self.write(
            directory.set_roles, person.id, change=lambda _person: roles, caller=caller, now=self.context.clock()
        )
        self.token = await self.token_of(person, domain.SCOPES)

    async def token_of(self, person: Any, scopes: frozenset[str]) -> str:
        """Make an API token that acts for ``person``."""
        directory, domain = self.module("directory.service"), self.module("directory.domain")
        caller = domain.Caller(
            self.module("audit.domain").Actor("user", person.id, person.name), person.id, person.roles
        )
        made = await self.write(
            directory.create_token, name="test", scopes=scopes, days=1, caller=caller, now=self.context.clock()
        )
        return str(made.secret)

    async def http_key(self) -> PrivateKey:
        """Return the key that signs what this instance asks of others."""
        key: PrivateKey = await self.write(self.module("keys.service").signer, self.context.masters, KeyPurpose.HTTP)
        return key

    async def turn(self) -> None:
        """Do once what the worker does all the time."""
        await self.worker.beat()
        await self.worker.scan()
        await self.worker.handshakes()
        await self.worker.connections()
        await self.worker.watch()
        await self.worker.keys()
        await self.worker.delivery.deliver_due()
        if self.name != "provider":
            await self._pull()

    async def _pull(self) -> None:
        calls, composition = self.module("connections.calls"), self.module("composition")
        hooks = composition.connection_hooks()
        listed = self.module("connections.service").list_connections
        for row in await self.context.database.read(listed, now=self.context.clock()):
            if row.delivery == DeliveryMode.PULL:
                with suppress(ExchangeError):  # as the worker does, which comes back later
                    await calls.pull(self.context, row.id, composition.message_handlers(), hooks=hooks, wait=0)


@dataclass
class World:
    """The instances, and what they have said to one another."""

    instances: dict[str, Instance]
    calls: list[Seen] = field(default_factory=list)

    @property
    def provider(self) -> Instance:
        return self.instances["provider"]

    @property
    def consumer(self) -> Instance:
        return self.instances["consumer"]

    @property
    def puller(self) -> Instance:
        return self.instances["puller"]

    @property
    def newcomer(self) -> Instance:
        return self.instances["newcomer"]

    async def turn(self) -> None:
        """Let every worker do its part once."""
        for instance in self.instances.values():
            await instance.turn()


def settings_of(name: str, folder: Path, **more: Any) -> Any:
    """Return the settings of one instance that keeps its things in ``folder``."""
    package = "provider_service" if name == "provider" else "consumer_service"
    return load(
        importlib.import_module(f"{package}.settings").Settings,
        data_dir=folder / name,
        issuer=ORIGINS[name],
        environment="development",
        log_level="error",
        first_admin_email=ADMIN,
        first_admin_password=PASSWORD,
        password_memory_kib=8,
        password_time_cost=1,
        password_parallelism=1,
        **more,
    )


@asynccontextmanager
async def opened(folder: Path, *names: str) -> AsyncIterator[World]:
    """Run the named instances whose data is in ``folder``; an empty folder gets new ones."""
    transports: dict[str, httpx.AsyncBaseTransport] = {}
    calls: list[Seen] = []
    async with AsyncExitStack() as exits:
        made = {}
        for name in names:
            made[name] = instance = _made(name, folder, transports, calls)
            transports[ORIGINS[name]] = Watched(instance.app, ORIGINS[name], calls)
        for instance in made.values():
            instance.context.peers._transports.update(transports)
            await exits.enter_async_context(instance.app.router.lifespan_context(instance.app))
            await instance.operate()
        yield World(made, calls)


def _made(name: str, folder: Path, transports: dict[str, httpx.AsyncBaseTransport], calls: list[Seen]) -> Instance:
    package = "provider_service" if name == "provider" else "consumer_service"
    app = importlib.import_module(f"{package}.app").create_app(
        settings_of(name, folder), transports=transports, embedded_worker=False
    )
    migrate(app.state.context.database, package)
    worker = importlib.import_module(f"{package}.worker").Worker(app.state.context)
    return Instance(name, app, worker, calls)
