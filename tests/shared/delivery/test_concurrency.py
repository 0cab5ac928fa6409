"""PostgreSQL only: many processes at once (SQLite has one writer and drops the locks)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.delivery import inbox, outbox, peers
from shared.delivery.statements import WAKE_CHANNEL
from shared.delivery.tables import delivery_metadata
from shared.wire.states import DeliveryMode
from tests.shared.delivery.words import NOW, PEER, Effects, kinds, make_engine, message, queue, receive


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = make_engine(postgresql_url)
    delivery_metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        peers.register(session, PEER, DeliveryMode.PUSH)
    yield engine
    engine.dispose()


def test_two_claimers_at_once_get_different_channels(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        queue(session, *[f"lane.{number}" for number in range(50)])
    with Session(engine) as one, Session(engine) as two:
        taken = [outbox.claim(one, now_ms=NOW), outbox.claim(two, now_ms=NOW)]
        taken += [outbox.claim(one, now_ms=NOW), outbox.claim(two, now_ms=NOW)]
        assert outbox.claim(one, now_ms=NOW) is None
        assert outbox.claim(two, now_ms=NOW) is None
        assert len({claim.channel for claim in taken if claim}) == 4
        assert sum(len(claim.items) for claim in taken if claim) == 50
        one.rollback()
        two.rollback()


def test_queueing_at_once_gives_every_message_its_own_place(engine: Engine) -> None:
    def work(_: int) -> None:
        for _round in range(5):
            with Session(engine) as session, session.begin():
                queue(session, "a", "b", "c", "d")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    sequences: dict[str, list[int]] = {}
    with Session(engine) as session, session.begin():
        while (claim := outbox.claim(session, now_ms=NOW)) is not None:
            for item in claim.items:
                sequences.setdefault(item.lane, []).append(item.sequence)
    assert sequences == {lane: list(range(1, 21)) for lane in "abcd"}


def test_one_batch_arriving_twice_at_once_is_applied_once(engine: Engine) -> None:
    effects = Effects()
    batch = [message(lane, sequence) for lane in "abcd" for sequence in (1, 2, 3)]

    def work(turn: int) -> list[str]:
        with Session(engine) as session, session.begin():
            return kinds(receive(session, effects, *(batch if turn % 2 else batch[::-1])))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(4)))
    assert sorted(effects.applied) == [(lane, sequence) for lane in "abcd" for sequence in (1, 2, 3)]
    assert sorted(map(tuple, answers)) == [("applied",) * 12] + [("duplicate",) * 12] * 3


def test_workers_are_told_when_something_becomes_due(engine: Engine, postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {WAKE_CHANNEL}")
        for turn in range(2):
            with Session(engine) as session, session.begin():
                queue(session, "a", now_ms=NOW + turn)
        told = list(listener.notifies(timeout=5, stop_after=1))
        told += listener.notifies(timeout=0)
    assert [notice.payload for notice in told] == [PEER]


def test_a_quarantined_message_is_replayed_by_one_operator_only(engine: Engine) -> None:
    effects = Effects()
    with Session(engine) as session, session.begin():
        receive(session, effects, message("a", 1, **{"break": 1}))
    effects.broken = False

    def work(_: int) -> str:
        with Session(engine) as session, session.begin():
            try:
                return str(len(inbox.replay(session, PEER, message("a", 1).id, {"note": effects}, NOW)))
            except inbox.NotFound as refusal:
                return refusal.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, range(2))) == ["1", "not_quarantined"]
    assert effects.applied == [("a", 1)]
