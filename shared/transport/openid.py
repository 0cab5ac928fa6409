"""Asking identity providers (OpenID Connect): discovery, keys, codes. authlib spells what our client sends.

Everything a provider names is checked like any address from outside, and nothing it answers is followed: a redirect
is no answer. What does not change from sign-in to sign-in is kept in memory, for a while.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from shared.signing import id_tokens
from shared.signing.errors import IdTokenKeyUnknown
from shared.signing.id_tokens import IdToken, ProviderKey
from shared.transport.client import Answer, PeerClient
from shared.transport.errors import CallFailed
from shared.transport.inbound import parsed
from shared.wire import strict_json
from shared.wire.errors import ExchangeError, Invalid
from shared.wire.model import WireModel
from shared.wire.openid import ProviderMetadata, TokenAnswer, TokenRefusal
from shared.wire.version import JSON_TYPE

KEPT_SECONDS: Final = 3600
"""How long a discovery document and keys are believed without asking again."""
FORCED_SECONDS: Final = 60
"""Between two looks for a key nobody knows, at least: whoever makes up key ids must not make us ask for each."""
FAILURE_SECONDS: Final = 5
"""How long a provider that failed is not asked again."""
DOCUMENT_BYTES: Final = 262_144

_FORM: Final = "application/x-www-form-urlencoded"
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]*")

Model = TypeVar("Model", bound=WireModel)


@dataclass(frozen=True, slots=True)
class Client:
    """What a provider knows this instance as."""

    issuer: str
    client_id: str
    secret: str | None = field(repr=False)
    """None for a public client, which only PKCE protects."""
    redirect_uri: str


@dataclass(slots=True)
class _Known:
    """What is remembered of one provider."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: ProviderMetadata | None = None
    metadata_at: float = 0.0
    keys: tuple[ProviderKey, ...] = ()
    keys_at: float | None = None
    forced_at: float | None = None
    failure: ExchangeError | None = None
    failed_at: float = 0.0


class OpenIdClient:
    """Asks identity providers by way of ``peers``; one for each process. ``clock``: unix seconds."""

    def __init__(self, peers: PeerClient, *, clock: Callable[[], float]) -> None:
        self._peers = peers
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def metadata(self, issuer: str) -> ProviderMetadata:
        """Return what ``issuer`` says of itself, at most an hour old.

        Raises `CallFailed` (``identity_provider_unusable`` where it names another issuer or cannot be read) and
        `EgressRefused` where it, or an address it names, may not be called.
        """
        known = self._known.setdefault(issuer, _Known())
        async with known.lock:
            return await self._metadata(known, issuer)

    async def authorization_url(
        self, client: Client, *, scopes: Sequence[str], state: str, nonce: str, verifier: str
    ) -> str:
        """Return where to send the browser (RFC 6749 section 4.1.1, RFC 7636). Raises as `metadata` does."""
        found = await self.metadata(client.issuer)
        url: str = prepare_grant_uri(
            found.authorization_endpoint,
            client_id=client.client_id,
            response_type="code",
            redirect_uri=client.redirect_uri,
            scope=list(scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def check_answerer(self, issuer: str, stated: str | None) -> None:
        """Raise `Invalid` (``issuer_mixed_up``) where what the browser brought is not from ``issuer`` (RFC 9207)."""
        found = await self.metadata(issuer)
        if stated is None and not found.authorization_response_iss_parameter_supported:
            return
        if stated != issuer:
            raise Invalid(
                "The answer came from another identity provider than the one that was asked",
                code="issuer_mixed_up",
                cause="Somebody may be trying to have one provider's answer taken for another's.",
                fix="Sign in again; if it happens again, tell whoever runs this instance.",
            )

    async def redeem(self, client: Client, *, code: str, verifier: str, nonce: str) -> tuple[IdToken, TokenAnswer]:
        """Exchange a code for the provider's word about a person, and believe it or not.

        Raises `CallFailed` (``identity_provider_refused``, ``identity_provider_unusable``), `IdTokenRefused`.
        """
        found = await self.metadata(client.issuer)
        headers, body = _token_request(found, client, code, verifier)
        answer = await self._peers.fetch("POST", found.token_endpoint, headers=headers, body=body)
        if answer.status != 200:
            raise _refused(answer)
        tokens = _read(TokenAnswer, answer, "its answer to the code")
        told = await self._verified(client, tokens.id_token, nonce)
        return told, tokens

    async def person(self, issuer: str, access_token: str, subject: str) -> Mapping[str, Any]:
        """Return further claims about ``subject`` (Core 1.0 section 5.3); none where the provider offers none."""
        found = await self.metadata(issuer)
        if found.userinfo_endpoint is None or not access_token or not access_token.isascii():
            return {}
        headers = [("authorization", f"Bearer {access_token}"), ("accept", JSON_TYPE)]
        answer = await self._peers.fetch("GET", found.userinfo_endpoint, headers=headers)
        claims = _decoded(answer, "what it says about a person") if answer.status == 200 else {}
        return claims if isinstance(claims, dict) and claims.get("sub") == subject else {}

    async def _verified(self, client: Client, token: str, nonce: str) -> IdToken:
        """Look for new keys once where the present ones do not fit: the provider may have changed them just now."""
        known = self._known.setdefault(client.issuer, _Known())

        def check(keys: Sequence[ProviderKey]) -> IdToken:
            return id_tokens.verify(
                token,
                keys,
                issuer=client.issuer,
                client_id=client.client_id,
                nonce=nonce,
                now=int(self._clock()),
            )

        async with known.lock:
            keys = await self._keys(known, client.issuer, fresh=False)
            try:
                return check(keys)
            except IdTokenKeyUnknown:
                now = self._clock()
                if known.forced_at is not None and now - known.forced_at < FORCED_SECONDS:
                    raise
                known.forced_at = now
                return check(await self._keys(known, client.issuer, fresh=True))

    async def _metadata(self, known: _Known, issuer: str) -> ProviderMetadata:
        now = self._clock()
        if known.metadata is not None and now - known.metadata_at < KEPT_SECONDS:
            return known.metadata
        if known.failure is not None and now - known.failed_at < FAILURE_SECONDS:
            raise known.failure.with_traceback(None)
        try:
            found = await self._discovered(issuer)
        except ExchangeError as error:
            known.failure, known.failed_at = error, now
            raise
        known.metadata, known.metadata_at, known.failure = found, now, None
        return found

    async def _discovered(self, issuer: str) -> ProviderMetadata:
        url: str = get_well_known_url(issuer, external=True)
        found = _read(ProviderMetadata, await self._peers.fetch("GET", url), "its discovery document")
        if found.issuer != issuer:
            raise _unusable("its discovery document names another issuer", "Compare the issuer, letter by letter.")
        named = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
        for url in filter(None, named):
            self._peers.check_url(url)
        return found

    async def _keys(self, known: _Known, issuer: str, *, fresh: bool) -> tuple[ProviderKey, ...]:
        now = self._clock()
        if not fresh and known.keys_at is not None and now - known.keys_at < KEPT_SECONDS:
            return known.keys
        metadata = await self._metadata(known, issuer)
        answer = await self._peers.fetch("GET", metadata.jwks_uri)
        if answer.status != 200:
            raise _unusable(f"its keys were answered with status {answer.status}")
        known.keys, known.keys_at = id_tokens.read_keys(_decoded(answer, "its key set")), now
        return known.keys


def _token_request(
    found: ProviderMetadata, client: Client, code: str, verifier: str
) -> tuple[list[tuple[str, str]], bytes]:
    body = prepare_token_request(
        "authorization_code", redirect_uri=client.redirect_uri, code=code, code_verifier=verifier
    )
    headers = {"content-type": _FORM, "accept": JSON_TYPE}
    way, client_id, secret = _way_of(found, client), client.client_id, client.secret
    if way == "client_secret_basic" and secret is not None:
        client_id, secret = quote_plus(client_id), quote_plus(secret)  # RFC 6749 section 2.3.1; authlib leaves it out
    _, headers, body = ClientAuth(client_id, secret, way).prepare("POST", found.token_endpoint, headers, body)
    return list(headers.items()), body.encode("ascii")


def _way_of(found: ProviderMetadata, client: Client) -> str:
    """Return how to prove who we are; the secret goes into a header where that is understood.

    A secret of unusual characters goes into the body if it may: providers differ in how they read them in the header.
    """
    if client.secret is None:
        return "none"
    offered = found.token_endpoint_auth_methods_supported
    if "client_secret_post" not in offered:
        return "client_secret_basic"
    basic = "client_secret_basic" in offered and _PLAIN.fullmatch(client.client_id + client.secret)
    return "client_secret_basic" if basic else "client_secret_post"


def _read(model: type[Model], answer: Answer, what: str) -> Model:
    if answer.status != 200:
        raise _unusable(f"{what} came with status {answer.status}, which is no answer")
    _bounded(answer, what)
    try:
        return parsed(model, answer.body)
    except Invalid as error:
        raise _unusable(f"{what} cannot be read ({error.detail})") from error


def _decoded(answer: Answer, what: str) -> Any:
    _bounded(answer, what)
    try:
        return strict_json.decode(answer.body)
    except Invalid as error:
        raise _unusable(f"{what} cannot be read ({error.detail})") from error


def _bounded(answer: Answer, what: str) -> None:
    if len(answer.body) > DOCUMENT_BYTES:
        raise _unusable(f"{what} is larger than {DOCUMENT_BYTES} bytes")


def _refused(answer: Answer) -> CallFailed:
    """Say why, in the provider's own word; its description is left out, as it may quote what it was sent."""
    try:
        word = parsed(TokenRefusal, answer.body).error
    except Invalid:
        word = f"status {answer.status}"
    return CallFailed(
        "The identity provider did not accept the sign-in",
        code="identity_provider_refused",
        cause=f"It answered {word}.",
        fix="Sign in again. For invalid_client, correct the client id or secret of the identity provider.",
    )


def _unusable(why: str, fix: str = "Check the issuer of the identity provider, and ask whoever runs it.") -> CallFailed:
    return CallFailed(
        "The identity provider cannot be used",
        code="identity_provider_unusable",
        cause=f"The reason is {why}.",
        fix=fix,
    )
