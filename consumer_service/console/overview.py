"""The start page: what to do next."""

from fastapi import Request
from starlette.responses import Response

from consumer_service.console.deps import AnyoneDep, console_router, page

router = console_router()


@router.get("/")
async def show_overview(request: Request, caller: AnyoneDep) -> Response:
    """Show what to do next."""
    return page(request, "overview.html")
