"""One instance: its identity, its keys, its discovery document, and how it calls another one."""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.peer.crypto import KeyRing, KeySet, PublicKey, make_statement, read_key_set
from tests.peer.lies import Draft, Mischief
from tests.peer.signing import (
    CONNECTION,
    JSON,
    PROBLEM,
    REQUEST_NONCE,
    Answer,
    Request,
    Stamp,
    sign_request,
    verify_answer,
)
from tests.peer.wire import MAX_BODY, Document, PeerLied, Problem, decode_object, new_id, new_nonce

WELL_KNOWN = "/.well-known/service-exchange"
CAPABILITIES = ["incident", "incident.comment"]
FindKey = Callable[[str], PublicKey | None]


MEMBERS = ("retry_after", "server_time", "errors", "quota", "limit", "window_seconds")


class Refused(Problem):
    """A refusal the other side signed."""


class Instance:
    """Everything both roles share that needs no connection.

    ``addresses`` maps an issuer to the base URL it is reached at, where that is not the issuer itself.
    ``patience`` is in seconds; ``clock`` returns Unix seconds.
    """

    role = ""
    software = "peer/1"

    def __init__(
        self,
        issuer: str,
        client: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.time,
        delivery: str = "push",
        name: str = "peer-one",
        patience: float = 10.0,
    ) -> None:
        self.issuer, self.client, self.clock, self.patience = issuer, client, clock, patience
        self.delivery, self.name, self.instance_type = delivery, name, "production"
        self.instance_id = new_id(clock())
        self.epoch = 1
        self.keys = KeyRing()
        self.lies = Mischief()
        self.addresses: dict[str, str] = {}
        self.memory: dict[str, Any] = {"issuer": issuer, "instance_id": self.instance_id}
        self.nonces: dict[tuple[str, str], int] = {}
        self.calls: list[tuple[str, str]] = []

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def key_set(self) -> Document:
        """The signed key set as of now."""
        payload = self.keys.payload(self.issuer, self.instance_id, self.now)
        return make_statement(self.keys.active("identity"), payload)

    def stamp(self) -> Stamp:
        """The parameters of an honest signature."""
        return Stamp(self.keys.active("http"), self.now, self.now + 60)

    def seen(self, keyid: str, nonce: str, until: int) -> bool:
        """Remember a nonce; whether it was there before."""
        self.nonces = {pair: second for pair, second in self.nonces.items() if second >= self.now}
        known = (keyid, nonce) in self.nonces
        self.nonces.setdefault((keyid, nonce), until)
        return known

    def discovery(self) -> Document:
        """The document of section 5."""
        return {
            "protocol": "service-exchange",
            "versions": ["1"],
            "software": {"name": "peer", "version": "1"},
            "issuer": self.issuer,
            "instance_id": self.instance_id,
            "epoch": self.epoch,
            "roles": [self.role],
            "instance_type": self.instance_type,
            "name": self.name,
            "capabilities": CAPABILITIES,
            "delivery": ["push", "pull"] if self.role == "provider" else [self.delivery],
            "criteria": {"signature_profile": "service-exchange-1", "versions": ["1"]},
            "limits": {"messages_per_request": 100, "bytes_per_request": MAX_BODY, "pull_wait_seconds": 25},
            "endpoints": {
                "messages": "/exchange/v1/messages",
                "echo": "/exchange/v1/echo",
                "registrations": "/exchange/v1/registrations",
                "authorize": "/oauth/authorize",
            },
            "key_set": self.key_set(),
        }

    def settings(self) -> Document:
        """The data of a ``settings`` message."""
        ours = self.discovery()
        names = ("name", "instance_type", "versions", "capabilities", "limits")
        more = {"software": self.software, "delivery": self.delivery, "heartbeat_seconds": 60}
        return {name: ours[name] for name in names} | more

    def echo(self) -> Document:
        """The answer of the echo."""
        names = {"issuer": self.issuer, "instance_id": self.instance_id, "epoch": self.epoch}
        return names | {"time": int(self.clock() * 1000)}

    async def discover(
        self, issuer: str, *, pinned: str | None = None, previous: KeySet | None = None
    ) -> tuple[Document, KeySet]:
        """Fetch and check somebody's discovery; PeerLied, Problem or Refused when it does not hold."""
        request = self._unsigned(issuer, WELL_KNOWN)
        answer = await self.send(issuer, request)
        document = believe_form(answer)
        expected = {"issuer": issuer, "instance_id": document.get("instance_id")}
        found = read_key_set(document.get("key_set"), now=self.now, pinned=pinned, previous=previous, **expected)
        verify_answer(answer, request, request.header(REQUEST_NONCE) or "", lambda kid: found.find(kid, "http"))
        if document.get("issuer") != issuer or document.get("protocol") != "service-exchange":
            raise PeerLied("issuer")
        return document, found

    async def ask_echo(self, issuer: str, keys: KeySet) -> Document:
        """The other side's echo."""
        request = self._unsigned(issuer, "/exchange/v1/echo")
        answer = await self.send(issuer, request)
        verify_answer(answer, request, request.header(REQUEST_NONCE) or "", lambda kid: keys.find(kid, "http"))
        return believe_form(answer)

    async def call(
        self,
        method: str,
        issuer: str,
        path: str,
        document: Document | None,
        *,
        step: str,
        find_key: FindKey,
        connection: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """One signed call; the believed success, Refused for a believed refusal, PeerLied for anything else."""
        draft = Draft(step, dict(document or {}), self.stamp(), self.keys, memory=self.memory)
        lies = self.lies.take("request", step)
        for lie in lies:
            if lie.before:
                lie.before(draft)
        headers = [("idempotency-key", idempotency_key)] if idempotency_key else []
        headers += [(CONNECTION, connection)] if connection else []
        body = b"" if document is None else draft.body
        request = sign_request(Request(method, issuer + path, headers, body), draft.stamp)
        for lie in lies:
            if lie.after:
                request = lie.after(request)
        answer = await self.send(issuer, request)
        verify_answer(answer, request, draft.stamp.nonce, find_key)
        return believe_form(answer)

    async def send(self, issuer: str, request: Request) -> Answer:
        """Send the bytes of a request; PeerLied when the answer has a form no answer may have."""
        self.calls.append((request.method, request.target))
        url = self.addresses.get(issuer, issuer) + request.target.removeprefix(issuer)
        headers = [*request.headers, ("accept-encoding", "identity")]
        try:
            async with (
                asyncio.timeout(self.patience),
                self.client.stream(
                    request.method, url, headers=headers, content=request.body or None, follow_redirects=False
                ) as response,
            ):
                body = b""
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_BODY:
                        raise PeerLied("huge")
        except TimeoutError as error:
            raise PeerLied("slow") from error
        found = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers.raw]
        answer = Answer(response.status_code, found, body)
        _check_form(answer)
        return answer

    def _unsigned(self, issuer: str, path: str) -> Request:
        return Request("GET", issuer + path, [(REQUEST_NONCE, new_nonce())])


def _check_form(answer: Answer) -> None:
    names = {name for name, _ in answer.headers}
    if "content-encoding" in names or "trailer" in names:
        raise PeerLied("encoding")
    if 300 <= answer.status < 400:
        raise PeerLied("redirect")
    if not answer.body:
        raise PeerLied("no_body")


def believe_form(answer: Answer) -> Document:
    """The document of an answer whose status and type fit each other; raises Refused for a refusal."""
    wanted = JSON if answer.status == 200 else PROBLEM
    if dict(answer.headers).get("content-type") != wanted:
        raise PeerLied("content_type")
    try:
        document = decode_object(answer.body)
    except Problem as problem:
        raise PeerLied(problem.code) from problem
    if answer.status == 200:
        return document
    extra = {name: document[name] for name in MEMBERS if name in document}
    raise Refused(answer.status, str(document.get("code")), str(document.get("detail")), **extra)


def idempotency_key() -> str:
    """A fresh key."""
    return secrets.token_hex(16)
