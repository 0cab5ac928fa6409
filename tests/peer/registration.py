"""The provider's registrations: minting links, and the announcement with all it checks (sections 6 and 7)."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.peer.connection import Connection
from tests.peer.crypto import KeySet, PublicKey, read_key_set
from tests.peer.pull import Queued
from tests.peer.serving import Incoming, Route
from tests.peer.tokens import make_token, read_token, token_verifies
from tests.peer.wire import Document, PeerLied, Problem, b64u, new_nonce, sha256

REGISTRATIONS = r"/exchange/v1/registrations/(?P<number>REG[0-9]{7})"
STEPS = ("validation", "invitation", "announcement", "authorization", "completion", "settings")
CLOSED = ("Closed Complete", "Closed Incomplete")


@dataclass
class Registration:
    """A registration task; ``code`` is what the browser carries, ``comparison`` what the people compare."""

    number: str
    consumer_url: str
    contact: str
    token: str
    expires: int
    rekeys: str | None = None
    progress: str = "Awaiting Validation"
    reason: str = ""
    revoked: bool = False
    spent: bool = False
    keys: KeySet | None = None
    announced: Document = field(default_factory=dict)
    nonce_p: str = ""
    nonce_c: str = ""
    requests: dict[str, Document] = field(default_factory=dict)
    codes: dict[str, Document] = field(default_factory=dict)
    attempts: int = 0
    typed: str | None = None
    connection: Connection | None = None
    done: list[str] = field(default_factory=lambda: ["validation", "invitation"])

    @property
    def state(self) -> str:
        """The state of section 7."""
        agreed = self.connection is not None and self.connection.agreed
        return "Closed Complete" if agreed and self.progress != "Closed Incomplete" else self.progress

    @property
    def confirmed_by_code(self) -> bool:
        """Whether people on both sides have to confirm the comparison code."""
        return self.rekeys is not None or self.announced["delivery"] == "pull"

    def find_key(self, keyid: str) -> PublicKey | None:
        """The bound consumer's http key."""
        return self.keys.find(keyid, "http") if self.keys else None


class Registering(Queued):
    """A provider as far as the announcement."""

    role = "provider"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.registrations: dict[str, Registration] = {}
        self.numbers = 0

    def routes(self) -> list[Route]:
        """The first call of the handshake, and the status."""
        announcement = Route("POST", f"{REGISTRATIONS}/announcement", "announcement", self._on_announcement)
        return [*super().routes(), Route("GET", REGISTRATIONS, "status", self._on_status), announcement]

    def mint(self, consumer_url: str, contact: str = "contact@c.example", **claims: Any) -> Registration:
        """A registration with its token; ``claims`` overrides single claims."""
        self.numbers += 1
        number = f"REG{self.numbers:07d}"
        expected = {"iss": self.issuer, "aud": consumer_url, "sub": number, "jti": new_nonce(), "iat": self.now}
        pinned = {"exp": self.now + 72 * 3600, "provider_jkt": self.keys.active("identity").kid}
        said: Document = expected | pinned | claims
        registration = Registration(
            number,
            consumer_url,
            contact,
            make_token(self.keys.active("token"), said),
            said["exp"],
            claims.get("rekeys"),
        )
        self.registrations[number] = registration
        return registration

    def link(self, registration: Registration) -> str:
        """What the provider hands to the consumer's administrator."""
        return f"{registration.consumer_url}/onboarding#token={registration.token}"

    def status(self, registration: Registration) -> Document:
        """The answer of the status call."""
        done = [*registration.done, "settings"] if registration.state == "Closed Complete" else registration.done
        steps = [{"step": step, "state": "done" if step in done else "waiting", "problem": ""} for step in STEPS]
        named = {"number": registration.number, "state": registration.state, "reason": registration.reason}
        return named | {"steps": steps}

    def _registration(self, incoming: Incoming) -> Registration:
        registration = self.registrations.get(incoming.params["number"])
        if registration is None:
            raise Problem(404, "registration_unknown")
        return registration

    def _bound(self, incoming: Incoming, *, cancelled_too: bool = False) -> Registration:
        registration = self._registration(incoming)
        self.verify(incoming, registration.find_key)
        if registration.progress == "Closed Incomplete" and not cancelled_too:
            raise Problem(410, "registration_closed")
        return registration

    async def _on_status(self, incoming: Incoming) -> Document:
        return self.status(self._bound(incoming, cancelled_too=True))

    async def _on_announcement(self, incoming: Incoming) -> Document:
        document = incoming.document()
        said = {name: document.get(name) for name in ("issuer", "instance_id")}
        keys = read_key_set(document.get("key_set"), now=self.now, **said)
        self.verify(incoming, lambda kid: keys.find(kid, "http"))
        registration = self._registration(incoming)
        self._check_token(registration, document.get("token"))
        self._check_announcement(registration, document, keys)
        known = self.repeated(registration.number, incoming)
        if known:
            return known
        if document["delivery"] == "push":
            await self._check_discovery(registration, keys)
        registration.keys, registration.progress = keys, "Work in Progress"
        if registration.announced.get("nonce_commitment") != document["nonce_commitment"]:
            registration.nonce_p, registration.nonce_c = b64u(sha256(new_nonce().encode())), ""
        registration.announced = document
        registration.done.append("announcement")
        return self.store(registration.number, incoming, self._announcement_answer(registration))

    def _announcement_answer(self, registration: Registration) -> Document:
        return {
            "state": registration.state,
            "nonce_p": registration.nonce_p,
            "company": "Peer & Sons",
            "contact": registration.contact,
            "token_expires": registration.expires,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
        }

    def _check_token(self, registration: Registration, token: Any) -> None:
        header, claims = read_token(token)
        ours = next((key for key in self.keys.keys if key.kid == header["kid"] and key.purpose == "token"), None)
        public = PublicKey(ours.kid, "token", ours.state, ours.jwk) if ours else None
        if registration.state in CLOSED:
            raise Problem(410, "registration_closed")
        if not token_verifies(token, public) or (claims["iss"], claims["sub"]) != (self.issuer, registration.number):
            raise Problem(403, "token_malformed", "signature, issuer or subject")
        if claims["exp"] < self.now:
            raise Problem(403, "token_expired")
        if claims["aud"] != registration.consumer_url:
            raise Problem(403, "token_wrong_host")
        if registration.revoked or token != registration.token:
            raise Problem(403, "token_revoked")
        if registration.spent:
            raise Problem(410, "token_used")

    def _check_announcement(self, registration: Registration, document: Document, keys: KeySet) -> None:
        if document.get("issuer") != registration.consumer_url:
            raise Problem(403, "token_wrong_host")
        if "1" not in document.get("versions", []):
            raise Problem(409, "version_unsupported")
        bound = registration.keys
        if bound and (bound.instance_id, bound.identity) != (keys.instance_id, keys.identity):
            raise Problem(409, "registration_bound")
        again = self.connections[registration.rekeys] if registration.rekeys else None
        if again and again.keys.instance_id != keys.instance_id:
            raise Problem(409, "peer_identity_mismatch")
        if again and again.delivery != document.get("delivery"):
            raise Problem(409, "delivery_mismatch")
        if document.get("delivery") not in ("push", "pull") or not isinstance(document.get("nonce_commitment"), str):
            raise Problem(422, "invalid")

    async def _check_discovery(self, registration: Registration, keys: KeySet) -> None:
        try:
            found, there = await self.discover(registration.consumer_url)
        except (httpx.HTTPError, PeerLied, Problem) as error:
            raise Problem(409, "peer_unreachable", str(error)) from error
        if (found["instance_id"], there.identity) != (keys.instance_id, keys.identity):
            raise Problem(409, "peer_identity_mismatch")
