"""The HTTP application: every router, its protection, and on SQLite the worker beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from starlette.types import Scope

from provider_service import composition, console
from provider_service.accounts import routes as accounts
from provider_service.audit import routes as audit
from provider_service.connections import peer as connection_peer
from provider_service.connections import routes as connections
from provider_service.context import Context
from provider_service.directory import deps as directory_deps
from provider_service.directory import routes as directory
from provider_service.directory import service as people
from provider_service.handshakes import peer as handshake_peer
from provider_service.handshakes import routes as handshakes
from provider_service.health import routes as health
from provider_service.instance import peer as instance_peer
from provider_service.instance import routes as instance
from provider_service.keys import peer as key_peer
from provider_service.keys import routes as keys
from provider_service.keys import service as key_service
from provider_service.keys.service import KeyHolder
from provider_service.mail import routes as mail
from provider_service.oidc import routes as oidc
from provider_service.options import routes as options
from provider_service.records import routes as records
from provider_service.registrations import routes as registrations
from provider_service.scim import peer as scim_peer
from provider_service.scim import routes as scim
from provider_service.self_service import peer as self_service_peer
from provider_service.self_service import routes as self_service
from provider_service.settings import Settings
from provider_service.worker import Worker, keys_turn
from shared.runtime.health import Health, metrics_route
from shared.runtime.turns import GRACE_BESIDE_REQUESTS_SECONDS, Turns
from shared.transport.edge import protect
from shared.transport.openapi import finish, operation_id, take_in
from shared.transport.openid import OpenIdClient
from shared.transport.rates import RateLimiter, RateRule, address_key
from shared.wire.version import SOFTWARE_VERSION

ROUTERS: Final[tuple[APIRouter, ...]] = (
    connection_peer.router,  # first: the way of every message, and routers are tried in order
    audit.router,
    mail.router,
    directory.router,
    *accounts.ROUTERS,
    options.router,
    instance.router,
    keys.router,
    health.router,
    scim.router,
    oidc.router,
    connections.router,
    registrations.router,
    handshakes.router,
    *self_service.ROUTERS,
    records.router,
    instance_peer.router,
    key_peer.router,
    handshake_peer.router,
    self_service_peer.router,
)

STRANGERS: Final = "1200/minute"
"""Calls of one address to what is open to everybody; guessing is bounded far below by lockouts and attempts."""
OPEN_TO_STRANGERS: Final = ("/exchange/v1/registrations", "/oauth/", "/sign-in", "/setup", "/password", "/set-password",
                              "/sign-up")  # fmt: skip

SECURITY: Final[Mapping[str, tuple[str, ...]]] = {
    "/api/": ("token", "session"),
    "/exchange/": ("signature",),
    "/exchange/v1/echo": (),
    "/.well-known/": (),
}


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = composition.utc_now,
    transports: Mapping[str, Any] | None = None,
    embedded_worker: bool | None = None,
) -> FastAPI:
    """Return the application. Its lifespan starts what it needs and closes it.

    ``transports``: ways to peers in the same process, for tests. ``embedded_worker``: on by default on SQLite, which
    has one process; off on PostgreSQL, where ``worker`` processes do the work.
    """
    context = composition.make_context(settings, clock=clock, transports=transports)
    holder = KeyHolder(context.database, context.masters)
    probes = Health({"database": context.database.ping})
    worker_here = context.database.engine_name == "sqlite" if embedded_worker is None else embedded_worker

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with _running(context, holder, probes, worker=worker_here):
            yield

    app = FastAPI(
        title="Service Exchange: provider",
        version=SOFTWARE_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.context = context
    app.state.holder = holder
    _compose(app, context)
    directory_deps.install(app)
    take_in(app, ROUTERS)
    app.router.routes.extend([*probes.routes(), *scim_peer.routes()])
    app.router.routes.append(metrics_route(_metrics(), token=settings.metrics_token.get_secret_value()))
    console.setup(app, context)
    finish(app, security_by_prefix=SECURITY)
    protect(app, issuer=settings.issuer, signer=holder.http, clock=lambda: clock().timestamp(), rate_rule=rate_rule())
    console.harden(app, context)
    return app


def _compose(app: FastAPI, context: Context) -> None:
    """Let each slice find what the others have to say to it."""
    app.state.openid = OpenIdClient(context.peers, clock=lambda: context.clock().timestamp())
    app.state.checks = composition.check_registry()
    app.state.account_hooks = composition.account_hooks()
    app.state.key_hooks = composition.key_hooks()
    app.state.instance_hooks = composition.instance_hooks(context.masters)
    app.state.connection_hooks = composition.connection_hooks()
    app.state.message_handlers = composition.message_handlers()
    app.state.on_settled = composition.on_settled


def _metrics() -> CollectorRegistry:
    """Return the figures of this process; those of connections stand in the API."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def rate_rule() -> RateRule:
    """Return how often one address may ask for what anybody may ask for without being known."""
    strangers = RateLimiter("strangers", STRANGERS)

    def rule(scope: Scope) -> tuple[RateLimiter, str] | None:
        return (strangers, address_key(scope)) if scope["path"].startswith(OPEN_TO_STRANGERS) else None

    return rule


@asynccontextmanager
async def _running(context: Context, holder: KeyHolder, probes: Health, *, worker: bool) -> AsyncIterator[None]:
    stop = asyncio.Event()
    await _first_administrator(context)
    await context.database.read(key_service.require_identity, context.masters)
    await holder.refresh()
    following = asyncio.create_task(holder.follow())
    work = Worker(context, grace_s=GRACE_BESIDE_REQUESTS_SECONDS).run if worker else _tending(context).run_until
    working = asyncio.create_task(work(stop))
    probes.started = True
    try:
        yield
    finally:
        stop.set()
        following.cancel()
        await asyncio.gather(following, working, return_exceptions=True)
        await context.peers.aclose()
        context.database.close()


def _tending(context: Context) -> Turns:
    """Return what stays here where workers are processes of their own: they cannot open the identity key."""
    return Turns(context.database, keys_turn(context) if context.database.engine_name == "postgresql" else [])


async def _first_administrator(context: Context) -> None:
    """Make the first administrator out of the environment, or print how to become it."""
    settings = context.settings
    if not await context.database.read(people.needs_setup):
        return
    if settings.first_admin_email:
        password = await directory_deps.prepare_password(context, settings.first_admin_password.get_secret_value())
        await context.database.write(
            people.ensure_admin_from_environment,
            email=settings.first_admin_email,
            password=password,
            now=context.clock(),
        )
        return
    token = await context.database.write(people.issue_setup_token, now=context.clock())
    print(f"First administrator: open {settings.issuer}/setup#token={token} within 30 minutes.", flush=True)  # noqa: T201
