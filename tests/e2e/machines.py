"""The two services as real processes, started, stopped and killed, and onboarded with each other over HTTP.

On SQLite a side is one process; on PostgreSQL it is an HTTP process and a worker, as an operator would run it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx

from demo.forms import Browser
from provider_service.handshakes import service as handshakes
from shared.runtime.database import Database
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
ADMIN = ("admin@example.com", "correct-horse-battery-staple")
START_SECONDS = PATIENCE_SECONDS
BOTH = ("instance:write", "connections:read", "incidents:write", "issues:read")
SCOPES = {
    "provider": (*BOTH, "companies:write", "registrations:write"),
    "consumer": (*BOTH, "provider-connections:write"),
}
Answer = TypeVar("Answer")


async def until(what: str, ask: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """Ask until the answer is true; return it, or fail naming what did not happen."""
    end = time.monotonic() + seconds
    while not (answer := await ask()):
        if time.monotonic() > end:
            raise AssertionError(f"Within {seconds:g} seconds it did not happen that {what}")
        await asyncio.sleep(0.05)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Machine:
    """One side. ``issuer`` is the address its peer knows: the fault proxy's, or its own."""

    name: str
    database_url: str
    home: Path
    peer_issuer: str = ""
    issuer: str = ""
    port: int = field(default_factory=free_port)
    token: str = ""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = self.issuer or self.url
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = self.home / f"{self.name}.log"

    @property
    def roles(self) -> tuple[str, ...]:
        """The commands this side runs."""
        return ("serve",) if self.database_url.startswith("sqlite") else ("serve", "worker")

    def environment(self) -> dict[str, str]:
        own = {
            "ENVIRONMENT": "development",
            "DATA_DIR": str(self.home / self.name),
            "DATABASE_URL": self.database_url,
            "LISTEN_PORT": str(self.port),
            "ISSUER": self.issuer,
            "ALLOWED_ORIGINS": self.peer_issuer,
            "LOG_LEVEL": "warning",
            "MESSAGES_PER_REQUEST": "10",  # many exchanges for few messages
            "FIRST_ADMIN_EMAIL": ADMIN[0],
            "FIRST_ADMIN_PASSWORD": ADMIN[1],
            "PASSWORD_TIME_COST": "1",
            "PASSWORD_MEMORY_KIB": "8",
            "PASSWORD_PARALLELISM": "1",
        }
        given = {f"{self.name.upper()}_{key}": value for key, value in own.items() if value}
        return {**os.environ, **given, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}

    def spawn(self, role: str, *options: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"{self.name}_service", role, *options],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def start(self) -> None:
        """Start what is not running; return once the side is ready."""
        if "serve" not in self.processes:
            self.processes["serve"] = self.spawn("serve", "--migrate")
        if "worker" in self.roles and "worker" not in self.processes and self.token:
            self.processes["worker"] = self.spawn("worker")  # the schema is there already
        async with httpx.AsyncClient() as client:
            await until(f"the {self.name} is ready", lambda: self._ready(client), START_SECONDS)
        if "worker" in self.roles and "worker" not in self.processes:
            self.processes["worker"] = self.spawn("worker")

    async def _ready(self, client: httpx.AsyncClient) -> bool:
        for role, process in self.processes.items():
            assert process.poll() is None, f"the {self.name}'s {role} ended by itself:\n{self.tail()}"
        try:
            return (await client.get(f"{self.url}/health/ready", timeout=20)).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self, role: str) -> None:
        """End one process as a power cut would."""
        process = self.processes.pop(role, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End every process; graceful ends are a test of their own."""
        for role in list(self.processes):
            self.kill(role)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


class Api:
    """One side's API for an integrator with a token."""

    def __init__(self, machine: Machine) -> None:
        self._client = httpx.AsyncClient(
            base_url=machine.url, headers={"authorization": f"Bearer {machine.token}"}, timeout=PATIENCE_SECONDS
        )

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        headers = {"idempotency-key": key or os.urandom(12).hex()}
        return await self._client.request(method, path, json=body, headers=headers)

    async def get(self, path: str) -> Any:
        return _checked(await self._client.get(path))

    async def post(self, path: str, body: Any = None) -> Any:
        return _checked(await self.send("POST", path, body))

    async def aclose(self) -> None:
        await self._client.aclose()


def _checked(response: httpx.Response) -> Any:
    assert response.status_code < 400, f"{response.request.method} {response.request.url}: {response.text}"
    return response.json()


def _signed_in(machine: Machine) -> Browser:
    browser = Browser()
    browser.open(f"{machine.issuer}/sign-in")
    browser.submit("Sign in", email=ADMIN[0], password=ADMIN[1])
    machine.token = browser.make_token(machine.issuer, SCOPES[machine.name])
    return browser


async def onboard(provider: Machine, consumer: Machine) -> str:
    """Onboard two fresh machines; return the connection's id. The contact's consent is given on the database."""
    browsers = [await asyncio.to_thread(_signed_in, machine) for machine in (provider, consumer)]
    apis = Api(provider), Api(consumer)
    try:
        return await _introduce(provider, consumer, *apis, browsers[1])
    finally:
        for browser in browsers:
            browser.close()
        for api in apis:
            await api.aclose()


async def _introduce(provider: Machine, consumer: Machine, p: Api, c: Api, admin: Browser) -> str:
    for api, name in ((p, "msp-one"), (c, "customer-one")):
        record = {"name": name, "instance_type": "sub_production", "sender_address": "desk@example.com"}
        await api.post("/api/v1/instance", {**record, "support_contact": "desk"})
    company = (await p.post("/api/v1/companies", {"name": "Customer One"}))["id"]
    contact = await p.post(f"/api/v1/companies/{company}/contacts", {"email": "ann@example.com", "name": "Ann"})
    task = {"company_id": company, "contact_id": contact["id"], "consumer_url": consumer.issuer}
    number = (await p.post("/api/v1/registrations", task))["number"]
    registration = f"/api/v1/registrations/{number}"
    await _becomes(p, registration, "Open")
    link = (await p.post(f"{registration}/invitation/copy"))["link"]
    made = await c.post("/api/v1/provider-connections", {"link": link, "provider": provider.issuer})
    path = f"/api/v1/provider-connections/{made['id']}"
    await _becomes(c, path, "Validated")
    asked = await c.post(f"{path}/connect")
    callback = await asyncio.to_thread(_consent, provider, asked["authorize_url"], contact["user_id"])
    await asyncio.to_thread(admin.open, callback)
    await _becomes(c, path, "Onboarded")
    await _becomes(p, registration, "Closed Complete")
    return str((await p.get("/api/v1/connections"))["items"][0]["id"])


async def _becomes(api: Api, path: str, state: str) -> None:
    async def there() -> bool:
        return bool((await api.get(path))["state"] == state)

    await until(f"{path} is {state}", there, PATIENCE_SECONDS)


def _consent(provider: Machine, authorize_url: str, user_id: str) -> str:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
    database = Database(provider.database_url)
    try:
        with database.transaction() as session:
            return handshakes.decide(
                session,
                client_id=asked["client_id"],
                request_uri=asked["request_uri"],
                user_id=user_id,
                allow=True,
                typed=None,
                now=datetime.now(UTC),
            )
    finally:
        database.close()
