"""A simulated consumer: takes a link and walks the handshake, then exchanges by push or pull (sections 6 to 9)."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.peer.access import Asking
from tests.peer.comparison import Compared, commitment
from tests.peer.connection import MESSAGES, Connection
from tests.peer.crypto import KeySet
from tests.peer.instance import Refused, idempotency_key
from tests.peer.rekeying import rekey
from tests.peer.serving import Incoming, Route
from tests.peer.signing import Answer
from tests.peer.tokens import read_token, token_verifies
from tests.peer.wire import Document, PeerLied, Problem, b64u, new_nonce, sha256

CALLBACK = "/exchange/v1/oauth/callback"
Browser = Callable[[str, str], Awaitable[str | None]]


@dataclass
class Handshake:
    """One onboarding as the consumer sees it; ``problem`` is the code of the last refusal."""

    token: str
    claims: Document
    provider: str
    keys: KeySet
    number: str
    nonce_c: str = field(default_factory=lambda: b64u(secrets.token_bytes(32)))
    verifier: str = field(default_factory=lambda: b64u(secrets.token_bytes(32)))
    browser_state: str = field(default_factory=new_nonce)
    completion_key: str = field(default_factory=idempotency_key)
    announced: Document = field(default_factory=dict)
    request_uri: str = ""
    code: str = ""
    connection: Connection | None = None
    cancelled: str | None = None


class Consumer(Asking):
    """The consumer. ``onboard`` does everything; each step is a method of its own as well.

    A browser is ``async (url, comparison_code) -> where it ended``: the whole redirect URL, or None when the
    redirect was delivered to this instance's own callback.
    """

    role = "consumer"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.handshakes: list[Handshake] = []

    def routes(self) -> list[Route]:
        """The browser's way back, and the provider's cancellation."""
        cancellation = r"/exchange/v1/registrations/(?P<number>REG[0-9]{7})/cancellation"
        return [
            *super().routes(),
            Route("GET", CALLBACK, "callback", self._on_callback, ("*",)),
            Route("POST", cancellation, "cancellation", self._on_cancellation),
        ]

    async def onboard(self, link: str, browser: Browser) -> Handshake:
        """From the link to an open connection; raises what went wrong."""
        handshake = await self.validate(link)
        await self.announce(handshake)
        await self.reveal(handshake)
        await self.authorize(handshake)
        landed = await browser(self.browser_url(handshake), self.comparison_code(handshake))
        if landed is not None:
            self.land(handshake, dict(parse_qsl(urlsplit(landed).query)))
        await self.complete(handshake)
        return handshake

    async def validate(self, link: str) -> Handshake:
        """Read the link and hold it against the provider's discovery; PeerLied or Problem when it does not hold."""
        page, _, token = link.partition("#token=")
        header, claims = read_token(token)
        if claims["aud"] != self.issuer or page != f"{self.issuer}/onboarding":
            raise Problem(403, "token_wrong_host")
        if claims["exp"] < self.now:
            raise Problem(403, "token_expired")
        _, keys = await self.discover(claims["iss"], pinned=claims["provider_jkt"])
        if not token_verifies(token, keys.find(header["kid"], "token")):
            raise PeerLied("token")
        again = claims.get("rekeys")
        if again and (again not in self.connections or self.connections[again].peer != claims["iss"]):
            raise Problem(409, "rekeying_unknown")
        handshake = Handshake(token, claims, claims["iss"], keys, claims["sub"])
        self.handshakes.append(handshake)
        return handshake

    async def step(
        self, handshake: Handshake, step: str, document: Document | None, key: str | None = None
    ) -> Document:
        """One call beneath the registration."""
        path = f"/exchange/v1/registrations/{handshake.number}"
        return await self.call(
            "GET" if document is None else "POST",
            handshake.provider,
            path if document is None else f"{path}/{step}",
            document,
            step=step,
            find_key=lambda kid: handshake.keys.find(kid, "http"),
            idempotency_key=None if document is None else key or idempotency_key(),
        )

    async def announce(self, handshake: Handshake, **changes: Any) -> Document:
        """The announcement; ``changes`` overrides members."""
        document = {
            "token": handshake.token,
            "issuer": self.issuer,
            "instance_id": self.instance_id,
            "epoch": self.epoch,
            "instance_type": self.instance_type,
            "name": self.name,
            "versions": ["1"],
            "delivery": self.delivery,
            "nonce_commitment": commitment(handshake.nonce_c),
            "key_set": self.key_set(),
        }
        handshake.announced = await self.step(handshake, "announcement", document | changes)
        return handshake.announced

    async def reveal(self, handshake: Handshake) -> Document:
        """Show the nonce behind the commitment."""
        return await self.step(handshake, "reveal", {"nonce_c": handshake.nonce_c})

    def comparison_code(self, handshake: Handshake) -> str:
        """The code as the consumer's page shows it."""
        instances = (handshake.keys.instance_id, self.instance_id)
        identities = (handshake.keys.identity, self.keys.active("identity").kid)
        nonces = (handshake.announced["nonce_p"], handshake.nonce_c)
        return Compared(handshake.provider, self.issuer, *instances, *identities, handshake.number, *nonces).code()

    async def authorize(self, handshake: Handshake) -> Document:
        """Push the authorization request."""
        document = {
            "response_type": "code",
            "client_id": self.instance_id,
            "redirect_uri": self.issuer + CALLBACK,
            "state": handshake.browser_state,
            "code_challenge": b64u(sha256(handshake.verifier.encode())),
            "code_challenge_method": "S256",
        }
        answer = await self.step(handshake, "authorization", document)
        handshake.request_uri = answer["request_uri"]
        return answer

    def browser_url(self, handshake: Handshake) -> str:
        """Where the browser is sent."""
        query = {"client_id": self.instance_id, "request_uri": handshake.request_uri}
        return f"{handshake.announced['authorization_endpoint']}?{urlencode(query)}"

    def land(self, handshake: Handshake, query: dict[str, str]) -> None:
        """Take the browser's redirect; PeerLied for a wrong ``iss`` or ``state``, Problem for an ``error``."""
        if query.get("iss") != handshake.provider:
            raise PeerLied("iss")
        if query.get("state") != handshake.browser_state:
            raise PeerLied("state")
        if "error" in query:
            raise Problem(403, query["error"])
        handshake.code = query["code"]
        self.memory.setdefault("code", handshake.code)

    async def complete(self, handshake: Handshake, key: str | None = None) -> Document:
        """Redeem the code; opens the connection. Repeated with the same key it is the same call."""
        document = {
            "code": handshake.code,
            "code_verifier": handshake.verifier,
            "redirect_uri": self.issuer + CALLBACK,
        }
        again = self.connections.get(handshake.claims.get("rekeys", ""))
        if self.delivery == "pull" or again:
            document["comparison_code"] = self.comparison_code(handshake)
        answer = await self.step(handshake, "completion", document, key or handshake.completion_key)
        if again and handshake.connection is None:
            if answer["connection_id"] != again.id:
                raise PeerLied("connection_id")
            rekey(again, handshake.keys, self.settings())
            handshake.connection = again
        if handshake.connection is None:
            handshake.connection = Connection(
                answer["connection_id"], self.role, handshake.provider, handshake.keys, self.delivery, self.clock
            )
            self.connect(handshake.connection)
        return answer

    async def status(self, handshake: Handshake) -> Document:
        """The registration as the provider has it."""
        return await self.step(handshake, "status", None)

    async def cancel(self, handshake: Handshake, reason: str) -> Document:
        """Cancel at the provider."""
        answer = await self.step(handshake, "cancellation", {"reason": reason})
        self._close(handshake, reason)
        return answer

    def _close(self, handshake: Handshake, reason: str) -> None:
        handshake.cancelled = reason
        if handshake.connection:
            handshake.connection.closed = reason

    async def _on_callback(self, incoming: Incoming) -> Answer:
        for handshake in self.handshakes:
            if handshake.browser_state == incoming.query.get("state"):
                self.land(handshake, incoming.query)
                return Answer(200, [("content-type", "text/plain")], b"back")
        raise Problem(404, "not_found")

    async def _on_cancellation(self, incoming: Incoming) -> Document:
        named = [one for one in self.handshakes if one.number == incoming.params["number"]]
        self.verify(incoming, lambda kid: next((key for one in named if (key := one.keys.find(kid, "http"))), None))
        handshake = next(one for one in named if one.keys.find(incoming.keyid, "http"))
        if handshake.connection and handshake.connection.agreed:
            raise Problem(409, "registration_closed")
        self._close(handshake, str(incoming.document().get("reason")))
        return {"number": handshake.number, "state": "Closed Incomplete", "steps": [], "reason": handshake.cancelled}

    async def pull(self, connection: Connection, wait: int = 0) -> int:
        """Fetch one lease and settle it; how many messages it had. Raises Refused and PeerLied."""
        try:
            got = await self.on_connection(connection, "GET", f"{MESSAGES}?wait={wait}", None, "pull")
            connection.take_epoch(got.get("epoch"))
            if got["lease"] is None:
                return 0
            outcomes = [connection.inbox.receive(message) for message in got["messages"]]
            told = {"epoch": self.epoch, "history": connection.words.told}
            document = told | {"lease": got["lease"], "outcomes": outcomes}
            await self.on_connection(connection, "POST", "/exchange/v1/outcomes", document, "outcomes")
        except Refused as refusal:
            if refusal.code == "connection_closed":
                connection.closed = "peer"
            raise
        return len(outcomes)
