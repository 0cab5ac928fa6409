"""What a registration token says before anybody believes it; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from shared.signing import tokens
from shared.signing.errors import TokenRefused
from shared.wire.errors import ExchangeError, Forbidden, Invalid
from shared.wire.identifiers import canonical_issuer
from shared.wire.registration import TOKEN_TYPE

KEPT: Final = timedelta(hours=1)
"""How long a browser may take from opening the link to confirming the provider."""

TOKEN_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class TokenView:
    """The claims of a token, unverified: to be shown, confirmed, and only then checked."""

    provider_issuer: str
    provider_host: str
    audience: str
    number: str
    provider_jkt: str
    expires_at: datetime
    rekeys: str | None = None
    """The connection that gets other keys by it; None for an invitation to a new one."""


def token_of(text: str) -> str:
    """Return the token of a pasted link or of the token alone; raise `Invalid`."""
    text = text.strip()
    token = text.partition("#token=")[2] if "#token=" in text else text
    if not token or len(token) > TOKEN_LIMIT or token.count(".") != 2:
        raise Invalid(
            "That is not a registration link",
            code="token_malformed",
            cause="A link ends in #token= and three parts separated by dots.",
            fix="Copy the whole link from the mail, or only what follows #token=.",
        )
    return token


def browser_hash(browser: str) -> str:
    """Return what is kept of the cookie that names a browser."""
    return sha256(browser.encode()).hexdigest()


def look(token: str, *, own_issuer: str, loopback: bool, now: datetime) -> TokenView:
    """Read the claims; raise the refusal where the token cannot be for us or is too old."""
    view = _claims(token, loopback=loopback)
    if view.audience != own_issuer:
        raise Forbidden(
            f"The link is for {view.audience}, this is {own_issuer}",
            code="token_wrong_host",
            cause="The provider registered another address for your instance.",
            fix="Open the link on that instance, or ask the provider to correct the address.",
        )
    if view.expires_at <= now:
        raise Forbidden(
            "The registration link has expired",
            code="token_expired",
            cause=f"It was valid until {view.expires_at:%Y-%m-%d %H:%M} UTC.",
            fix="Ask the provider to issue a new link; the registration itself is still open.",
        )
    return view


def _claims(token: str, *, loopback: bool) -> TokenView:
    try:
        claims = tokens.peek(token, typ=TOKEN_TYPE).claims
        issuer = canonical_issuer(str(claims["iss"]), allow_loopback_http=loopback)
        return TokenView(
            provider_issuer=issuer,
            provider_host=urlsplit(issuer).netloc,
            audience=str(claims["aud"]),
            number=str(claims["sub"]),
            provider_jkt=str(claims["provider_jkt"]),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), tz=UTC),
            rekeys=str(claims["rekeys"]) if "rekeys" in claims else None,
        )
    except (TokenRefused, ExchangeError, KeyError, ValueError, OverflowError, OSError) as error:
        raise Forbidden(
            "The registration token cannot be read",
            code="token_malformed",
            cause=str(error),
            fix="Copy the whole link from the mail, or ask the provider for a new one.",
        ) from error
