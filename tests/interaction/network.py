"""The network between the instances of one process, and what can go wrong on it: lost requests, lost answers."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx


@dataclass
class Clock:
    """The one clock of a world; it moves only when told."""

    seconds: float = 1_780_000_000.0

    def __call__(self) -> datetime:
        """The time, as services want it."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def unix(self) -> float:
        """The time, as the peer wants it."""
        return self.seconds

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class Fault:
    """What goes wrong at the next call that fits, and then no more.

    ``kind``: ``request`` (lost on the way there), ``answer`` (lost on the way back), or a word whose ``strike`` is
    called when the call arrives (``arrived``) or when its answer is back (``answered``).
    """

    origin: str
    call: re.Pattern[str]
    kind: str
    strike: Callable[[], Awaitable[None] | None] = lambda: None
    struck: bool = False

    def fits(self, origin: str, call: str) -> bool:
        """Whether this is the call it waits for."""
        return not self.struck and origin == self.origin and self.call.fullmatch(call) is not None


@dataclass
class Call:
    """One request as it crossed, for replaying; ``answer`` is None where it was lost."""

    caller: str
    origin: str
    request: httpx.Request
    status: int | None = None
    code: str = ""
    """Of the refusal, where it was one."""

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.request.method} {self.request.url.path}"


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Carries requests to applications by origin."""

    apps: dict[str, httpx.ASGITransport] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver a request, unless a fault strikes."""
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        call = Call(request.extensions.get("caller", ""), origin, request)
        self.calls.append(call)
        fault = next((one for one in self.faults if one.fits(origin, call.name)), None)
        if fault is not None:
            fault.struck = True
        if origin in self.down or origin not in self.apps or (fault and fault.kind == "request"):
            raise httpx.ConnectError("lost on the way there")
        if fault and fault.kind == "arrived":
            struck = fault.strike()
            if struck is not None:
                await struck
        response = await _whole(await self.apps[origin].handle_async_request(request))
        call.status, call.code = response.status_code, _code_of(response.stream)
        if fault and fault.kind == "answer":
            raise httpx.ReadError("lost on the way back")
        if fault and fault.kind == "answered":
            fault.strike()
        return response

    def from_(self, caller: str) -> httpx.AsyncBaseTransport:
        """The way of one caller into this wire."""
        return _Way(self, caller)

    def break_once(
        self, origin: str, call: str, kind: str, strike: Callable[[], Awaitable[None] | None] = lambda: None
    ) -> Fault:
        """Let ``kind`` happen at the next call to ``origin`` whose method and path match ``call``."""
        self.faults.append(Fault(origin, re.compile(call), kind, strike))
        return self.faults[-1]

    def seen(self, call: str) -> list[Call]:
        """The calls so far whose method and path match."""
        return [one for one in self.calls if re.fullmatch(call, one.name)]


async def _whole(response: httpx.Response) -> httpx.Response:
    """The same answer, its body read and yet to be read."""
    body = await response.aread()
    return httpx.Response(response.status_code, headers=response.headers.raw, stream=_Body(body))


def _code_of(body: Any) -> str:
    try:
        return str(json.loads(body.content).get("code", ""))
    except (ValueError, AttributeError):
        return ""


class _Body(httpx.ByteStream):
    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


@dataclass
class _Way(httpx.AsyncBaseTransport):
    wire: Wire
    caller: str

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "caller": self.caller}
        return await self.wire.handle_async_request(request)
