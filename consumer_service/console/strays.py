"""Addresses that lead nowhere, or not by this method: a person gets a page, a program the problem it gets anywhere."""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.interface.rendering import Pages
from shared.transport.errors import MethodNotAllowed
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
        stray: Message | None = None

        async def watched(message: Message) -> None:
            nonlocal stray
            if message["type"] == "http.response.start" and message["status"] in _STRAY and _is_problem(message):
                stray = message
            if stray is None:
                await send(message)

        await self._app(scope, receive, watched)
        if stray is not None:
            error = _nothing_here() if stray["status"] == 404 else _not_this_way()
            page = self._pages.problem(
                Request(scope), error, status_code=stray["status"], request_id=request_id_of(scope) or ""
            )
            page.raw_headers += [pair for pair in stray["headers"] if pair[0].lower() == b"allow"]
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


def _not_this_way() -> ExchangeError:
    return MethodNotAllowed(
        "This address is not used in this way",
        cause="A form was sent to it that it does not take, or it was opened without its form.",
        fix="Go to the start page and find it from there.",
    )
