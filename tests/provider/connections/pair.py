"""A provider and a consumer in one process, talking through their real clients with real signatures."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from fastapi import FastAPI, Request
from sqlalchemy.orm import Session

from shared.delivery import outbox
from shared.delivery.loop import DeliveryLoop
from shared.runtime.database import Database
from shared.signing.envelopes import MasterKey
from shared.signing.keys import PrivateKey
from shared.signing.requests import sign_request
from shared.transport.client import PeerClient, in_process
from shared.transport.edge import protect
from shared.transport.egress import EgressPolicy
from shared.wire.errors import Forbidden
from shared.wire.identifiers import new_id
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, InstanceType, KeyPurpose, Role
from tests.databases import lay_tables

P = "https://provider.example"
C = "https://consumer.example"


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
class Side:
    """One instance: its application, and everything its worker does, one turn at a time."""

    package: str
    issuer: str
    clock: Clock
    database: Database
    data_dir: Path
    app: FastAPI = field(default_factory=FastAPI)
    notes: list[str] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    roles: frozenset[Role] = frozenset({Role.ADMIN})
    context: Any = None
    connection_id: str = ""
    broken: bool = True

    def __post_init__(self) -> None:
        self.masters = {"test": MasterKey("test", bytes(32))}
        self.service = self.module("connections.service")
        self.calls = self.module("connections.calls")
        self.keys = self.module("keys.service")
        self.actor = self.module("audit.domain").Actor("user", "ada", "Ada")
        self.hooks = self.service.ConnectionHooks(
            activated=[lambda _session, _id, _now: self.moves.append("activated")],
            closed=[lambda _session, _id, _now: self.moves.append("closed")],
        )
        self.on_settled = self.service.settled_reaction(self.hooks)
        self.handlers = {**self.service.message_handlers(self.hooks, self.on_settled), "note": self._note}
        lay_tables(self.database, self.package)
        self.holder = self.keys.KeyHolder(self.database, self.masters)

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    def connect(self, transports: dict[str, httpx.AsyncBaseTransport]) -> None:
        """Create the record and the keys, and stand behind every layer."""
        settings = self.module("settings").Settings(issuer=self.issuer, data_dir=self.data_dir)
        peers = PeerClient(EgressPolicy(), clock=self.clock.seconds, transports=transports)
        self.context = self.module("context").Context(settings, self.database, peers, self.clock, self.masters)
        for name in ("instance.peer", "keys.peer", "connections.peer", "connections.routes"):
            self.app.include_router(self.module(name).router)
        state = self.app.state
        state.context, state.message_handlers = self.context, self.handlers
        state.on_settled, state.connection_hooks, state.authorise = self.on_settled, self.hooks, self._authorise
        protect(self.app, issuer=self.issuer, signer=self.holder.http, clock=self.clock.seconds)
        instance = self.module("instance.service")
        domain = self.module("instance.domain")
        hooks = instance.InstanceHooks(
            created=lambda session, actor, now: self.keys.ensure_ring(session, self.masters, actor=actor, now=now)
        )
        new = domain.NewInstance(name=self.package.split("_")[0], instance_type=InstanceType.PRODUCTION)
        with self.database.transaction() as session:
            record = instance.create(session, new, issuer=self.issuer, actor=self.actor, hooks=hooks, now=self.clock())
        instance.mark(record, self.data_dir)
        self.instance_id = record.instance_id

    def open(self, other: "Side", connection_id: str, delivery: DeliveryMode) -> None:
        """Pin the other side, as the last step of the handshake does."""
        self.connection_id = connection_id
        with other.database.transaction() as session:
            statement = other.keys.key_set(session).model_dump()
            jkt = other.keys.identity_thumbprint(session)
        extra = {"company_id": new_id()} if self.package == "provider_service" else {}
        with self.database.transaction() as session:
            self.service.open_connection(
                session,
                connection_id=connection_id,
                registration_number="REG0000001",
                peer_name=other.package.split("_")[0],
                peer_issuer=other.issuer,
                peer_instance_id=other.instance_id,
                peer_instance_type=InstanceType.PRODUCTION,
                peer_epoch=1,
                identity_jkt=jkt,
                key_set=statement,
                delivery=delivery,
                now=self.clock(),
                **extra,
            )

    def loop(self) -> DeliveryLoop:
        return DeliveryLoop(
            run=self.database.write,
            send=self.calls.send(self.context, self.hooks),
            clock_ms=lambda: round(self.clock.seconds() * 1000),
            on_settled=self.on_settled,
        )

    async def deliver(self) -> None:
        """One turn of the delivery loop."""
        await self.loop().deliver_due()

    def write(self, *texts: str, lane: str = "talk") -> None:
        with self.database.transaction() as session:
            for text in texts:
                outbox.enqueue(
                    session,
                    connection_id=self.connection_id,
                    lane=lane,
                    type="note",
                    subject="",
                    data_json=f'{{"text":"{text}"}}',
                    now_ms=round(self.clock.seconds() * 1000),
                )

    @property
    def connection(self) -> Any:
        with self.database.transaction() as session:
            return self.service.get(session, self.connection_id)

    def detail(self) -> Any:
        with self.database.transaction() as session:
            return self.service.detail(session, connection_id=self.connection_id, now=self.clock())

    def do(self, name: str, **more: Any) -> None:
        """Carry out a use case on the connection as an operator."""
        with self.database.transaction() as session:
            getattr(self.service, name)(
                session, connection_id=self.connection_id, actor=self.actor, now=self.clock(), **more
            )

    def http_key(self) -> PrivateKey:
        with self.database.transaction() as session:
            key: PrivateKey = self.keys.signer(session, self.masters, KeyPurpose.HTTP)
            return key

    def key_hooks(self) -> Any:
        return self.keys.KeyHooks(active_connections=self.service.active_connections)

    def rotate(self) -> str:
        """Stage the next http key and return its id."""
        with self.database.transaction() as session:
            key = self.keys.stage(
                session,
                self.masters,
                KeyPurpose.HTTP,
                actor=self.actor,
                hooks=self.key_hooks(),
                now=self.clock(),
            )
            return str(key.kid)

    async def tend(self) -> bool:
        with self.database.transaction() as session:
            done: bool = self.keys.tend(session, self.masters, hooks=self.key_hooks(), now=self.clock())
        await self.holder.refresh()
        return done

    def actions(self) -> list[str]:
        with self.database.transaction() as session:
            rows = self.module("audit.service").events(session, limit=1000)
            return [row.action for row in rows]

    def _note(
        self, _session: Session, _connection_id: str, messages: Sequence[Message], _now_ms: int
    ) -> list[Problem | None]:
        if self.broken and any(message.data["text"] == "break" for message in messages):
            raise RuntimeError("this cannot be applied")
        self.runs.append(len(messages))
        self.notes += [str(message.data["text"]) for message in messages]
        return [None] * len(messages)

    async def _authorise(self, _request: Request, roles: frozenset[Role], _scope: str) -> Any:
        if not roles & self.roles:
            raise Forbidden
        return self.actor


@dataclass
class Pair:
    """Both sides of one connection."""

    provider: Side
    consumer: Side
    clock: Clock
    connection_id: str

    async def settle(self) -> None:
        """Deliver in both directions."""
        await self.consumer.deliver()
        await self.provider.deliver()

    async def activate(self, delivery: DeliveryMode = DeliveryMode.PUSH) -> None:
        """Open the connection on both sides and let the settings cross."""
        self.provider.open(self.consumer, self.connection_id, delivery)
        self.consumer.open(self.provider, self.connection_id, delivery)
        await self.settle()

    async def ask(self, receiver: Side, path: str, body: bytes | None, **changes: Any) -> httpx.Response:
        """Send a signed request of the other side's by hand; ``changes`` to what `sign_request` is given."""
        headers = self.signed(receiver, path, body, **changes)
        return await self.send_as_is(receiver, path, body, headers)

    def client(self, side: Side) -> httpx.AsyncClient:
        """An operator's program."""
        return httpx.AsyncClient(transport=in_process(side.app), base_url=side.issuer)

    def signed(self, receiver: Side, path: str, body: bytes | None, **changes: Any) -> list[tuple[str, str]]:
        sender = self.consumer if receiver is self.provider else self.provider
        given: dict[str, Any] = {
            "method": "GET" if body is None else "POST",
            "target_uri": receiver.issuer + path,
            "body": body,
            "content_type": None if body is None else "application/json",
            "idempotency_key": None,
            "connection_id": self.connection_id,
            "nonce": new_id().replace("-", ""),
            "now": int(self.clock.seconds()),
        }
        key = changes.pop("key", None) or sender.http_key()
        return sign_request(key, **{**given, **changes})

    async def send_as_is(
        self, receiver: Side, path: str, body: bytes | None, headers: list[tuple[str, str]]
    ) -> httpx.Response:
        async with httpx.AsyncClient(transport=in_process(receiver.app), base_url=receiver.issuer) as client:
            return await client.request("GET" if body is None else "POST", path, content=body, headers=headers)


async def make_pair(provider_url: str, consumer_url: str, directory: Path) -> Pair:
    clock = Clock()
    provider = Side("provider_service", P, clock, Database(provider_url), directory / "p")
    consumer = Side("consumer_service", C, clock, Database(consumer_url), directory / "c")
    transports = {P: in_process(provider.app), C: in_process(consumer.app)}
    for side in (provider, consumer):
        side.connect(transports)
        await side.holder.refresh()
    return Pair(provider, consumer, clock, new_id())
