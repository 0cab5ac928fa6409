"""Headers that make the browser our ally, on every response (quality.md, *For people*: strict CSP)."""

import re
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FORM_TARGETS = "shared.interface.form_targets"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")

_FIXED: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": under that policy browsers send "Origin: null" with our own forms (Fetch standard, "append a
    # request Origin header"), which the plain-http half of the CSRF check could not tell from a stranger's.
    # "same-origin" tells other sites exactly as little.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_TWO_YEARS = "max-age=63072000; includeSubDomains"


def content_security_policy(form_targets: tuple[str, ...] = ()) -> str:
    """The policy: everything from ourselves, nothing inline, no eval, no frames; forms go to us and `form_targets`."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            " ".join(("form-action 'self'", *form_targets)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


def allow_form_redirect(scope: MutableMapping[str, Any], origin: str) -> None:
    """Let the forms of *this one response* end, by redirect, at another origin.

    Chromium applies ``form-action`` to the redirects that follow a submission too, so a page whose form leads to
    another party's sign-in or consent page must name that party. ``origin`` is scheme, host and port alone, lower
    case; anything else raises ValueError, for it would be written into the policy. Call it with ``request.scope``.
    """
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("an origin is http(s)://host or http(s)://host:port, in lower case, with nothing after it")
    scope.setdefault(_FORM_TARGETS, []).append(origin)


class SecurityHeaders:
    """ASGI middleware, outermost but for the server's own: sets the headers on every HTTP response.

    ``https`` says whether people reach the instance by https (from its configured address, never from the request);
    only then is Strict-Transport-Security sent.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self._fixed = {**_FIXED, "strict-transport-security": _TWO_YEARS} if https else _FIXED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # The list is made here and filled further in, so that copies of the scope still lead to the same one.
        form_targets: list[str] = []
        scope[_FORM_TARGETS] = form_targets

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = content_security_policy(tuple(form_targets))
                headers.update(self._fixed)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)
