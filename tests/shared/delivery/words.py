"""The small vocabulary the tests of delivery speak."""

import zlib
from collections.abc import Sequence

import pysqlite3
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from shared.delivery import inbox, outbox
from shared.delivery.claims import Claim
from shared.wire.messages import Message, Outcome
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind

PEER = "0190c0de-0000-7000-8000-000000000001"
OTHER_PEER = "0190c0de-0000-7000-8000-000000000002"
NOW = 1_800_000_000_000
REFUSED = Problem(code="field_invalid", status=422, title="Refused")


def make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    engine = create_engine(url, module=pysqlite3)

    @event.listens_for(engine, "connect")
    def _no_hidden_transactions(connection: pysqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def queue(session: Session, *lanes: str, peer: str = PEER, data: str = "{}", now_ms: int = NOW) -> list[str]:
    drafts = [outbox.Draft(lane, "note", "INC0000001", data) for lane in lanes]
    return outbox.enqueue_many(session, connection_id=peer, drafts=drafts, now_ms=now_ms)


def take(session: Session, now_ms: int = NOW, **options: object) -> Claim:
    claim = outbox.claim(session, now_ms=now_ms, **options)
    assert claim is not None
    return claim


def verdicts(claim: Claim, kind: OutcomeKind = OutcomeKind.APPLIED) -> list[Outcome]:
    return [Outcome(id=item.id, outcome=kind) for item in claim.items]


def message(lane: str, sequence: int, *, named: str | None = None, kind: str = "note", **data: object) -> Message:
    place = zlib.crc32(f"{lane}/{sequence}".encode())
    made = named or f"0190c0de-0000-7000-8000-{place:012x}"
    return Message(
        id=made, lane=lane, sequence=sequence, type=kind, time="2026-01-01T00:00:00.000Z", subject="", data=data
    )


class Effects:
    """A handler that remembers what it applied and does as the data says: refuse or break."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, int]] = []
        self.runs: list[int] = []
        self.broken = True

    def __call__(
        self, session: Session, connection_id: str, messages: Sequence[Message], now_ms: int
    ) -> list[Problem | None]:
        if self.broken and any("break" in message.data for message in messages):
            raise RuntimeError("this cannot be applied")
        self.runs.append(len(messages))
        problems = [REFUSED if "refuse" in message.data else None for message in messages]
        self.applied += [(m.lane, m.sequence) for m, p in zip(messages, problems, strict=True) if p is None]
        return problems


def receive(
    session: Session, effects: Effects, *messages: Message, now_ms: int = NOW, peer: str = PEER
) -> inbox.Received:
    return inbox.receive(
        session, connection_id=peer, messages=messages, handlers={"note": effects, "reply": effects}, now_ms=now_ms
    )


def kinds(received: inbox.Received) -> list[str]:
    return [outcome.outcome.value for outcome in received.outcomes]
