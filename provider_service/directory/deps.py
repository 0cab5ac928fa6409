"""Who calls: a session cookie or an API token, checked once a request; and the steps that hash outside transactions."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Final, TypeVar

from fastapi import Depends, FastAPI, Request, Response

from provider_service.audit.domain import Actor
from provider_service.context import Context, ContextDep
from provider_service.directory import domain, service
from provider_service.directory.domain import Caller, Person
from provider_service.directory.service import Hasher, NewPassword, SignedIn
from shared.interface.cookies import cookie_name
from shared.interface.csrf import CSRF_FIELD, CSRF_HEADER, require_csrf
from shared.wire.errors import Unauthenticated
from shared.wire.states import Role

Result = TypeVar("Result")

_BEARER: Final = "bearer "
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_HASHING: Final = ThreadPoolExecutor(2, thread_name_prefix="password-hash")
"""Hashing costs 64 MiB and a core each time: many sign-ins at once wait here, and nothing else does."""


async def current_caller(request: Request, context: ContextDep) -> Caller:
    """Return who calls; raise `Unauthenticated`, or `Forbidden` (``csrf``) for a forged form."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        known = await _resolve(request, context)
        request.state.caller = known
    return known


CallerDep = Annotated[Caller, Depends(current_caller)]
"""Somebody who is signed in, or a token; whatever their roles."""


def allowed(*roles: Role, scope: str) -> Callable[[Request, ContextDep], Awaitable[Caller]]:
    """Return a dependency that gives the caller if it holds one of ``roles`` and, a token, ``scope``."""

    async def check(request: Request, context: ContextDep) -> Caller:
        return _judge(await current_caller(request, context), frozenset(roles), scope)

    return check


def scoped(scope: str) -> Callable[[Request, ContextDep], Awaitable[Caller]]:
    """Return a dependency that gives whoever is signed in, whatever their roles; a token needs ``scope``."""

    async def check(request: Request, context: ContextDep) -> Caller:
        caller = await current_caller(request, context)
        domain.require_scope(caller, scope)
        return caller

    return check


async def authorise(request: Request, roles: frozenset[Role], scope: str) -> Actor:
    """Check a caller for the slices beneath this one (`audit.deps.Authorise`)."""
    return _judge(await current_caller(request, request.app.state.context), roles, scope).actor


def install(app: FastAPI) -> None:
    """Let the routes of the slices beneath ask this one who calls."""
    app.state.authorise = authorise


def client_address(request: Request) -> str:
    """Return the network address the request came from; behind a proxy the server has put the client's there."""
    return request.client.host if request.client else ""


def session_cookie_name(context: Context) -> str:
    """Return the name of this instance's session cookie; two instances on one host have two names."""
    issuer = context.settings.issuer
    return cookie_name("session", issuer, secure=issuer.startswith("https://"))


def set_session_cookie(response: Response, context: Context, value: str) -> None:
    """Give the browser its session; it lasts until the browser or the server ends it."""
    response.set_cookie(
        session_cookie_name(context),
        value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=context.settings.issuer.startswith("https://"),
    )


def clear_session_cookie(response: Response, context: Context) -> None:
    """Take the session out of the browser."""
    response.delete_cookie(
        session_cookie_name(context),
        path="/",
        httponly=True,
        samesite="lax",
        secure=context.settings.issuer.startswith("https://"),
    )


def session_cookie(request: Request, context: Context) -> str | None:
    """Return the session cookie that came with the request."""
    return request.cookies.get(session_cookie_name(context))


def hasher_of(context: Context) -> Hasher:
    """Return the hasher of the cost that is set."""
    settings = context.settings
    return service.hasher(settings.password_time_cost, settings.password_memory_kib, settings.password_parallelism)


async def prepare_password(context: Context, password: str) -> NewPassword:
    """Hash a chosen password, outside any transaction."""
    shortened = password[: domain.PASSWORD_LIMIT + 1]  # over the limit it is refused anyway, whatever its length
    return await _hash(lambda: hasher_of(context).prepare(shortened))


async def sign_in(
    context: Context, *, email: str, password: str, address: str, agent: str = "", previous: str | None = None
) -> SignedIn:
    """Sign a person in. ``previous``: the session cookie that came with the request.

    Raises `Unauthenticated` (``credentials_wrong``), the same for every reason, and `TooMany` (``locked_out``).
    """
    database, now = context.database, context.clock()
    attempt = await database.write(service.begin_sign_in, email=email, address=address, now=now)
    given = password[: domain.PASSWORD_LIMIT + 1]
    verdict = await _hash(lambda: hasher_of(context).check(given, attempt.stored_hash))
    signed_in = await database.write(
        service.complete_sign_in, attempt, verdict, agent=agent, previous=previous, now=context.clock()
    )
    if signed_in is None:
        raise Unauthenticated(
            "Mail address or password is wrong",
            code="credentials_wrong",
            fix="Try again, or have a mail sent to set a new password.",
        )
    return signed_in


async def set_password(context: Context, *, secret: str, password: str, address: str) -> Person:
    """Set a password by the secret of a link. Raises as `service.set_password` does."""
    prepared = await prepare_password(context, password)
    return await context.database.write(
        service.set_password, secret=secret, password=prepared, address=address, now=context.clock()
    )


async def change_password(context: Context, caller: Caller, *, old: str, new: str, agent: str = "") -> SignedIn:
    """Change one's own password; every other session ends. Raises `Unauthenticated` where the old one is wrong."""
    current = await sign_in(context, email=caller.email, password=old, address=caller.actor.address, agent=agent)
    del current  # its session ends with all others
    prepared = await prepare_password(context, new)
    return await context.database.write(
        service.change_password, password=prepared, caller=caller, agent=agent, now=context.clock()
    )


def _judge(caller: Caller, roles: frozenset[Role], scope: str) -> Caller:
    domain.require_role(caller, roles)
    domain.require_scope(caller, scope)
    return caller


async def _resolve(request: Request, context: Context) -> Caller:
    given = request.headers.get("authorization", "")
    if given:
        return await _resolve_token(request, context, given)
    cookie = session_cookie(request, context)
    if cookie is None:
        raise Unauthenticated(fix="Sign in, or send an API token as Authorization: Bearer.")
    now = context.clock()
    found = await context.database.read(service.resolve_session, cookie, address=client_address(request), now=now)
    require_csrf(
        request.method,
        request.headers,
        issuer=context.settings.issuer,
        session_secret=found.caller.csrf_secret or b"",
        given=await _csrf_token(request),
    )
    if found.note_due:
        await context.database.write(service.note_session, found.key, now=now)
    return found.caller


async def _resolve_token(request: Request, context: Context, given: str) -> Caller:
    if not given.lower().startswith(_BEARER):
        raise Unauthenticated(code="token_invalid", fix="Send an API token as Authorization: Bearer.")
    bearer, now = given[len(_BEARER) :].strip(), context.clock()
    found = await context.database.read(service.resolve_token, bearer, address=client_address(request), now=now)
    if found.note_due:
        await context.database.write(service.note_token, found.key, now=now)
    return found.caller


async def _csrf_token(request: Request) -> str | None:
    given = request.headers.get(CSRF_HEADER)
    if given is not None or not request.headers.get("content-type", "").startswith(_FORMS):
        return given
    field = (await request.form()).get(CSRF_FIELD)
    return field if isinstance(field, str) else None


async def _hash(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_HASHING, partial(work))
