"""Addresses that lead nowhere: a person gets a page, a program the problem it would get anywhere else."""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.interface.rendering import Pages
from shared.transport.problems import request_id_of
from shared.wire.errors import ExchangeError, NotFound
from shared.wire.version import PROBLEM_TYPE

FOR_PROGRAMS: Final = ("/api/", "/exchange/", "/.well-known/", "/scim/")
"""Beneath these nobody looks with a browser."""

_STRAY: Final = frozenset({404, 405})


class StrayPages:
    """ASGI middleware: turns the problem of an unknown address into a page where a browser asked."""

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(FOR_PROGRAMS) or not _wants_page(scope):
            await self._app(scope, receive, send)
            return
        stray = False

        async def watched(message: Message) -> None:
            nonlocal stray
            if message["type"] == "http.response.start":
                stray = message["status"] in _STRAY and _is_problem(message)
            if not stray:
                await send(message)

        await self._app(scope, receive, watched)
        if stray:
            page = self._pages.problem(
                Request(scope), _nothing_here(), status_code=404, request_id=request_id_of(scope) or ""
            )
            await page(scope, receive, send)


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _is_problem(message: Message) -> bool:
    kind = PROBLEM_TYPE.encode("ascii")
    return any(name.lower() == b"content-type" and value.startswith(kind) for name, value in message["headers"])


def _nothing_here() -> ExchangeError:
    return NotFound(
        "There is no page at this address",
        cause="The address was mistyped, or what it showed has another one now.",
        fix="Go to the start page and find it from there.",
    )
