"""The server's side: an ASGI application over a table of routes, signed answers, refusals as problems."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from tests.peer.instance import Instance
from tests.peer.lies import Draft
from tests.peer.signing import JSON, ONCE, PROBLEM, Answer, Request, read_nonce, sign_answer, verify_request
from tests.peer.wire import MAX_BODY, Document, Problem, decode_object

ARRIVAL_SECONDS = 10.0
_PATH = re.compile(r"[A-Za-z0-9._/-]*\Z")


@dataclass
class Incoming:
    """A request that arrived: its step, what the path and the query say, and, once verified, who signed it."""

    request: Request
    path: str
    query: dict[str, str]
    step: str = "unknown"
    params: dict[str, str] = field(default_factory=dict)
    keyid: str = ""

    def document(self) -> Document:
        """The body; Problem ``malformed``."""
        return decode_object(self.request.body)

    def header(self, name: str) -> str | None:
        """One header, None when absent; Problem ``malformed`` when it is there twice."""
        try:
            return self.request.header(name)
        except ValueError as error:
            raise Problem(401, "signature_malformed", str(error)) from error


Handler = Callable[[Incoming], Awaitable[Document | Answer]]


@dataclass(frozen=True)
class Route:
    """One call: method, pattern of the path, the name of its step, who handles it, query parameters it knows."""

    method: str
    pattern: str
    step: str
    handle: Handler
    parameters: tuple[str, ...] = ()


class Served(Instance):
    """An instance that answers; an ASGI application itself. ``received`` lists step and outcome of every call."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.received: list[tuple[str, str]] = []
        self.released = asyncio.Event()

    def routes(self) -> list[Route]:
        """The calls every instance answers."""
        return [
            Route("GET", r"/\.well-known/service-exchange", "discovery", self._on_discovery),
            Route("GET", r"/exchange/v1/echo", "echo", self._on_echo),
        ]

    async def _on_discovery(self, _incoming: Incoming) -> Document:
        return self.discovery()

    async def _on_echo(self, _incoming: Incoming) -> Document:
        return self.echo()

    def verify(self, incoming: Incoming, find_key: Callable[[str], Any]) -> None:
        """Walk the ladder for a request."""
        member = verify_request(incoming.request, now=self.now, find_key=find_key, seen=self.seen)
        incoming.keyid = str(member.get("keyid"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        incoming = self._incoming(scope)
        route = self._route(incoming)
        try:
            body = await read_body(receive)
            incoming.request = replace(incoming.request, body=body)
            found: Document | Answer | Problem = await self._dispatch(route, incoming)
        except Problem as problem:
            found = problem
        self.received.append((incoming.step, found.code if isinstance(found, Problem) else "ok"))
        await self._answer(incoming, found, receive, send)

    def _incoming(self, scope: Scope) -> Incoming:
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").split("?")[0]
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], self.issuer + path + (f"?{query}" if query else ""), headers)
        return Incoming(request, path, dict(parse_qsl(query, keep_blank_values=True)))

    def _route(self, incoming: Incoming) -> Route | None:
        for route in self.routes() if _PATH.match(incoming.path) else ():
            match = re.fullmatch(route.pattern, incoming.path)
            if match and route.method == incoming.request.method:
                incoming.step, incoming.params = route.step, match.groupdict()
                return route
        return None

    async def _dispatch(self, route: Route | None, incoming: Incoming) -> Document | Answer:
        _check_framing(incoming)
        if route is None:
            raise Problem(*self._nowhere(incoming))
        if route.parameters != ("*",) and not set(incoming.query) <= set(route.parameters):
            raise Problem(400, "unknown_parameter")
        return await route.handle(incoming)

    def _nowhere(self, incoming: Incoming) -> tuple[int, str]:
        here = any(re.fullmatch(route.pattern, incoming.path) for route in self.routes())
        return (405, "method_not_allowed") if here else (404, "not_found")

    async def _answer(
        self, incoming: Incoming, found: Document | Answer | Problem, receive: Receive, send: Send
    ) -> None:
        if isinstance(found, Answer):
            await _send(found, send)
            return
        is_problem = isinstance(found, Problem)
        draft = Draft(incoming.step, found.document() if isinstance(found, Problem) else found, self.stamp(), self.keys)
        draft.memory, draft.request_nonce = self.memory, read_nonce(incoming.request) or ""
        draft.status = found.status if isinstance(found, Problem) else 200
        draft.content_type = PROBLEM if is_problem else JSON
        lies = self.lies.take("answer", incoming.step)
        for lie in lies:
            if lie.before:
                lie.before(draft)
        answer = Answer(draft.status, [("content-type", draft.content_type)], draft.body)
        if draft.request_nonce:
            answer = sign_answer(answer, incoming.request, draft.request_nonce, draft.stamp)
        for lie in lies:
            if lie.after:
                answer = lie.after(answer)
        if draft.slow:
            await self._stall(receive)
        await _send(answer, send)

    async def _stall(self, receive: Receive) -> None:
        """Keep the caller waiting until a test sets ``released`` or the caller is gone."""
        waits = [asyncio.ensure_future(self.released.wait()), asyncio.ensure_future(receive())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _check_framing(incoming: Incoming) -> None:
    names = [name for name, _ in incoming.request.headers]
    if not _PATH.match(incoming.path):
        raise Problem(400, "path_form")
    if any(names.count(name) > 1 for name in ONCE):
        raise Problem(400, "duplicate_header")
    if "content-encoding" in names:
        raise Problem(415, "content_encoding")
    if "trailer" in names:
        raise Problem(400, "trailers")
    if incoming.request.method == "GET" and incoming.request.body:
        raise Problem(400, "unexpected_body")


async def read_body(receive: Receive) -> bytes:
    """The whole body; Problem ``too_large`` or ``receipt_timeout``."""
    body = bytearray()
    try:
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while True:
                event = await receive()
                body += event.get("body", b"")
                if len(body) > MAX_BODY:
                    raise Problem(413, "too_large")
                if not event.get("more_body"):
                    return bytes(body)
    except TimeoutError as error:
        raise Problem(408, "receipt_timeout") from error


async def _send(answer: Answer, send: Send) -> None:
    headers = [*answer.headers, ("content-length", str(len(answer.body)))]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if answer.status == 204:
        raw = []
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while (event := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{event['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
