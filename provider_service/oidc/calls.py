"""What is asked of identity providers: to send a browser there, and what its answer is worth."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from provider_service.context import Context
from provider_service.directory.domain import Caller
from provider_service.directory.service import SignedIn
from provider_service.identity.calls import other_directory
from provider_service.oidc import domain, service
from provider_service.oidc.domain import Provider, Purpose, Vouched
from provider_service.oidc.service import Asked
from shared.transport.openid import Client, OpenIdClient
from shared.wire.errors import ExchangeError, Forbidden

CALLBACK = "/sign-in/oidc/{slug}/callback"
"""Where a provider sends the browser back to: an address of its own for each, so that none is taken for another."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The browser before us."""

    browser: str = field(repr=False)
    """What only this browser keeps."""
    address: str
    agent: str
    caller: Caller | None
    """Who is signed in."""
    previous: str | None = field(default=None, repr=False)
    """The session cookie that came along."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Where an answer has led."""

    following: str
    signed_in: SignedIn | None
    """None for a link, which waits for the person's confirmation."""


def redirect_uri(context: Context, slug: str) -> str:
    """Return the address that has to be registered with a provider."""
    return context.settings.issuer + CALLBACK.format(slug=slug)


async def send_there(
    context: Context, openid: OpenIdClient, slug: str, *, visit: Visit, link: bool = False, following: str
) -> str:
    """Return where to send the browser, to sign in or to prove an account that is to be linked.

    Raises `NotFound`, and as `OpenIdClient.metadata` does.
    """
    provider = await context.database.read(service.find_provider, slug)
    await openid.metadata(provider.issuer)  # a provider that does not answer costs no row
    caller = visit.caller if link else None
    provider, state = await context.database.write(
        service.begin, slug, browser=visit.browser, caller=caller, following=following, now=context.clock()
    )
    asked = domain.question(visit.browser, state)
    client = Client(provider.issuer, provider.client_id, None, redirect_uri(context, slug))
    return await openid.authorization_url(
        client, scopes=provider.scopes, state=state, nonce=asked.nonce, verifier=asked.verifier
    )


async def take_answer(
    context: Context, openid: OpenIdClient, slug: str, *, answer: dict[str, str], visit: Visit
) -> Completed:
    """Judge what the browser has brought back: ``answer`` has ``state``, and ``code`` or ``error``, maybe ``iss``.

    Raises `Gone`, `Forbidden`, `Invalid`, `IdTokenRefused`, `CallFailed`; each is written down, but for questions
    nobody put.
    """
    asked = await context.database.write(
        service.take_answer,
        slug,
        state=answer.get("state", ""),
        browser=visit.browser,
        caller=visit.caller,
        now=context.clock(),
    )
    subject = ""
    try:
        person = await _vouched(context, openid, asked, answer, visit)
        subject = person.subject
        return await _completed(context, asked, person, visit)
    except ExchangeError as error:
        await context.database.write(
            service.note_refusal,
            asked.provider.id,
            code=error.code,
            subject=subject,
            address=visit.address,
            now=context.clock(),
        )
        raise


async def _completed(context: Context, asked: Asked, person: Vouched, visit: Visit) -> Completed:
    if asked.purpose is Purpose.LINK:
        await context.database.write(service.keep_proven, asked, person)
        return Completed(asked.following, None)
    signed_in = await context.database.write(
        service.sign_in,
        asked.provider.id,
        person,
        of_directory=await _of_directory(context, asked.provider, person),
        address=visit.address,
        agent=visit.agent,
        previous=visit.previous,
        now=context.clock(),
    )
    return Completed(asked.following, signed_in)


async def _vouched(
    context: Context, openid: OpenIdClient, asked: Asked, answer: dict[str, str], visit: Visit
) -> Vouched:
    provider = asked.provider
    await openid.check_answerer(provider.issuer, answer.get("iss"))
    if not answer.get("code") or "error" in answer:
        raise _declined(provider, answer.get("error", ""))
    secret = await context.database.read(service.secret_of, provider.id, masters=context.masters)
    put = domain.question(visit.browser, answer["state"])
    client = Client(provider.issuer, provider.client_id, secret, redirect_uri(context, provider.slug))
    told, tokens = await openid.redeem(client, code=answer["code"], verifier=put.verifier, nonce=put.nonce)
    claims: dict[str, Any] = dict(told.claims)
    if provider.may_create_users and "email" not in claims:
        claims = {**await openid.person(provider.issuer, tokens.access_token, told.subject), **claims}
    at = told.authenticated_at if told.authenticated_at is not None else told.issued_at
    proven_at = min(datetime.fromtimestamp(at, UTC), context.clock())
    key = {**told.claims, "sub": told.subject}.get(context.settings.directory_claim)
    person = domain.vouched(told.subject, proven_at, claims)
    return replace(person, directory_key=key if isinstance(key, str) else "")


async def _of_directory(context: Context, provider: Provider, person: Vouched) -> str | None:
    """Return the id of a person of the other directory, whose word is asked anew at every sign-in.

    None where the provider does not speak for that directory, or the subject is linked to somebody. Raises `Forbidden`
    (``identity_unknown``), `Unavailable`, and as `RemoteDirectory.find_by` does.
    """
    other, settings = other_directory(context), context.settings
    if other is None or provider.issuer != settings.directory_issuer:
        return None
    if await context.database.read(service.is_linked, provider.id, person.subject):
        return None
    found = await other.find_by(settings.directory_claim_is, person.directory_key) if person.directory_key else None
    if found is None or not await context.database.read(service.may_come_in, provider.id, found.id):
        raise domain.unknown_there(provider, person)
    await other.keep(found)
    return found.id


def _declined(provider: Provider, word: str) -> Forbidden:
    shown = word if word.replace("_", "").isalnum() and word.isascii() and len(word) <= 60 else "no code"
    return Forbidden(
        f"{provider.name} did not sign you in",
        code="identity_provider_declined",
        cause=f"It answered {shown}.",
        fix="Try again, or sign in with your password.",
    )
