"""Decisions of the handshake on the consumer; pure."""

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from shared.signing.comparison import same_code
from shared.wire.errors import Conflict, Forbidden
from shared.wire.registration import StepStatus
from shared.wire.states import ProviderConnectionState as State
from shared.wire.states import Step
from shared.wire.version import COMPARISON_ATTEMPTS

CALLBACK_PATH: Final = "/exchange/v1/oauth/callback"
COMPLETION_RETRY: Final = timedelta(seconds=5)
NOTICE_RETRY: Final = (1, 5, 30, 120, 600, 1800, 3600)
"""Seconds between tries to tell the provider that we cancelled."""
NOTICE_ATTEMPTS: Final = 24

FINAL: Final = frozenset(
    {
        "token_malformed",
        "token_expired",
        "token_revoked",
        "token_used",
        "token_wrong_host",
        "registration_unknown",
        "registration_closed",
        "registration_bound",
        "version_unsupported",
        "peer_identity_mismatch",
        "comparison_failed",
        "identity_given_up",
        "delivery_mismatch",
    }
)
"""Refusals after which the same call does not help (docs/protocol.md, section 12)."""

BROKEN_CODE: Final = frozenset({"code_invalid", "code_expired", "verifier_mismatch", "redirect_mismatch"})
"""Refusals after which the contact has to allow the connection once more."""

_ORDER: Final = (
    Step.VALIDATION,
    Step.INVITATION,
    Step.ANNOUNCEMENT,
    Step.AUTHORIZATION,
    Step.COMPLETION,
    Step.SETTINGS,
)
_HANDLE: Final = re.compile(r"urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{22,128}")


def new_secret() -> str:
    """Return 256 random bits, base64url, 43 characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a secret handle."""
    return sha256(secret.encode()).hexdigest()


def commitment_of(nonce: str) -> str:
    """Return the commitment to a nonce: SHA-256 over its bytes, base64url."""
    raw = base64.urlsafe_b64decode(nonce + "=")
    return base64.urlsafe_b64encode(sha256(raw).digest()).rstrip(b"=").decode()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(endpoint: str, *, provider_issuer: str, client_id: str, request_uri: str) -> str:
    """Return where the browser goes; raise `Conflict` for an endpoint that is not the provider's own."""
    if endpoint != f"{provider_issuer}/oauth/authorize" or _HANDLE.fullmatch(request_uri) is None:
        raise Conflict(
            "The provider sends the browser to another place than its own",
            code="authorization_endpoint_mismatch",
            cause=f"It named {endpoint[:200]}.",
            fix="Do not go on; ask the provider.",
        )
    return f"{endpoint}?{urlencode({'client_id': client_id, 'request_uri': request_uri})}"


def require_issuer(iss: str | None, pinned: str) -> None:
    """Raise `Forbidden` unless the browser comes back from the pinned provider (RFC 9207)."""
    if iss != pinned:
        raise Forbidden(
            "The browser came back from another provider",
            code="issuer_mismatch",
            cause=f"Expected {pinned}.",
            fix="Begin again with Connect to Provider.",
        )


def require_administrator(user_id: str, expected: str) -> None:
    """Raise `Forbidden` unless the one who began is the one who comes back."""
    if user_id != expected:
        raise Forbidden(
            "Another administrator began this connection",
            code="wrong_administrator",
            fix="Let that person finish it, or begin again with Connect to Provider.",
        )


def require_comparison(typed: str, expected: str | None, attempts: int) -> None:
    """Raise `Conflict` unless the code the provider shows is ours and tries are left."""
    if attempts >= COMPARISON_ATTEMPTS:
        raise Conflict(
            "Too many wrong comparison codes",
            code="comparison_failed",
            fix="Cancel, and ask the provider for a new registration.",
        )
    if expected is None or not same_code(typed, expected):
        raise Conflict(
            "That is not the code of this connection",
            code="comparison_wrong",
            cause="Both sides must show the same code; if they do not, somebody stands in between.",
            fix=f"Compare again; {COMPARISON_ATTEMPTS - attempts - 1} attempts are left.",
        )


def steps(
    state: str, *, done: frozenset[Step], problem: Mapping[str, Any] | None, problem_step: str | None
) -> list[StepStatus]:
    """Return how far each step is: those done, the one it stands at, those to come."""
    reached = False
    ended = State(state) is State.CANCELLED
    result = []
    for step in _ORDER:
        if step in done:
            result.append(StepStatus(step=step, state="done"))
            continue
        current, reached = not reached, True
        told = str((problem or {}).get("detail", "")) if problem_step == step else ""
        failed = bool(told) or (current and ended)
        result.append(
            StepStatus(step=step, state="failed" if failed else "running" if current else "waiting", problem=told)
        )
    return result
