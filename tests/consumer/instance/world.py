"""What the tests of instance, keys and health share: one process of this service over a fresh database."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy.orm import Session

from consumer_service.audit.domain import Actor
from consumer_service.checks import Check
from consumer_service.context import Context
from consumer_service.health.domain import CheckRegistry
from consumer_service.health.routes import router as health_router
from consumer_service.instance.peer import router as echo_router
from consumer_service.instance.routes import router as instance_router
from consumer_service.instance.service import InstanceHooks
from consumer_service.keys import service as keys
from consumer_service.keys.peer import router as discovery_router
from consumer_service.keys.routes import router as keys_router
from consumer_service.keys.service import KeyHolder, KeyHooks
from consumer_service.settings import Settings
from shared.runtime.database import Database
from shared.signing.envelopes import MasterKey
from shared.transport.client import PeerClient, in_process
from shared.transport.edge import protect
from shared.transport.egress import EgressPolicy
from shared.wire.errors import Forbidden
from shared.wire.states import Role
from tests.databases import lay_tables

ISSUER = "https://desk.example"
ADA = Actor("user", "ada", "Ada")
MASTER = MasterKey("mk-one", b"1" * 32)
RECORD = {"name": "desk-one", "instance_type": "production", "sender_address": "desk@desk.example"}


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """The application, what it holds, and what its hooks were told."""

    context: Context
    clock: Clock
    client: httpx.AsyncClient
    app: FastAPI
    holder: KeyHolder
    hooks: KeyHooks
    masters: dict[str, MasterKey]
    connections: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.context.database

    async def create_record(self) -> dict[str, object]:
        answer = await self.client.post("/api/v1/instance", json=RECORD, headers=called("create-record"))
        assert answer.status_code == 201, answer.text
        await self.holder.refresh()
        created: dict[str, object] = answer.json()
        return created


def called(key: str, *roles: Role, scopes: str = "") -> dict[str, str]:
    """Headers of a call by a person with ``roles`` (an administrator of everything unless told)."""
    return {"idempotency-key": key, "x-roles": " ".join(roles or Role), "x-scopes": scopes}


async def _authorise(request: Request, roles: frozenset[Role], _scope: str) -> Actor:
    held = request.headers.get("x-roles", " ".join(Role)).split()
    if not roles.intersection(Role(role) for role in held):
        raise Forbidden
    return ADA


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checks() -> list[Check]:
    return []


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    lay_tables(opened, "consumer_service")
    yield opened
    opened.close()


@pytest.fixture
async def world(database: Database, tmp_path: Path, clock: Clock, checks: list[Check]) -> AsyncIterator[World]:
    app = FastAPI()
    settings = Settings(data_dir=tmp_path / "data", database_url=str(database.url), issuer=ISSUER)
    policy = EgressPolicy()
    masters = {MASTER.name: MASTER}
    peers = PeerClient(policy, clock=clock.seconds, transports={ISSUER: in_process(app)})
    context = Context(settings=settings, database=database, peers=peers, clock=clock, masters=masters)
    holder = KeyHolder(database, masters)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
        world = World(context, clock, client, app, holder, KeyHooks(), masters)
        world.hooks = KeyHooks(
            active_connections=lambda _session: world.connections,
            identity_lost=lambda _session, _actor, _now: world.told.append("identity_lost"),
        )
        _assemble(world, checks)
        yield world
    await peers.aclose()


def _assemble(world: World, checks: list[Check]) -> None:
    app, masters = world.app, world.masters

    def ring(session: Session, actor: Actor, now: datetime) -> None:
        keys.ensure_ring(session, masters, actor=actor, now=now)

    def copied(session: Session, actor: Actor, now: datetime) -> None:
        keys.replace_ring(session, masters, actor=actor, now=now)

    app.state.context = world.context
    app.state.authorise = _authorise
    app.state.checks = CheckRegistry(checks)
    app.state.key_hooks = world.hooks
    app.state.instance_hooks = InstanceHooks(created=ring, copied=copied)
    for router in (instance_router, echo_router, discovery_router, keys_router, health_router):
        app.include_router(router)
    protect(app, issuer=ISSUER, signer=world.holder.http, clock=world.clock.seconds)
