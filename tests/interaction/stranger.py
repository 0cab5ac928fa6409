"""The independent peer in the place of one of our services."""

from urllib.parse import parse_qs, urlsplit

import httpx

from tests.interaction.world import CONSUMER, PROVIDER, World
from tests.peer.connection import Connection, Linked
from tests.peer.consumer import Consumer, Handshake
from tests.peer.provider import Provider
from tests.peer.registration import Registration


def attach(world: World, peer: Linked) -> None:
    """Let the peer answer at its issuer, instead of our service."""
    world.wire.apps[peer.issuer] = httpx.ASGITransport(app=peer, raise_app_exceptions=True)


def strange_consumer(world: World, delivery: str = "push") -> Consumer:
    """A consumer at the registered address."""
    client = httpx.AsyncClient(transport=world.wire.from_(CONSUMER))
    peer = Consumer(CONSUMER, client, clock=world.clock.unix, delivery=delivery, name="stranger")
    attach(world, peer)
    return peer


def strange_provider(world: World) -> Provider:
    """A provider at our provider's address."""
    client = httpx.AsyncClient(transport=world.wire.from_(PROVIDER))
    peer = Provider(PROVIDER, client, clock=world.clock.unix, name="stranger")
    attach(world, peer)
    return peer


async def onboard_at_ours(world: World, peer: Consumer) -> Handshake:
    """The peer walks the handshake with our provider; raises what went wrong."""

    async def browser(url: str, code: str) -> str:
        world.known["authorize_url"] = url
        must_type = peer.delivery == "pull" or (await world.registration())["rekeys"] is not None
        return await world.decide(typed=code if must_type else None)

    return await peer.onboard(world.known["link"], browser)


async def settle_with_ours(world: World, peer: Consumer, end: Connection, *, turns: int = 6) -> None:
    """Let both send until nothing waits."""
    for _ in range(turns):
        await world.provider.turn()
        await peer.push(end)
        if peer.delivery == "pull" and not end.closed:
            while await peer.pull(end):
                pass
        world.clock.forward(1)


async def take_up_at_ours(world: World, peer: Provider, delivery: str = "push", **claims: str) -> Registration:
    """Our consumer takes the peer's link up and scans the peer."""
    registration = peer.mint(CONSUMER, **claims)
    world.known["link"] = peer.link(registration)
    await world.take_up(delivery)
    return registration


async def approve_at_ours(world: World, peer: Provider, registration: Registration) -> None:
    """The contact allows at the peer; the browser comes back to our consumer."""
    query = {name: value[0] for name, value in parse_qs(urlsplit(world.known["authorize_url"]).query).items()}
    code = world.known["comparison"]
    landing = peer.allow(query["request_uri"], registration.contact, code if registration.confirmed_by_code else None)
    await world.come_back(landing)
    if registration.confirmed_by_code:
        await world.consumer.api("POST", f"{world.onboarding}/confirmation", {"comparison_code": code})


async def settle_with_strange(world: World, peer: Provider, *, turns: int = 8) -> None:
    """Let both send until nothing waits."""
    for _ in range(turns):
        await world.consumer.turn()
        for end in peer.connections.values():
            if end.delivery == "push":
                await peer.push(end)
        world.clock.forward(3)
