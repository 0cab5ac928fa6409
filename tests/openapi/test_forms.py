"""Who may send which form of the consoles: every route that takes one, from the table of routes, by every role."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from shared.wire.states import Role
from tests.openapi import documents
from tests.openapi.forms import STRANGERS, TAKEN_FROM
from tests.openapi.world import PASSWORD, Instance, opened

pytestmark = pytest.mark.anyio

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_OURS = {"sec-fetch-site": "same-origin", "accept": "text/html"}
_LAST = "/sign-out"


class Console:
    """The console of one service, and the browsers of people with these or those roles."""

    def __init__(self, instance: Instance, exits: AsyncExitStack) -> None:
        self.instance, self._exits = instance, exits

    @property
    def paths(self) -> list[str]:
        """Every path that takes a form, whatever its parts are called; the one that ends the session last."""
        routers = self.instance.module("console.assembly").ROUTERS
        routes = [one for router in routers for one in router.routes if isinstance(one, APIRoute)]
        taking = {re.sub(r"\{[^}]*\}", "{}", one.path) for one in routes if "POST" in one.methods}
        return sorted(taking, key=lambda path: (path == _LAST, path))

    async def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.instance.app, client=("192.0.2.7", 5000))
        client = httpx.AsyncClient(transport=transport, base_url=self.instance.issuer, timeout=20)
        return await self._exits.enter_async_context(client)

    async def signed_in(self, *roles: Role) -> tuple[httpx.AsyncClient, str]:
        """A browser somebody with these roles has signed in in, and the token of its forms."""
        directory = self.instance.module("directory.service")
        email = f"somebody-{'-'.join(roles).replace('.', '-')}@example.com"
        await self.instance.write(
            directory.add_user,
            email=email,
            name="Somebody",
            roles=frozenset(roles),
            password=self.instance.module("directory.deps").hasher_of(self.instance.context).prepare(PASSWORD),
            actor=self.instance.module("audit.domain").SYSTEM,
            now=self.instance.context.clock(),
        )
        browser = await self.browser()
        answer = await browser.post("/sign-in", data={"email": email, "password": PASSWORD}, headers=_OURS)
        assert answer.status_code == 303, answer.text
        found = _CSRF.search((await browser.get("/account", headers=_OURS)).text)
        assert found is not None
        return browser, html.unescape(found[1])


@asynccontextmanager
async def console(folder: Path, side: str) -> AsyncIterator[Console]:
    async with opened(folder, side) as world, AsyncExitStack() as exits:
        yield Console(world.instances[side], exits)


def nowhere(path: str) -> str:
    """Return a path whose parts name nothing there is."""
    return path.replace("{}", "0197f3c0-0000-7000-8000-000000000000")


@pytest.mark.parametrize("side", documents.NAMES)
async def test_a_form_is_taken_from_the_roles_of_its_row_and_from_nobody_else(side: str, tmp_path: Path) -> None:
    async with console(tmp_path, side) as desk:
        rows = TAKEN_FROM[side]
        assert set(desk.paths) - rows.keys() == set(), "who may send these forms? Give them a row in forms.py"
        assert rows.keys() - set(desk.paths) == set(), "there is no such form any more"
        wrong = []
        for role in [*Role, None]:
            browser, token = await desk.signed_in(*([role] if role else []))
            for path in (one for one in desk.paths if rows[one] != STRANGERS):
                answer = await browser.post(nowhere(path), data={"csrf_token": token}, headers=_OURS)
                assert answer.status_code in {200, 303, *range(400, 500), 503}, (path, answer.text)
                refused = answer.status_code == 403 and "role_missing" in answer.text
                if refused is (role in rows[path]):
                    wrong.append((role, path, answer.status_code))
        assert wrong == []


@pytest.mark.parametrize("side", documents.NAMES)
async def test_no_form_is_taken_from_nobody_another_site_or_without_the_session_s_token(
    side: str, tmp_path: Path
) -> None:
    async with console(tmp_path, side) as desk:
        nobody = await desk.browser()
        browser, token = await desk.signed_in(*(set(Role) - {Role.SN_SB_PRO_CONSUMER}))
        for path in desk.paths:
            elsewhere = {**_OURS, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
            answer = await browser.post(nowhere(path), data={"csrf_token": token}, headers=elsewhere)
            assert answer.status_code == 403, (path, answer.text)
            if TAKEN_FROM[side][path] == STRANGERS:
                continue
            answer = await browser.post(nowhere(path), data={"csrf_token": "forged"}, headers=_OURS)
            assert answer.status_code == 403, (path, answer.text)
            assert "csrf" in answer.text, path
            answer = await nobody.post(nowhere(path), data={}, headers=_OURS)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F"), path
