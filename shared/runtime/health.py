"""What a process tells its orchestrator and its monitoring: named checks and metrics; nothing of it is for people."""

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[object]]
"""Returns when all is well, raises when it is not. What it raises is logged, never shown."""

CHECK_SECONDS = 3.0
"""Deadline of one check; an unanswered one has failed."""

_log = logging.getLogger(__name__)


class Health:
    """Named checks behind ``/health/live``, ``/health/ready`` and ``/health/started``."""

    def __init__(self, ready: Mapping[str, Check] | None = None) -> None:
        self._ready = dict(ready or {})
        self.started = False
        """Set by the composition root once the start is complete; before that the process is not ready either."""

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on one more check; ``name`` is stable, monitoring refers to it."""
        self._ready[name] = check

    async def results(self) -> dict[str, bool]:
        """Run every check at once, each under its deadline."""
        outcomes = await asyncio.gather(*(self._passes(name, check) for name, check in self._ready.items()))
        return dict(zip(self._ready, outcomes, strict=True))

    def routes(self) -> list[Route]:
        """The three endpoints; they answer without a sign-in and tell nothing but names and verdicts."""
        return [
            Route("/health/live", self._live, methods=["GET"], include_in_schema=False),
            Route("/health/ready", self._is_ready, methods=["GET"], include_in_schema=False),
            Route("/health/started", self._has_started, methods=["GET"], include_in_schema=False),
        ]

    async def _passes(self, name: str, check: Check) -> bool:
        try:
            await asyncio.wait_for(check(), CHECK_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its verdict
            _log.warning("health_check_failed", extra={"check": name, "cause": f"{type(error).__name__}: {error}"})
            return False
        return True

    async def _live(self, _request: Request) -> Response:
        return _answer(passed=True, checks={})

    async def _is_ready(self, _request: Request) -> Response:
        checks = {"started": self.started, **await self.results()}
        return _answer(passed=all(checks.values()), checks=checks)

    async def _has_started(self, _request: Request) -> Response:
        return _answer(passed=self.started, checks={"started": self.started})


def metrics_route(registry: CollectorRegistry, *, token: str = "") -> Route:
    """``/metrics`` in Prometheus' format: for the bearer token where one is set, otherwise for this machine only."""

    async def metrics(request: Request) -> Response:
        if not _may_read(request, token):
            return Response(status_code=404)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"], include_in_schema=False)


def _may_read(request: Request, token: str) -> bool:
    if token:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _answer(*, passed: bool, checks: Mapping[str, bool]) -> Response:
    body = {
        "status": "ok" if passed else "failed",
        "checks": [{"name": name, "status": "ok" if verdict else "failed"} for name, verdict in checks.items()],
    }
    return JSONResponse(body, status_code=200 if passed else 503, headers={"Cache-Control": "no-store"})
