"""Two sides that exchange records through real databases, outboxes and inboxes; only HTTP is left out.

What crosses is the text a claim holds, read again by the wire's model, as it would be from a request.
"""

import importlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from shared.delivery import inbox, outbox, peers
from shared.delivery.inbox import Received
from shared.delivery.tables import lanes_out
from shared.delivery.tables import outbox as sent
from shared.runtime.database import Database
from shared.wire.identifiers import new_id
from shared.wire.messages import Message, Outcome
from shared.wire.states import ConnectionState, DeliveryMode
from shared.wire.strict_json import decode
from tests.databases import lay_tables

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Desk:
    """One side: its database, its use cases, and its end of delivery."""

    package: str
    database: Database
    connection_id: str = ""
    now: datetime = START
    handed_out: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module("composition")  # brings every slice, and with them every table
        self.records = self.module("records.service")
        self.tables = self.module("records.tables")
        self.store = self.module("records.store")
        self.schemas = self.module("records.schemas")
        self.actor = self.module("audit.domain").Actor("user", "ada", "Ada")
        lay_tables(self.database, self.package)

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package}.{name}")

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def connect(
        self,
        connection_id: str,
        state: ConnectionState = ConnectionState.ACTIVE,
        company: str = "customer",
        peer: str | None = None,
    ) -> None:
        """Stand where the handshake ends. ``company``: the customer's key, on the provider; ``peer``: who it is."""
        peer = peer or new_id()
        self.connection_id = connection_id
        facts = {
            "id": connection_id,
            "registration_number": "REG0000001",
            "environment": "Production",
            "peer_name": "other",
            "peer_issuer": f"https://{peer}.example",
            "peer_instance_id": peer,
            "peer_instance_type": "production",
            "peer_epoch": 1,
            "identity_jkt": "x",
            "key_set": {},
            "key_set_sequence": 1,
            "delivery": "push",
            "state": state,
            "opened_at": self.now,
        }
        with self.database.transaction() as session:
            if self.package == "provider_service":
                facts["company_id"] = self._company(session, company)
            session.add(self.module("connections.tables").Connection(**facts))
            peers.register(session, connection_id, DeliveryMode.PUSH)

    def _company(self, session: Any, key: str) -> str:
        accounts = self.module("accounts.service")
        facts = self.module("accounts.domain").CompanyFacts(name=key.title(), external_key=key)
        known = accounts.find_company(session, key)
        return str((known or accounts.create_company(session, facts, actor=self.actor, now=self.now)).id)

    def do(self, name: str, **given: Any) -> Any:
        """Carry out a use case in a transaction of its own."""
        with self.database.transaction() as session:
            return getattr(self.records, name)(session, actor=self.actor, now=self.now, **given)

    def create(self, shared: bool = True, **fields: Any) -> str:
        return str(self.do("create", fields=fields, connection_id=self.connection_id if shared else None))

    def update(self, incident_id: str, **fields: Any) -> None:
        self.do("update", incident_id=incident_id, fields=fields, expected_version=None)

    def comment(self, incident_id: str, text: str, kind: str = "comment") -> str:
        return str(self.do("add_comment", incident_id=incident_id, kind=kind, text=text))

    def incident(self, incident_id: str) -> Any:
        with self.database.transaction() as session:
            return self.records.incident_view(self.records.get_incident(session, incident_id))

    def incidents(self) -> list[Any]:
        with self.database.transaction() as session:
            rows = self.records.incidents(
                session, before=None, limit=200, state=None, number=None, connection_id=self.connection_id
            )
            return [self.records.incident_view(row) for row in rows]

    def comments(self, incident_id: str) -> list[Any]:
        with self.database.transaction() as session:
            return list(self.records.comments(session, incident_id))

    def bonds(self, **filters: Any) -> list[Any]:
        wanted = {"connection_id": self.connection_id, "incident_id": None, "state": None} | filters
        with self.database.transaction() as session:
            rows = self.records.bonds(session, before=None, limit=200, **wanted)
            return [self.records.bond_view(row) for row in rows]

    def bond_of(self, incident_id: str) -> Any:
        (bond,) = self.bonds(incident_id=incident_id)
        return bond

    def copy_of(self, lane: str) -> str:
        """The incident tied by a bond."""
        return next(str(bond.incident_id) for bond in self.bonds() if bond.id == lane)

    def receive(self, *messages: Message) -> Received:
        with self.database.transaction() as session:
            return inbox.receive(
                session,
                connection_id=self.connection_id,
                messages=messages,
                handlers=self.records.message_handlers(),
                now_ms=self.now_ms,
            )

    def settle(self, claim: Any, outcomes: list[Outcome]) -> None:
        with self.database.transaction() as session:
            settled = outbox.settle(session, claim, outcomes, self.now_ms)
            self.records.on_settled(session, self.connection_id, settled, self.now_ms)

    def claim(self, limit: int = 100) -> Any:
        with self.database.transaction() as session:
            return outbox.claim(session, now_ms=self.now_ms, limit=limit, connection_id=self.connection_id)

    def messages(self) -> list[Message]:
        """Everything queued to this day, in the order of its channels."""
        with self.database.transaction() as session:
            query = select(sent.c.body).where(sent.c.connection_id == self.connection_id)
            return [as_read(body) for body in session.scalars(query.order_by(sent.c.channel, sent.c.position))]

    def next_sequences(self) -> dict[str, int]:
        """What delivery would number each lane's next message."""
        with self.database.transaction() as session:
            rows = session.execute(select(lanes_out).where(lanes_out.c.connection_id == self.connection_id))
            return {row.lane: row.next_sequence for row in rows}

    def events(self, *actions: str) -> list[Any]:
        with self.database.transaction() as session:
            return list(self.module("audit.service").events(session, limit=1000, actions=actions))

    def count(self, table: str) -> int:
        with self.database.transaction() as session:
            return int(session.scalar(select(func.count()).select_from(getattr(self.tables, table))) or 0)


@dataclass
class Line:
    """Both ends of one connection."""

    provider: Desk
    consumer: Desk

    def connect(self) -> None:
        """Begin a fresh connection, so that one pair of databases serves many examples."""
        connection_id = new_id()
        self.provider.connect(connection_id)
        self.consumer.connect(connection_id)

    def register(self, peers: dict[str, str]) -> None:
        """Begin a fresh connection between instances named by package: the same names are the same peers."""
        connection_id = new_id()
        for desk in (self.provider, self.consumer):
            desk.connect(connection_id, peer=peers[desk.package])

    def other(self, desk: Desk) -> Desk:
        return self.consumer if desk is self.provider else self.provider

    def carry(self, sender: Desk, *, limit: int = 100) -> list[Outcome]:
        """Let one batch cross and be settled; an empty list when nothing waits."""
        claim = sender.claim(limit)
        if claim is None:
            return []
        outcomes = self.other(sender).receive(*[as_read(item.body) for item in claim.items]).outcomes
        sender.settle(claim, outcomes)
        return outcomes

    def lose_answer(self, sender: Desk, *, limit: int = 100) -> None:
        """Let a batch cross whose answer is lost: the lease lapses and all of it will come again."""
        claim = sender.claim(limit)
        if claim is not None:
            self.other(sender).receive(*[as_read(item.body) for item in claim.items])
            for desk in (self.provider, self.consumer):
                desk.now += timedelta(seconds=61)

    def drain(self) -> list[Outcome]:
        """Let everything cross in both directions."""
        outcomes: list[Outcome] = []
        while crossed := self.carry(self.provider) + self.carry(self.consumer):
            outcomes += crossed
        return outcomes


def as_read(body: str) -> Message:
    return Message.model_validate(decode(body.encode()))


def make_line(provider_url: str, consumer_url: str) -> Line:
    line = Line(
        Desk("provider_service", Database(provider_url)),
        Desk("consumer_service", Database(consumer_url)),
    )
    line.connect()
    return line
