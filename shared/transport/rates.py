"""Rate limits and the headers that announce them (draft-ietf-httpapi-ratelimit-headers, RFC 9110 section 10.2.3).

In memory, one process at a time: a limit protects this process. Quotas that must hold across workers belong to the
service's database.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.transport.problems import problem_response
from shared.wire.errors import TooMany


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit after one use."""

    name: str
    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    granted: bool

    def headers(self) -> dict[str, str]:
        """Return ``RateLimit-Policy`` and ``RateLimit``, and ``Retry-After`` where it is used up."""
        sent = {
            "ratelimit-policy": f'"{self.name}";q={self.limit};w={self.window_seconds}',
            "ratelimit": f'"{self.name}";r={self.remaining};t={self.reset_seconds}',
        }
        return sent if self.granted else sent | {"retry-after": str(self.reset_seconds)}


class RateLimiter:
    """One named limit, counted for each key apart. ``rate`` reads like ``100/minute`` or ``20 per 10 second``."""

    def __init__(self, name: str, rate: str) -> None:
        self.name = name
        self._item: RateLimitItem = parse(rate)
        self._storage = MemoryStorage()
        self._window = MovingWindowRateLimiter(self._storage)

    def use(self, key: str) -> Allowance:
        """Count one use by ``key`` and return what is left."""
        granted = self._window.hit(self._item, self.name, key)
        reset, remaining = self._window.get_window_stats(self._item, self.name, key)
        return Allowance(
            name=self.name,
            limit=self._item.amount,
            window_seconds=self._item.get_expiry(),
            remaining=remaining,
            reset_seconds=max(1, math.ceil(reset - time.time())),
            granted=granted,
        )

    def require(self, key: str) -> Allowance:
        """Count one use by ``key``; raise `TooMany` with ``retry_after`` when the limit is reached."""
        allowance = self.use(key)
        if not allowance.granted:
            raise too_many(allowance)
        return allowance


RateRule = Callable[[Scope], tuple[RateLimiter, str] | None]
"""Which limiter counts a request, and under which key; None for requests that are not counted."""


class RateLimits:
    """Counts every request by a rule before anything of it is read."""

    def __init__(self, app: ASGIApp, rule: RateRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the headers of what is left, or answer 429."""
        counted = self._rule(scope) if scope["type"] == "http" else None
        if counted is None:
            await self._app(scope, receive, send)
            return
        limiter, key = counted
        allowance = limiter.use(key)
        if not allowance.granted:
            await problem_response(too_many(allowance), scope, allowance.headers())(scope, receive, send)
            return

        async def announced(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in allowance.headers().items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, announced)


def too_many(allowance: Allowance) -> TooMany:
    """Return the refusal that names the limit and when to come back."""
    return TooMany(
        f"At most {allowance.limit} requests in {allowance.window_seconds} seconds",
        cause=f"The limit {allowance.name!r} is used up.",
        fix=f"Wait {allowance.reset_seconds} seconds.",
        retry_after=allowance.reset_seconds,
        extra={"limit": allowance.name},
    )


def address_key(scope: Scope) -> str:
    """Return the caller's address as a key.

    A token counts only once it is verified: unverified ones cost nothing to make up, and each would bring a fresh
    allowance.
    """
    client = scope.get("client")
    return f"address:{client[0]}" if client else "address:unknown"
