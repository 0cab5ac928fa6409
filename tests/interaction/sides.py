"""One real service in the test's process: its application, its worker driven turn by turn, its operator's API."""

import importlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi import FastAPI

from shared.runtime.database import Database
from shared.wire.errors import Unavailable
from tests.databases import migrate
from tests.interaction.network import Clock, Wire

ADMIN = "admin@example.com"
PASSWORD = "correct horse battery staple"
FAST = {"password_memory_kib": 8, "password_time_cost": 1, "password_parallelism": 1}
_numbers = count(1)

Document = dict[str, Any]


class Refusal(AssertionError):
    """The operator's API refused; ``code`` and ``status`` say why."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.method} {response.request.url.path}: {response.text}")
        self.status = response.status_code
        self.code: str = response.json().get("code", "")


class Worker(Protocol):
    """The turns both services' workers have."""

    async def scan(self) -> None: ...
    async def handshakes(self) -> None: ...
    async def connections(self) -> None: ...
    async def keys(self) -> None: ...
    async def beat(self) -> None: ...
    async def watch(self) -> None: ...
    async def access(self) -> None: ...


class Side:
    """A service by its package name, at an issuer, over a database and a data directory."""

    def __init__(self, package: str, issuer: str, url: str, data_dir: Path, wire: Wire, clock: Clock) -> None:
        self.package, self.issuer, self.url, self.data_dir = package, issuer, url, data_dir
        self.wire, self.clock = wire, clock
        self.exits = AsyncExitStack()
        self.failing = False
        self.token = ""

    def module(self, name: str) -> Any:
        """A module of this service."""
        return importlib.import_module(f"{self.package}.{name}")

    def migrate(self) -> None:
        """Make the tables."""
        database = Database(self.url)
        migrate(database, self.package)
        database.close()

    async def start(self) -> None:
        """Start the application over whatever its database holds; a crash before left nothing else."""
        settings = self.module("settings").Settings(
            issuer=self.issuer,
            data_dir=self.data_dir,
            database_url=self.url,
            first_admin_email=ADMIN,
            first_admin_password=PASSWORD,
            **FAST,
        )
        transports = _Anywhere(self.wire.from_(self.issuer))
        self.app: FastAPI = self.module("app").create_app(
            settings, clock=self.clock, transports=transports, embedded_worker=False
        )
        self.context = self.app.state.context
        self._write = self.context.database.write
        self.context.database.write = self._may_fail
        self.worker = self.module("worker").Worker(self.context)
        await self.exits.enter_async_context(self.app.router.lifespan_context(self.app))
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.wire.apps[self.issuer] = transport
        self.client = await self.exits.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=self.issuer, timeout=30)
        )

    async def stop(self) -> None:
        """End the process; what is not committed is lost."""
        await self.exits.aclose()
        self.exits = AsyncExitStack()

    async def restart(self) -> None:
        """Stop and start again over the same database."""
        await self.stop()
        await self.start()

    def fail_next_commit(self) -> None:
        """Let the next transaction be undone at its commit."""
        self.failing = True

    async def _may_fail(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        if not self.failing:
            return await self._write(work, *args, **named)
        self.failing = False

        def undone(session: Any) -> None:
            work(session, *args, **named)
            raise Unavailable("The transaction could not be committed", code="database_unavailable")

        return await self._write(undone)

    async def sign_up(self) -> None:
        """Give the administrator an API token."""
        directory, deps = self.module("directory.service"), self.module("directory.deps")
        signed = await deps.sign_in(self.context, email=ADMIN, password=PASSWORD, address="192.0.2.1")
        session = await self.read(directory.resolve_session, signed.cookie, address="192.0.2.1", now=self.clock())
        made = await self._write(
            directory.create_token,
            name="tests",
            scopes=self.module("directory.domain").SCOPES,
            days=30,
            caller=getattr(session, "caller", session),
            now=self.clock(),
        )
        self.token = made.secret

    async def read(self, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Read in one transaction."""
        return await self.context.database.read(work, *args, **named)

    async def write(self, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Write in one transaction."""
        return await self.context.database.write(work, *args, **named)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Call the operator's API as the administrator."""
        given = {"authorization": f"Bearer {self.token}"} | {name.replace("_", "-"): v for name, v in headers.items()}
        if method != "GET":
            given.setdefault("idempotency-key", f"test-{next(_numbers)}")
        return await self.client.request(method, f"/api/v1/{path}", json=body, headers=given)

    async def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """As `ask`; the document, or Refusal."""
        response = await self.ask(method, path, body, **headers)
        if response.status_code >= 400:
            raise Refusal(response)
        return response.json()

    async def items(self, path: str) -> list[Document]:
        """The first page of a collection."""
        found: list[Document] = (await self.api("GET", path))["items"]
        return found

    async def share(self, text: str, **more: str) -> Document:
        """Open an incident and share it over the youngest connection."""
        fields = {"short_description": text, "state": "New"} | more
        body = {"fields": fields, "connection_id": (await self.connection())["id"]}
        return dict(await self.api("POST", "incidents", body))

    async def texts(self) -> list[str]:
        """Short descriptions of the incidents here, sorted."""
        return sorted(one["fields"]["short_description"] for one in await self.items("incidents?limit=200"))

    async def connection(self) -> Document:
        """The youngest connection."""
        return (await self.items("connections"))[0]

    async def turn(self) -> None:
        """Everything this side's worker does, once. One turn that fails does not keep the others from theirs."""
        turns: list[Callable[[], Awaitable[object]]] = [
            self.worker.scan,
            self.worker.handshakes,
            self.worker.connections,
            self.worker.keys,
            self.worker.delivery.deliver_due,
            self.pull,
        ]
        turns += [self.worker.access] if self.package == "consumer_service" else []
        for turn in turns:
            try:
                await turn()
            except Unavailable as error:
                if error.code != "database_unavailable":
                    raise
        await self.app.state.holder.refresh()

    async def pull(self) -> int:
        """Fetch all there is on every connection on which this side is never called; how many messages came."""
        if self.package != "consumer_service":
            return 0
        calls, handlers = self.module("connections.calls"), self.app.state.message_handlers
        fetched = 0
        for connection in await self.items("connections"):
            if connection["delivery"] == "pull" and connection["state"] in ("Connecting", "Active"):
                while came := await _silently(calls.pull(self.context, connection["id"], handlers, wait=0)):
                    fetched += came
        return fetched


async def _silently(call: Awaitable[int]) -> int:
    """What a worker would log and try again later counts as nothing fetched."""
    from shared.wire.errors import ExchangeError

    try:
        return await call
    except ExchangeError:
        return 0


class _Anywhere(dict[str, Any]):
    """Every origin is reached over the wire, those that nobody serves too."""

    def __init__(self, way: httpx.AsyncBaseTransport) -> None:
        super().__init__({f"https://{name}.example": way for name in ("p", "c", "d", "q")})
