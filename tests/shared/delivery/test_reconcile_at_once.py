"""PostgreSQL only: marks are compared while others queue, send and settle."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.delivery import outbox, peers, reconcile
from shared.delivery.tables import delivery_metadata
from shared.wire.states import DeliveryMode
from tests.shared.delivery.words import NOW, PEER, make_engine, queue, verdicts

LANES = "abcd"


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = make_engine(postgresql_url)
    delivery_metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        peers.register(session, PEER, DeliveryMode.PUSH)
    yield engine
    engine.dispose()


def sent(engine: Engine) -> dict[str, list[int]]:
    """Send everything that waits; the sequences of each lane as they went out."""
    found: dict[str, list[int]] = {}
    with Session(engine) as session, session.begin():
        while (claim := outbox.claim(session, now_ms=NOW)) is not None:
            for item in claim.items:
                assert json.loads(item.body)["sequence"] == item.sequence
                found.setdefault(item.lane, []).append(item.sequence)
            outbox.settle(session, claim, verdicts(claim), NOW)
    return found


def test_what_is_queued_while_numbers_move_has_each_number_once_and_above_what_is_known(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        queue(session, *LANES)
    sent(engine)
    with Session(engine) as session, session.begin():
        reconcile.begin(session, PEER)
    known = dict.fromkeys(LANES, 7)

    def work(turn: int) -> None:
        for _round in range(5):
            with Session(engine) as session, session.begin():
                if turn:
                    queue(session, *LANES)
                else:
                    reconcile.raise_sequences(session, PEER, known)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with Session(engine) as session, session.begin():
        reconcile.raise_sequences(session, PEER, known)
        reconcile.finish(session, PEER)
        peers.resume(session, PEER)
    assert sent(engine) == {lane: list(range(8, 23)) for lane in LANES}


def test_what_is_lost_goes_out_again_once_while_others_queue_and_send(engine: Engine) -> None:
    for _ in range(5):
        with Session(engine) as session, session.begin():
            queue(session, *LANES)
    sent(engine)
    received = dict.fromkeys(LANES, 2)

    def work(turn: int) -> list[tuple[str, int]]:
        went: list[tuple[str, int]] = []
        for _round in range(5):
            with Session(engine) as session, session.begin():
                if turn == 0:
                    queue(session, *LANES)
                elif turn == 1:
                    reconcile.send_again(session, PEER, received, NOW)
                elif (claim := outbox.claim(session, now_ms=NOW)) is not None:
                    outbox.settle(session, claim, verdicts(claim), NOW)
                    went += [(item.lane, item.sequence) for item in claim.items]
        return went

    with Session(engine) as session, session.begin():
        assert reconcile.send_again(session, PEER, received, NOW).messages == dict.fromkeys(LANES, 3)
        assert reconcile.send_again(session, PEER, received, NOW).messages == {}
    with ThreadPoolExecutor(2) as pool:
        went = [place for places in pool.map(work, (0, 2)) for place in places]
    went += [(lane, sequence) for lane, sequences in sent(engine).items() for sequence in sequences]
    assert sorted(went) == [(lane, sequence) for lane in LANES for sequence in range(3, 11)]
    with ThreadPoolExecutor(4) as pool:
        went = [place for places in pool.map(work, (0, 1, 2, 2)) for place in places]
    went += [(lane, sequence) for lane, sequences in sent(engine).items() for sequence in sequences]
    assert {*went} == {(lane, sequence) for lane in LANES for sequence in range(3, 16)}
