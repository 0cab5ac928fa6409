"""Decisions about consent; pure."""

import base64
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from shared.signing.comparison import same_code
from shared.wire.errors import Conflict, Forbidden
from shared.wire.registration import AuthorizationRequest, Completion
from shared.wire.version import AUTHORIZATION_CODE_SECONDS, AUTHORIZATION_REQUEST_SECONDS, COMPARISON_ATTEMPTS

CALLBACK_PATH: Final = "/exchange/v1/oauth/callback"
REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
REQUEST_LIFE: Final = timedelta(seconds=AUTHORIZATION_REQUEST_SECONDS)
CODE_LIFE: Final = timedelta(seconds=AUTHORIZATION_CODE_SECONDS)


def new_secret() -> str:
    """Return 256 random bits, base64url, 43 characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a handle or code."""
    return sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def redirect(uri: str, parameters: dict[str, str]) -> str:
    """Return the callback with its parameters."""
    return f"{uri}?{urlencode(parameters)}"


def require_request(request: AuthorizationRequest, *, instance_id: str, consumer_url: str) -> None:
    """Raise `Conflict` where a pushed request names another client or another way back."""
    if request.client_id != instance_id:
        raise Conflict("client_id is not the announced instance", code="client_mismatch")
    if request.redirect_uri != consumer_url + CALLBACK_PATH:
        raise Conflict(
            "redirect_uri is not the callback of the registered address",
            code="redirect_mismatch",
            fix=f"Use {consumer_url}{CALLBACK_PATH}.",
        )


def require_contact(signed_in: str, expected: str | None, expected_name: str) -> None:
    """Raise `Forbidden` unless the signed-in person is the registration's contact, who may be nobody's user."""
    if signed_in != expected:
        raise Forbidden(
            f"Only {expected_name} may allow this connection",
            code="wrong_contact",
            cause="The registration names another person as the consumer's contact.",
            fix="Switch user, or ask the provider to name you as the contact.",
        )


def require_comparison(typed: str, expected: str, attempts: int) -> None:
    """Raise `Conflict` unless the typed comparison code is the expected one and tries are left."""
    if attempts >= COMPARISON_ATTEMPTS:
        raise Conflict(
            "Too many wrong comparison codes",
            code="comparison_failed",
            cause=f"At most {COMPARISON_ATTEMPTS} attempts are allowed.",
            fix="Begin again with Connect to Provider; if the codes still differ, somebody stands in between.",
        )
    if not same_code(typed, expected):
        raise Conflict(
            "That is not the code of this registration",
            code="comparison_wrong",
            cause="The code must be the one the consumer's console shows.",
            fix=f"Compare again; {COMPARISON_ATTEMPTS - attempts - 1} attempts are left.",
        )


def require_same_comparison(told: str, expected: str | None) -> None:
    """Raise `Conflict` unless the code confirmed on the consumer's side is ours."""
    if expected is None or not same_code(told, expected):
        raise Conflict(
            "The comparison code confirmed on the consumer's side is not that of this registration",
            code="comparison_failed",
            cause="The two sides do not see the same keys and nonces: somebody may stand in between.",
            fix="Do not go on; cancel, and ask the provider for a new registration.",
        )


def require_code(
    given: Completion,
    *,
    code_hash: str | None,
    expires_at: datetime | None,
    challenge: str,
    redirect_uri: str,
    now: datetime,
) -> None:
    """Raise `Conflict` naming what is wrong with a completion."""
    if code_hash is None or expires_at is None or not secrets.compare_digest(digest(given.code), code_hash):
        raise Conflict(
            "The authorization code is not valid", code="code_invalid", fix="Begin again with Connect to Provider."
        )
    if expires_at <= now:
        raise Conflict(
            "The authorization code has expired",
            code="code_expired",
            cause=f"Codes live {AUTHORIZATION_CODE_SECONDS} seconds.",
            fix="Begin again with Connect to Provider.",
        )
    if given.redirect_uri != redirect_uri:
        raise Conflict("redirect_uri is not the one that was authorised", code="redirect_mismatch")
    if challenge_of(given.code_verifier) != challenge:
        raise Conflict("The verifier does not fit the challenge", code="verifier_mismatch")
