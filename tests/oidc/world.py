"""Either service, whole, over a fresh database of either engine; an identity provider on a port; browsers."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from shared.transport.client import in_process
from shared.wire.states import InstanceType, Role
from tests.databases import lay_tables
from tests.oidc.provider import CLIENT, SECRET, IdentityProvider
from tests.peer.live import live, loopback
from tests.peer.network import Clock

ISSUER = "https://exchange.example"
PASSWORD = "correct horse battery staple"
SLUG = "staff"

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """Keeps cookies, says where its requests come from, fills forms in, and has an account at the provider or not."""

    def __init__(self, house: "House", client: httpx.AsyncClient) -> None:
        self.house = house
        self.client = client

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"accept": "text/html"})

    async def shown(self, answer: httpx.Response) -> str:
        """Return the text of the page a redirect leads to."""
        assert answer.status_code == 303, answer.text
        return html.unescape((await self.get(answer.headers["location"])).text)

    async def token(self) -> str:
        """The token of this session's forms."""
        found = _CSRF.search((await self.get("/account")).text)
        return html.unescape(found[1]) if found else ""

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        data = {"csrf_token": await self.token(), **fields}
        return await self.client.post(path, data=data, headers={"sec-fetch-site": "same-origin"})

    async def api(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Call the API as pages' scripts do."""
        sent = {"x-csrf-token": await self.token(), "sec-fetch-site": "same-origin"}
        if method == "POST":
            sent["idempotency-key"] = f"key-{next(self.house.numbers)}"
        if method == "PATCH":
            sent["content-type"] = "application/merge-patch+json"
        return await self.client.request(method, f"/api/v1{path}", json=body, headers=sent | headers)

    async def begin(self, path: str = f"/sign-in/oidc/{SLUG}") -> str:
        """Go where the provider is asked; return the address there."""
        answer = await self.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def answered(self, subject: str | None, path: str = f"/sign-in/oidc/{SLUG}") -> str:
        """Go to the provider and return what it sends the browser back to."""
        return await self.house.idp.visited(await self.begin(path), subject)

    async def sign_in(self, subject: str | None, following: str = "/account") -> httpx.Response:
        """Sign in by the provider, with an account there."""
        return await self.get(await self.answered(subject, f"/sign-in/oidc/{SLUG}?next={following}"))

    async def inside(self) -> bool:
        """Whether somebody is signed in."""
        return (await self.get("/account")).status_code == 200


@dataclass
class House:
    """The service and ways to come to its door."""

    package: str
    app: FastAPI
    clock: Clock
    idp: IdentityProvider
    exits: AsyncExitStack
    issuer: str = ISSUER
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    provider: dict[str, Any] = field(default_factory=dict)
    admin: Browser = field(init=False)

    def module(self, name: str) -> ModuleType:
        return import_module(f"{self.package}.{name}")

    @property
    def context(self) -> Any:
        return self.app.state.context

    @property
    def system(self) -> Any:
        return self.module("audit.domain").SYSTEM

    def now(self) -> datetime:
        return self.context.clock()

    async def open(self) -> None:
        """Create the instance's record, so that it has keys, its administrator, and the provider's."""
        domain, service = self.module("instance.domain"), self.module("instance.service")
        made = await self.context.database.write(
            service.create,
            domain.NewInstance(name="hub-one", instance_type=InstanceType.SUB_PRODUCTION),
            issuer=self.issuer,
            actor=self.system,
            hooks=self.app.state.instance_hooks,
            now=self.now(),
        )
        service.mark(made, self.context.settings.data_dir)
        await self.app.state.holder.refresh()
        self.admin = await self.browser(await self.person(Role.ADMIN))
        self.provider = await self.meet(self.idp)

    async def meet(self, idp: IdentityProvider, slug: str = SLUG, **facts: Any) -> dict[str, Any]:
        """Let the word of an identity provider count, and register with it."""
        body = {"slug": slug, "issuer": idp.issuer, "name": slug, "client_id": CLIENT, "client_secret": SECRET} | facts
        answer = await self.admin.api("POST", "/identity-providers", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        idp.redirect_uris.add(made["redirect_uri"])
        return made

    async def change(self, **facts: Any) -> dict[str, Any]:
        """Change the provider's record."""
        path = f"/identity-providers/{self.provider['id']}"
        etag = (await self.admin.api("GET", path)).headers["etag"]
        answer = await self.admin.api("PATCH", path, facts, **{"if-match": etag})
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    async def person(self, *roles: Role, email: str = "", password: str | None = PASSWORD) -> Any:
        number = next(self.numbers)
        prepared = None if password is None else self.module("directory.deps").hasher_of(self.context).prepare(password)
        return await self.context.database.write(
            self.module("directory.service").add_user,
            email=email or f"person{number}@example.com",
            name=f"Person {number}",
            roles=frozenset(roles),
            password=prepared,
            actor=self.system,
            now=self.now(),
        )

    async def linked(self, subject: str, *roles: Role, **facts: Any) -> Any:
        """A person whom an administrator has linked to ``subject``."""
        person = await self.person(*roles, **facts)
        await self.link(person, subject)
        return person

    async def link(self, person: Any, subject: str) -> dict[str, Any]:
        body = {"provider_id": self.provider["id"], "subject": subject}
        answer = await self.admin.api("POST", f"/users/{person.id}/identities", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def stranger(self) -> Browser:
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 5000))
        client = httpx.AsyncClient(transport=transport, base_url=self.issuer, timeout=20)
        return Browser(self, await self.exits.enter_async_context(client))

    async def browser(self, person: Any, password: str = PASSWORD) -> Browser:
        """A browser in which a person has signed in locally."""
        browser = await self.stranger()
        answer = await browser.post("/sign-in", email=person.email, password=password)
        assert answer.status_code == 303, answer.text
        return browser

    async def refusals(self) -> list[tuple[str, str]]:
        """Code and subject of every refusal that was written down, the newest first."""
        answer = await self.admin.api("GET", "/audit?action=oidc.refused")
        return [(entry["after"]["code"], entry["after"]["subject"]) for entry in answer.json()["items"]]

    async def users(self) -> list[str]:
        """The mail address of everybody."""
        return [user["email"] for user in (await self.admin.api("GET", "/users")).json()["items"]]

    async def reset(self, person: Any, password: str) -> httpx.Response:
        """Let a person set the password by a link."""
        shown = await self.admin.post(f"/users/{person.id}/password-link")
        found = re.search(r"#token=([^\"]*)\"", html.unescape(shown.text))
        assert found is not None
        stranger = await self.stranger()
        return await stranger.post("/password/set", token=found[1], password=password)


@asynccontextmanager
async def provider_on_a_port(now: Any) -> AsyncIterator[IdentityProvider]:
    """An identity provider behind a socket."""
    at = loopback()
    idp = IdentityProvider(at.issuer, now)
    async with live(idp.app, at):
        yield idp


@asynccontextmanager
async def house_of(package: str, database_url: str, data_dir: Path, issuer: str = ISSUER) -> AsyncIterator[House]:
    """One service, and the identity provider it may call: loopback, by the setting of development."""
    async with AsyncExitStack() as exits:
        clock = Clock()
        idp = await exits.enter_async_context(provider_on_a_port(clock))

        async def itself(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        settings = import_module(f"{package}.settings").Settings(
            issuer=issuer,
            data_dir=data_dir,
            database_url=SecretStr(database_url),
            allowed_origins=(idp.issuer,),
            password_time_cost=1,
            password_memory_kib=8,
            password_parallelism=1,
        )
        app = import_module(f"{package}.app").create_app(
            settings,
            clock=lambda: datetime.fromtimestamp(clock(), UTC),
            transports={issuer: in_process(itself)},
            embedded_worker=False,
        )
        context = app.state.context
        exits.callback(context.database.close)
        exits.push_async_callback(context.peers.aclose)
        lay_tables(context.database, package)
        house = House(package, app, clock, idp, exits, issuer)
        await house.open()
        yield house
