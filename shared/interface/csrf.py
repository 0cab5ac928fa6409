"""Whether a request that changes something really comes from one of our own pages.

Two independent locks, both required: where the browser says the request comes from, and a token only our pages know.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.wire.errors import Forbidden

CSRF_FIELD = "csrf_token"
"""Name of the hidden form field."""

CSRF_HEADER = "x-csrf-token"
"""Name of the header scripts send instead of the field."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITES = frozenset({"same-origin", "none"})
_TOKEN_CONTEXT = b"service-exchange-console-csrf-v1"


def csrf_token(session_secret: bytes) -> str:
    """The token of one session: an HMAC-SHA256 of a constant under the session's secret, base64url, 43 characters.

    Derived, not stored: it lives and dies with the session, and does not reveal the secret to the page.
    """
    digest = hmac.digest(session_secret, _TOKEN_CONTEXT, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def require_same_origin(method: str, headers: Mapping[str, str], *, issuer: str) -> None:
    """Refuse a changing request that another site started. Raises Forbidden, code ``csrf``.

    ``headers`` has lower-case names (or is case-insensitive); ``issuer`` is our configured external address.
    Sec-Fetch-Site decides where it is sent; browsers leave it out on plain http, there Origin must be ours. A request
    with neither does not come from a browser and has no business with a session cookie. Sign-in has no session yet and
    uses this alone.
    """
    if method.upper() in _SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site not in _OWN_SITES:
            raise _refused(f"The browser reports a request from another site ({site!r:.40}).")
        return
    if headers.get("origin") != _origin(issuer):
        raise _refused("The request does not name this address as its origin.")


def require_csrf(
    method: str, headers: Mapping[str, str], *, issuer: str, session_secret: bytes, given: str | None
) -> None:
    """Refuse a changing request from elsewhere or without the session's token. Raises Forbidden, code ``csrf``.

    ``given`` is the form field `CSRF_FIELD` or the header `CSRF_HEADER`, whichever the caller has read.
    """
    if method.upper() in _SAFE_METHODS:
        return
    require_same_origin(method, headers, issuer=issuer)
    expected = csrf_token(session_secret).encode("ascii")
    if not hmac.compare_digest(expected, (given or "").encode("utf-8", "surrogatepass")):
        raise _refused("The form's token is missing or belongs to another session.")


def _origin(issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"


def _refused(cause: str) -> Forbidden:
    return Forbidden(
        "This form was not accepted, and nothing was changed",
        code="csrf",
        cause=cause,
        fix="Open the page again from the console's own address, then repeat the step.",
    )
