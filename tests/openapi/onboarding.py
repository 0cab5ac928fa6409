"""Onboarding two instances with each other, done by the operator's API as far as it goes without a browser."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from shared.wire.identifiers import new_id
from tests.openapi.world import Instance, Seen, World

TURNS = 40
"""Turns of the workers within which anything under way has ended."""


@dataclass
class Operator:
    """Somebody with every role and scope at one instance's API."""

    instance: Instance

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API and return its answer's document; a refusal fails the test."""
        transport = httpx.ASGITransport(self.instance.app)
        async with httpx.AsyncClient(transport=transport, base_url=self.instance.issuer) as client:
            given = {
                "authorization": f"Bearer {self.instance.token}",
                "idempotency-key": new_id(),
                **headers,
            }
            answer = await client.request(method, path, json=body, headers=given)
        self.instance.calls.append(
            Seen(
                self.instance.issuer, method, path.partition("?")[0], answer.status_code, answer.headers, answer.content
            )
        )
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json()


async def register(world: World, consumer: Instance, label: str) -> dict[str, Any]:
    """Make a company with its contact and open a registration of ``consumer``, up to the invitation."""
    operator = Operator(world.provider)
    company = await operator.call("POST", "/api/v1/companies", {"name": label, "external_key": label})
    path = f"/api/v1/companies/{company['id']}/contacts"
    contact = await operator.call("POST", path, {"email": f"{label}@example.com", "name": f"Contact of {label}"})
    body = {"company_id": company["id"], "contact_id": contact["id"], "consumer_url": consumer.issuer}
    opened = await operator.call("POST", "/api/v1/registrations", body)
    opened = await until(world, operator, f"/api/v1/registrations/{opened['number']}", "Awaiting Validation")
    return {**opened, "user_id": contact["user_id"]}


async def take_up(world: World, consumer: Instance, registration: dict[str, Any], delivery: str) -> dict[str, Any]:
    """Open the invitation at the consumer, up to where it can connect."""
    path = f"/api/v1/registrations/{registration['number']}/invitation/copy"
    link = (await Operator(world.provider).call("POST", path))["link"]
    operator = Operator(consumer)
    body = {"link": link, "provider": world.provider.issuer, "delivery": delivery}
    taken = await operator.call("POST", "/api/v1/provider-connections", body)
    path = f"/api/v1/provider-connections/{taken['id']}"
    found: dict[str, Any] = await until(world, operator, path, "Awaiting Validation")
    return found


async def announce(consumer: Instance, taken: dict[str, Any]) -> dict[str, str]:
    """Choose Connect to Provider; return the browser's way and the comparison code."""
    way: dict[str, str] = await Operator(consumer).call("POST", f"/api/v1/provider-connections/{taken['id']}/connect")
    return way


async def connect(world: World, consumer: Instance, registration: dict[str, Any], taken: dict[str, Any]) -> None:
    """Announce, let the contact allow it, confirm the comparison code where it is due, and redeem the code."""
    operator, provider = Operator(consumer), world.provider
    path = f"/api/v1/provider-connections/{taken['id']}"
    way = await announce(consumer, taken)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(way["authorize_url"]).query).items()}
    puller = taken["delivery"] == "pull"
    back = await provider.write(
        provider.module("handshakes.service").decide,
        client_id=asked["client_id"],
        request_uri=asked["request_uri"],
        user_id=registration["user_id"],
        allow=True,
        typed=way["comparison_code"],
        now=provider.context.clock(),
    )
    given = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    context = consumer.context
    person = (await operator.call("GET", "/api/v1/me"))["user"]["id"]
    connection_id = await consumer.write(
        consumer.module("handshakes.service").returned,
        state=given["state"],
        iss=given["iss"],
        code=given["code"],
        error=None,
        user_id=person,
        masters=context.masters,
        now=context.clock(),
    )
    if puller:
        await operator.call("POST", f"{path}/confirmation", {"comparison_code": way["comparison_code"]})
    await consumer.module("handshakes.calls").complete(context, connection_id=connection_id)
    await until(world, operator, path, taken["state"], "Connected", "In Progress", end="Onboarded")


async def until(world: World, operator: Operator, path: str, *before: str, end: str = "") -> Any:
    """Turn the workers until the state is none of ``before``, or is ``end``."""
    for _ in range(TURNS):
        found = await operator.call("GET", path)
        if found["state"] == end or (not end and found["state"] not in before):
            return found
        await world.turn()
    raise AssertionError((path, found))
