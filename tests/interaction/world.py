"""A provider and its consumers, both real, over one wire and one clock; and the people who click."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.interaction.network import Clock, Wire
from tests.interaction.sides import ADMIN, Document, Refusal, Side

PROVIDER = "https://p.example"
CONSUMER = "https://c.example"

Urls = Callable[[str], str]
"""Database URL of a side by its name."""


@dataclass
class World:
    """Two services and what their people know: the link, the number, the consumer's onboarding."""

    wire: Wire
    clock: Clock
    provider: Side
    consumer: Side
    known: Document = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.provider, self.consumer

    @property
    def number(self) -> str:
        """Number of the registration."""
        return str(self.known["number"])

    @property
    def onboarding(self) -> str:
        """Path of the consumer's onboarding in its API."""
        return f"provider-connections/{self.known['onboarding']}"

    async def begin(self) -> None:
        """Two instances with their records; at the provider a company with a contact."""
        for side, name in zip(self.sides, ("desk-one", "customer-one"), strict=True):
            await side.sign_up()
            await side.worker.beat()
            record = {"name": name, "instance_type": "sub_production", "sender_address": "desk@example.com"}
            await side.api("POST", "instance", {**record, "support_contact": "the desk"})
            await side.app.state.holder.refresh()
        company = await self.provider.api("POST", "companies", {"name": "Customer One"})
        self.known["company"] = company["id"]
        person = {"email": "ann@customer.example", "name": "Ann"}
        contact = await self.provider.api("POST", f"companies/{company['id']}/contacts", person)
        self.known |= {"contact": contact["id"], "person": contact["user_id"]}

    async def invite(self, url: str = CONSUMER, **more: Any) -> str:
        """Open a registration, let the scan pass, and return the link."""
        wanted = {"company_id": self.known["company"], "contact_id": self.known["contact"], "consumer_url": url}
        task = await self.provider.api("POST", "registrations", wanted | more)
        self.known["number"] = task["number"]
        await self.beat()
        await self.provider.turn()
        assert (await self.registration())["state"] == "Open", await self.provider.items("issues")
        return await self.link()

    async def link(self) -> str:
        """The link as the operator copies it."""
        copied = await self.provider.api("POST", f"registrations/{self.number}/invitation/copy")
        self.known["link"] = copied["link"]
        return str(copied["link"])

    async def beat(self) -> None:
        """Both workers are alive."""
        for side in self.sides:
            await side.worker.beat()

    async def take_up(self, delivery: str = "push") -> Document:
        """The consumer's administrator opens the link and confirms whose it is; the scan passes."""
        body = {"link": self.known["link"], "provider": PROVIDER, "delivery": delivery}
        made = await self.consumer.api("POST", "provider-connections", body)
        self.known["onboarding"] = made["id"]
        await self.beat()
        await self.consumer.turn()
        return await self.taken_up()

    async def registration(self) -> Document:
        """The task as the provider's API shows it."""
        return dict(await self.provider.api("GET", f"registrations/{self.number}"))

    async def taken_up(self) -> Document:
        """The onboarding as the consumer's API shows it."""
        return dict(await self.consumer.api("GET", self.onboarding))

    async def connect(self) -> Document:
        """Connect to Provider: announcement, reveal, authorization request."""
        answer = dict(await self.consumer.api("POST", f"{self.onboarding}/connect"))
        self.known["authorize_url"] = answer["authorize_url"]
        self.known["comparison"] = answer["comparison_code"]
        return answer

    async def decide(self, *, allow: bool = True, typed: str | None = None, person: str | None = None) -> str:
        """The contact's browser at the provider; where it is sent."""
        query = {name: value[0] for name, value in parse_qs(urlsplit(self.known["authorize_url"]).query).items()}
        handshakes = self.provider.module("handshakes.service")
        url = await self.provider.write(
            handshakes.decide,
            client_id=query["client_id"],
            request_uri=query["request_uri"],
            user_id=person or self.known["person"],
            allow=allow,
            typed=typed,
            now=self.clock(),
        )
        self.known["landing"] = url
        return str(url)

    async def come_back(self, landing: str | None = None, **changes: str | None) -> None:
        """The browser comes back to the consumer."""
        query: dict[str, str | None] = {
            name: value[0] for name, value in parse_qs(urlsplit(landing or self.known["landing"]).query).items()
        }
        query |= changes
        handshakes = self.consumer.module("handshakes.service")
        await self.consumer.write(
            handshakes.returned,
            **{name: query.get(name) for name in ("state", "iss", "code", "error")},
            user_id=await self.administrator(),
            masters=self.consumer.context.masters,
            now=self.clock(),
        )

    async def administrator(self) -> str:
        """Id of the consumer's administrator."""
        people = await self.consumer.items("users")
        return str(next(person["id"] for person in people if person["email"] == ADMIN))

    async def approve(self) -> None:
        """Everything people do after Connect to Provider."""
        taken = await self.taken_up()
        confirm = taken["delivery"] == "pull" or taken["rekeys"] is not None
        await self.decide(typed=self.known["comparison"] if confirm else None)
        await self.come_back()
        if confirm:
            await self.consumer.api(
                "POST", f"{self.onboarding}/confirmation", {"comparison_code": self.known["comparison"]}
            )

    async def onboard(self, delivery: str = "push") -> None:
        """From the link to Onboarded."""
        await self.take_up(delivery)
        await self.connect()
        await self.approve()
        await self.until(self.onboarded)

    async def onboarded(self) -> bool:
        """Whether both sides say that it is done."""
        return (await self.states()) == ("Closed Complete", "Onboarded")

    async def states(self) -> tuple[str, str]:
        """State of the task, state of the onboarding."""
        return (await self.registration())["state"], (await self.taken_up())["state"]

    async def connections(self) -> tuple[str, str]:
        """State of the connection at the provider and at the consumer."""
        one, other = [(await side.connection())["state"] for side in self.sides]
        return one, other

    async def turn(self, seconds: float = 1.0) -> None:
        """Both workers do their turns; then time passes."""
        for side in self.sides:
            await side.turn()
        self.clock.forward(seconds)

    async def until(self, reached: Callable[[], Awaitable[bool]], *, turns: int = 12, seconds: float = 6.0) -> None:
        """Turn until it is so; AssertionError after ``turns``."""
        for _ in range(turns):
            if await reached():
                return
            await self.turn(seconds)
        raise AssertionError(f"not reached after {turns} turns: {await self.states()}")


async def open_world(exits: AsyncExitStack, folder: Path, urls: Urls) -> World:
    """Both services, started over what ``folder`` and the databases hold."""
    wire, clock = Wire(), Clock()
    sides = [
        Side(f"{name}_service", issuer, urls(name), folder / name, wire, clock)
        for name, issuer in (("provider", PROVIDER), ("consumer", CONSUMER))
    ]
    world = World(wire, clock, sides[0], sides[1])
    kept = folder / "known.json"
    if kept.exists():
        world.known = json.loads(kept.read_text())
        clock.seconds = world.known["seconds"]
        for side in world.sides:
            side.token = world.known["tokens"][side.package]
    for side in world.sides:
        side.data_dir.mkdir(exist_ok=True)
        if not kept.exists():
            side.migrate()
        await side.start()
        exits.push_async_callback(side.stop)
    return world


def keep(world: World, folder: Path) -> None:
    """Write down what people know, so that the folder (and the databases) can be opened again."""
    tokens = {side.package: side.token for side in world.sides}
    (folder / "known.json").write_text(json.dumps(world.known | {"seconds": world.clock.seconds, "tokens": tokens}))


__all__ = ["CONSUMER", "PROVIDER", "Refusal", "World", "keep", "open_world"]
