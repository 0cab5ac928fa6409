"""The outermost layers of an application: what is refused before any code of ours reads the request.

Pure ASGI, because they must see bytes as they arrive. uvicorn has no deadline for receiving a request (design:
architecture.md, fact 9), so the deadline for the body stands here.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.transport.errors import BadFraming, HeadersTooLarge, NotAcceptedType, ReceiptTimeout
from shared.transport.problems import problem_response
from shared.wire.errors import ExchangeError, TooLarge
from shared.wire.identifiers import new_id
from shared.wire.version import BYTES_PER_REQUEST, CONNECTION_HEADER, IDEMPOTENCY_HEADER, NONCE_HEADER

REQUEST_ID_HEADER: Final = "x-request-id"

SINGLE_VALUED: Final = frozenset(
    name.encode("ascii")
    for name in (
        "host",
        "content-type",
        "content-length",
        "content-digest",
        "content-encoding",
        "transfer-encoding",
        "authorization",
        "signature",
        "signature-input",
        IDEMPOTENCY_HEADER,
        CONNECTION_HEADER,
        NONCE_HEADER,
    )
)
"""Headers that a request beneath ``/exchange`` carries once at most."""

Limit = TypeVar("Limit", int, float)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXCHANGE_PATH = re.compile(rb"[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """What one request may cost."""

    body_bytes: int = BYTES_PER_REQUEST
    """Bytes of a body, at most."""
    body_bytes_by_prefix: Mapping[str, int] = field(default_factory=dict)
    """Other limits beneath certain paths (uploads); the longest prefix counts."""
    receipt_seconds: float = 10.0
    """From the headers to the last byte of the body."""
    receipt_seconds_by_prefix: Mapping[str, float] = field(default_factory=dict)
    headers: int = 100
    header_bytes: int = 16_384

    def body_limit(self, path: str) -> int:
        """Return the limit in bytes for ``path``."""
        return _by_prefix(self.body_bytes_by_prefix, path, self.body_bytes)

    def receipt_limit(self, path: str) -> float:
        """Return the deadline in seconds for ``path``."""
        return _by_prefix(self.receipt_seconds_by_prefix, path, self.receipt_seconds)


def _by_prefix(table: Mapping[str, Limit], path: str, otherwise: Limit) -> Limit:
    found = [prefix for prefix in table if path.startswith(prefix)]
    return table[max(found, key=len)] if found else otherwise


class RequestIds:
    """Gives every request an id: the caller's ``X-Request-Id`` where it is well formed, otherwise a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the id in ``scope["state"]``, in the log context, and in the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _single(scope, REQUEST_ID_HEADER.encode("ascii"))
        request_id = given if given and _REQUEST_ID.fullmatch(given) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, marked)


class HeaderForm:
    """Refuses too many or too large headers anywhere, and beneath ``/exchange`` everything the profile forbids."""

    def __init__(self, app: ASGIApp, limits: EdgeLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer with the problem."""
        error = self._fault(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(error, scope, {"connection": "close"})(scope, receive, send)

    def _fault(self, scope: Scope) -> ExchangeError | None:
        headers = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > self._limits.headers or size > self._limits.header_bytes:
            return HeadersTooLarge(
                f"A request has at most {self._limits.headers} headers and {self._limits.header_bytes} bytes of them"
            )
        return _exchange_fault(scope) if scope["path"].startswith("/exchange") else None


def _exchange_fault(scope: Scope) -> ExchangeError | None:
    if not _EXCHANGE_PATH.fullmatch(scope.get("raw_path") or scope["path"].encode("utf-8")):
        return BadFraming(
            "The path has characters outside A-Z a-z 0-9 . _ / -", code="path_form", fix="Send the path unescaped."
        )
    names = Counter(name for name, _ in scope["headers"])
    twice = next((name for name in sorted(SINGLE_VALUED) if names[name] > 1), None)
    if twice is not None:
        return BadFraming(f"The header {twice.decode('ascii')} is there twice", code="duplicate_header")
    if b"content-encoding" in names:
        return NotAcceptedType(
            "Encoded bodies are not accepted", code="content_encoding", fix="Send the body without content-encoding."
        )
    if b"trailer" in names:
        return BadFraming("Trailers are not accepted", code="trailers")
    if scope["method"] in {"GET", "HEAD"} and (
        b"transfer-encoding" in names or (_single(scope, b"content-length") or "0") != "0"
    ):
        return BadFraming("A GET has no body", code="unexpected_body")
    return None


class BodyLimits:
    """Stops a body that is too large or too slow: by its stated length at once, otherwise where it crosses the line.

    Whatever the application makes of the broken-off body, the caller gets 413 or 408 unless an answer had begun.
    """

    def __init__(self, app: ASGIApp, limits: EdgeLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a guarded ``receive``."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.body_limit(scope["path"])
        stated = _single(scope, b"content-length") or ""
        if stated.isdigit() and (len(stated) > 18 or int(stated) > limit):
            await _refuse(_too_large(limit), scope, receive, send)
            return
        guard = _Receipt(receive, send, limit, self._limits.receipt_limit(scope["path"]))
        try:
            await self._app(scope, guard.receive, guard.send)
        except ExchangeError as error:
            if error is not guard.failure:
                raise
        if guard.failure is not None and not guard.started:
            await _refuse(guard.failure, scope, receive, send)


class _Receipt:
    """One request on its way in: counts its bytes, watches its time, and silences answers to half a body."""

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._bytes = 0
        self._complete = False
        self.started = False
        self.failure: ExchangeError | None = None

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            self.failure = ReceiptTimeout(
                f"The body was not complete after {self._seconds:g} seconds", fix="Send the request again."
            )
            raise self.failure from error
        self._bytes += len(message.get("body", b""))
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        if self._bytes > self._limit:
            self.failure = _too_large(self._limit)
            raise self.failure
        return message

    async def send(self, message: Message) -> None:
        if self.failure is not None and not self.started:
            return
        self.started = True
        await self._send(message)


async def _refuse(error: ExchangeError, scope: Scope, receive: Receive, send: Send) -> None:
    """The rest of the body is not read, so the connection cannot be used again."""
    await problem_response(error, scope, {"connection": "close"})(scope, receive, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes", fix="Send less at once.", extra={"limit_bytes": limit})


def _single(scope: Scope, wanted: bytes) -> str | None:
    found = [value for name, value in scope["headers"] if name == wanted]
    return found[0].decode("latin-1") if len(found) == 1 else None
