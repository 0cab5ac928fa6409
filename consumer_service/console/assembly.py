"""Puts the console around an application: pages, static files, headers, routes."""

import hashlib
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from consumer_service.console import (
    access_requests,
    connections,
    first_run,
    identities,
    identity_providers,
    incidents,
    issues,
    key_ring,
    message_log,
    onboarding,
    overview,
    passwords,
    provider_connections,
    record,
    rekeying,
    sign_in,
    tokens,
    trail,
    users,
)
from consumer_service.console.deps import Desk
from consumer_service.console.frame import frame_of
from consumer_service.console.strays import StrayPages
from consumer_service.context import Context
from shared.interface.assets import Assets
from shared.interface.flash import Flashes
from shared.interface.headers import SecurityHeaders
from shared.interface.languages import catalogues_in
from shared.interface.rendering import Pages, Surroundings
from shared.transport.openapi import take_in

PRODUCT: Final = "Service Exchange"
LOCALES: Final = Path(__file__).parent / "locales"

ROUTERS: Final = (
    overview.router,
    first_run.router,
    sign_in.router,
    identities.router,
    passwords.router,
    record.router,
    users.router,
    identity_providers.router,
    onboarding.router,
    provider_connections.router,
    connections.router,
    rekeying.router,
    message_log.router,
    incidents.router,
    access_requests.router,
    issues.router,
    key_ring.router,
    tokens.router,
    trail.router,
)


def setup(app: FastAPI, context: Context) -> None:
    """Give ``app`` its pages. Call it before the layers of `shared.transport.edge.protect`."""
    assets = Assets()
    flashes = Flashes(
        _flash_secret(context),
        instance_id=context.settings.issuer,
        secure=_reached_by_https(context),
        clock=lambda: context.clock().timestamp(),
    )
    surroundings = Surroundings(frame_of, flashes, assets, catalogues_in(LOCALES), context.clock)
    templates = Path(__file__).parent / "templates"
    pages = Pages([templates], product=PRODUCT, side="Consumer", surroundings=surroundings)
    app.state.desk = Desk(pages, flashes)
    app.router.routes.append(assets.route())
    take_in(app, ROUTERS)
    app.add_middleware(StrayPages, pages=pages)


def harden(app: FastAPI, context: Context) -> None:
    """Put the security headers around everything. Call it after `protect`: refusals of its layers bear them too."""
    app.add_middleware(SecurityHeaders, https=_reached_by_https(context))


def _reached_by_https(context: Context) -> bool:
    return context.settings.issuer.startswith("https://")


def _flash_secret(context: Context) -> bytes:
    master = next(iter(context.masters.values()))
    return hashlib.sha256(b"service-exchange-console-flash-secret\0" + master.secret).digest()
