"""What foreign software calls beneath ``/scim/v2`` (RFC 7644). It describes itself there, so OpenAPI leaves it out.

The models of SCIM take a third of the time in which a service starts, and most are never asked: the first call loads
them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from provider_service.scim.domain import PREFIX

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


def routes() -> list[Route]:
    """Return the one route that answers everything beneath the prefix, in SCIM's own words."""
    return [Route(PREFIX + "/{path:path}", _serve, methods=list(METHODS), include_in_schema=False)]


async def _serve(request: Request) -> Response:
    answer = await asyncio.to_thread(_loaded)
    return await answer(request)


def _loaded() -> Callable[[Request], Awaitable[Response]]:
    from provider_service.scim.peer.answers import answer  # noqa: PLC0415 - see above

    return answer
