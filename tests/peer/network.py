"""Two peers in one process: a client that reaches ASGI applications by issuer, a clock, and a bad line."""

import random
from dataclasses import dataclass, field

import httpx

from tests.peer.connection import Connection, Linked
from tests.peer.consumer import Consumer
from tests.peer.instance import Refused
from tests.peer.provider import Provider
from tests.peer.wire import PeerLied

PROVIDER = "https://p.example"
CONSUMER = "https://c.example"


@dataclass
class Clock:
    """Unix seconds that move only when told."""

    now: float = 1_760_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass
class Line(httpx.AsyncBaseTransport):
    """Routes requests to applications by origin; ``loss`` is the share of messages lost, ``twice`` of those doubled.

    A loss hits the request or, worse, the answer: then the request had its effect.
    """

    apps: dict[str, httpx.ASGITransport] = field(default_factory=dict)
    loss: float = 0.0
    twice: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    down: set[str] = field(default_factory=set)
    lost: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver, lose or double a request."""
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        app = self.apps.get(origin)
        if app is None or origin in self.down or self.chance.random() < self.loss:
            self.lost += 1
            raise httpx.ConnectError("lost on the way there")
        if self.chance.random() < self.twice:
            await app.handle_async_request(request)
        response = await app.handle_async_request(request)
        if self.chance.random() < self.loss:
            self.lost += 1
            raise httpx.ReadError("lost on the way back")
        return response

    def attach(self, instance: Linked) -> None:
        """Make an instance reachable at its issuer."""
        self.apps[instance.issuer] = httpx.ASGITransport(app=instance, raise_app_exceptions=True)


@dataclass
class Pair:
    """A provider and a consumer on one line with one clock."""

    line: Line
    clock: Clock
    provider: Provider
    consumer: Consumer
    client: httpx.AsyncClient

    async def browse(self, url: str, code: str) -> str:
        """The contact's browser: signs in, compares, allows."""
        request_uri = dict(httpx.URL(url).params)["request_uri"]
        registration = next(iter(self.provider.registrations.values()))
        typed = code if self.consumer.delivery == "pull" else None
        return self.provider.allow(request_uri, registration.contact, typed)

    async def onboard(self) -> tuple[Connection, Connection]:
        """Both sides' connection, settings not yet exchanged."""
        registration = self.provider.mint(self.consumer.issuer)
        handshake = await self.consumer.onboard(self.provider.link(registration), self.browse)
        if registration.connection is None or handshake.connection is None:
            raise PeerLied("no connection")
        return registration.connection, handshake.connection

    async def turn(self) -> None:
        """Each side sends once what is due; a pull consumer fetches once."""
        for connection in self.provider.connections.values():
            if connection.delivery == "push" and connection.outbox.due:
                await self.provider.push(connection)
        for connection in self.consumer.connections.values():
            if connection.outbox.due:
                await self.consumer.push(connection)
            if connection.delivery == "pull" and not connection.closed:
                await self._pull(connection)

    async def _pull(self, connection: Connection) -> None:
        try:
            await self.consumer.pull(connection)
        except (httpx.HTTPError, Refused, PeerLied):
            return

    async def settle(self, turns: int = 400) -> int:
        """Turn until everything is settled; how many turns it took. PeerLied when ``turns`` were not enough."""
        for count in range(turns):
            ends = [*self.provider.connections.values(), *self.consumer.connections.values()]
            if all(end.outbox.settled for end in ends):
                return count
            await self.turn()
            self.clock.forward(61)
        raise PeerLied("unsettled", f"after {turns} turns")


def pair(delivery: str = "push", patience: float = 5.0) -> Pair:
    """A provider and a consumer that reach each other in process."""
    line, clock = Line(), Clock()
    client = httpx.AsyncClient(transport=line)
    provider = Provider(PROVIDER, client, clock=clock, name="provider-peer", patience=patience)
    consumer = Consumer(CONSUMER, client, clock=clock, delivery=delivery, name="consumer-peer", patience=patience)
    line.attach(provider)
    if delivery == "push":
        line.attach(consumer)
    return Pair(line, clock, provider, consumer, client)


async def onboarded(delivery: str = "push") -> Pair:
    """A pair whose connection is open and whose settings are agreed."""
    both = pair(delivery)
    await both.onboard()
    await both.settle()
    return both


def ends(both: Pair) -> tuple[Connection, Connection]:
    """The first connection as the provider and as the consumer see it."""
    return next(iter(both.provider.connections.values())), next(iter(both.consumer.connections.values()))
