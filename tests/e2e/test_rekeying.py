"""A lost identity put right by people at real processes, over HTTP alone: suspend, re-key, compare, go on."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.forms import Browser
from tests.e2e.machines import ADMIN, ROOT, SCOPES, Api, Machine, onboard, until
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

CONTACT, PASSWORD = "ann@example.com", "the-contact-of-the-customer"
MORE = ("keys:write", "connections:write", "audit:read")
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")


def signed_in(machine: Machine, email: str, password: str) -> Browser:
    browser = Browser()
    browser.open(f"{machine.url}/sign-in")
    browser.submit("Sign in", email=email, password=password)
    return browser


def administrator(machine: Machine) -> Browser:
    """The first administrator's browser; the machine's token may now do what this test does."""
    browser = signed_in(machine, *ADMIN)
    machine.token = browser.make_token(machine.url, (*SCOPES[machine.name], *MORE))
    return browser


def give_password(machine: Machine) -> None:
    """The operator prints the link by which the contact chooses a password; the contact does."""
    command = [sys.executable, "-m", f"{machine.name}_service", "users", "password-link", CONTACT]
    done = subprocess.run(command, cwd=ROOT, env=machine.environment(), capture_output=True, text=True, check=True)
    page, _, token = done.stdout.split()[-1].partition("#token=")
    browser = Browser()
    browser.open(page)
    browser.submit("Set password", token=token, password=PASSWORD)
    browser.close()


def allow(provider: Machine, url: str, code: str) -> str:
    """The contact signs in at the provider, types the code, and allows; where the browser is sent."""
    contact = Browser()
    contact.open(url)
    contact.submit("Sign in", email=CONTACT, password=PASSWORD)
    assert code not in contact.text
    callback = contact.submit_for_redirect("Allow", comparison_code=code)
    contact.close()
    return callback


async def state(api: Api, path: str, wanted: str) -> None:
    async def there() -> bool:
        return bool((await api.get(path))["state"] == wanted)

    await until(f"{path} is {wanted}", there, PATIENCE_SECONDS)


async def texts(api: Api) -> list[str]:
    found: list[dict[str, Any]] = (await api.get("/api/v1/incidents"))["items"]
    return sorted(one["fields"]["short_description"] for one in found)


async def test_a_lost_identity_is_replaced_by_people_on_both_sides_and_what_waited_arrives(
    pair_urls: dict[str, str], tmp_path: Path
) -> None:
    provider, consumer = (Machine(name, pair_urls[name], tmp_path) for name in ("provider", "consumer"))
    provider.peer_issuer, consumer.peer_issuer = consumer.issuer, provider.issuer
    try:
        await asyncio.gather(provider.start(), consumer.start())
        connection = await onboard(provider, consumer)
        await asyncio.to_thread(_put_right, provider, consumer, connection)
    finally:
        provider.stop()
        consumer.stop()


def _put_right(provider: Machine, consumer: Machine, connection: str) -> None:
    desk, customer = administrator(provider), administrator(consumer)
    give_password(provider)
    asyncio.run(_rekeyed(provider, consumer, connection, desk, customer))
    desk.close()
    customer.close()


async def _rekeyed(provider: Machine, consumer: Machine, connection: str, desk: Browser, customer: Browser) -> None:
    p, c = Api(provider), Api(consumer)
    at = f"{provider.url}/connections/{connection}"
    await c.post("/api/v1/keys/rekey", {"reason": "the disk was lost"})
    desk.open(f"{at}/suspend")
    desk.submit("Suspend", reason="the consumer lost its identity")
    assert "This connection is suspended" in desk.text
    desk.open(f"{at}/rekey")
    contact = re.search(r'<option value="([0-9a-f-]{36})"', desk.text)
    assert contact is not None
    desk.submit("Re-key", contact_id=contact[1])
    number = desk.url.rpartition("/")[2]
    registration = f"/api/v1/registrations/{number}"
    await state(p, registration, "Open")
    page, _, token = (await p.post(f"{registration}/invitation/copy"))["link"].partition("#token=")
    customer.open(page)
    customer.submit("Continue", token=token)
    assert "re-keys your connection" in customer.text
    customer.submit("Continue with")
    onboarding = f"/api/v1/provider-connections/{customer.url.rpartition('/')[2]}"
    await state(c, onboarding, "Validated")
    asked = await c.post(f"{onboarding}/connect")
    customer.open(allow(provider, asked["authorize_url"], asked["comparison_code"]))
    assert (await p.get(f"/api/v1/connections/{connection}"))["state"] == "Suspended"
    desk.open(f"{provider.url}/registrations/{number}")
    told = CODE.search(desk.text)
    assert told is not None
    customer.submit("Confirm code", comparison_code=told[0])
    await state(c, onboarding, "Onboarded")
    await state(p, registration, "Closed Complete")
    for api in (p, c):
        await state(api, f"/api/v1/connections/{connection}", "Active")
    fields = {"short_description": "after the loss", "state": "New"}
    await p.post("/api/v1/incidents", {"fields": fields, "connection_id": connection})

    async def arrived() -> bool:
        return "after the loss" in await texts(c)

    await until("the record arrives", arrived, PATIENCE_SECONDS)
    kid = (await p.post("/api/v1/keys/rotations", {"purpose": "http"}))["kid"]
    await state(p, f"/api/v1/keys/{kid}", "active")  # by a process that holds the identity: no worker does
    await p.aclose()
    await c.aclose()
