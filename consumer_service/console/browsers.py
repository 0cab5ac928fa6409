"""The cookie that ties a registration link to the browser that brought it, before anybody has signed in."""

from datetime import timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from consumer_service.context import Context
from consumer_service.invitations import service as invitations
from shared.interface.cookies import cookie_name
from shared.interface.csrf import csrf_token, require_csrf

_LIFE: Final = timedelta(hours=1)
_LENGTHS: Final = range(32, 129)


def browser_of(request: Request, context: Context) -> str | None:
    """Return the name this browser was given, or None."""
    given = request.cookies.get(_name(context), "")
    return given if len(given) in _LENGTHS else None


def named_browser(request: Request, context: Context) -> str:
    """Return the name this browser was given, or a new one for `remember`."""
    return browser_of(request, context) or invitations.new_browser()


def remember(response: Response, context: Context, browser: str) -> None:
    """Give the browser its name; it lasts as long as a link is kept."""
    response.set_cookie(
        _name(context),
        browser,
        max_age=int(_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(context),
    )


def browser_csrf(browser: str) -> str:
    """Return the form token of a browser that is not signed in."""
    return csrf_token(browser.encode())


def require_browser(request: Request, context: Context, *, given: str) -> str:
    """Return the browser a form came from; raise `Forbidden` (``csrf``) unless it is our page in that browser."""
    browser = browser_of(request, context)
    require_csrf(
        request.method,
        request.headers,
        issuer=context.settings.issuer,
        session_secret=(browser or invitations.new_browser()).encode(),
        given=given,
    )
    return browser or ""


def _name(context: Context) -> str:
    return cookie_name("browser", context.settings.issuer, secure=_secure(context))


def _secure(context: Context) -> bool:
    return context.settings.issuer.startswith("https://")
