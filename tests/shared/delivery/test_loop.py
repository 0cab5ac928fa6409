"""The delivery loop against real databases and a peer that behaves as told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.delivery import figures, outbox, peers
from shared.delivery import loop as loop_module
from shared.delivery.claims import Claim, ClaimLimits
from shared.delivery.loop import BatchRefused, DeliveryFailed, DeliveryLoop, PeerClosed
from shared.delivery.settling import Settled
from shared.wire.errors import Unavailable
from shared.wire.messages import Outcome
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from tests.endings import cancelled_as
from tests.patience import PATIENCE_SECONDS
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, REFUSED, queue, verdicts

pytestmark = pytest.mark.anyio

Answer = Callable[[Claim], Sequence[Outcome]]


class World:
    """A loop, its database, its clock, and what it sent."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW
        self.sent: list[tuple[str, list[str]]] = []
        self.settled: list[tuple[str, OutcomeKind]] = []
        self.answer: dict[str, Answer] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.broken = 0
        self.away = 0
        self.happened = asyncio.Event()
        self.loop = self.make()

    def make(self, **options: Any) -> DeliveryLoop:
        return DeliveryLoop(
            run=self.run,
            send=self.send,
            clock_ms=lambda: self.now,
            on_settled=self.on_settled,
            limits=ClaimLimits(limit=4),
            **options,
        )

    async def run(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        await asyncio.sleep(0)
        if self.broken:
            self.broken -= 1
            raise OSError("the disk is full")
        if self.away:
            self.away -= 1
            raise Unavailable("A deadlock was ended")
        with Session(self.engine) as session, session.begin():
            result = fn(session, *args)
        self.happened.set()
        return result

    async def send(self, claim: Claim) -> Sequence[Outcome]:
        self.sent.append((claim.connection_id, [item.lane for item in claim.items]))
        self.happened.set()
        if claim.connection_id in self.gates:
            await self.gates[claim.connection_id].wait()
        return self.answer.get(claim.connection_id, verdicts)(claim)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self.happened.clear()
                await self.happened.wait()

    def on_settled(self, session: Session, connection_id: str, settled: Sequence[Settled], now_ms: int) -> None:
        self.settled += [(message.lane, message.outcome) for message in settled]

    def queue(self, *lanes: str, peer: str = PEER) -> None:
        with Session(self.engine) as session, session.begin():
            queue(session, *lanes, peer=peer, now_ms=self.now)

    def figures(self, peer: str = PEER) -> figures.Figures:
        with Session(self.engine) as session, session.begin():
            found = figures.figures(session, peer, self.now)
        assert found is not None
        return found


@pytest.fixture
def world(engine: Engine) -> World:
    with Session(engine) as session, session.begin():
        for peer in (PEER, OTHER_PEER):
            peers.register(session, peer, DeliveryMode.PUSH, channel_count=1)
    return World(engine)


def _raising(error: Exception) -> Answer:
    def answer(_: Claim) -> Sequence[Outcome]:
        raise error

    return answer


async def test_what_is_due_is_delivered_in_order_and_told_in_the_settling_transaction(world: World) -> None:
    world.queue(*"abcdef")
    await world.loop.deliver_due()
    assert world.sent == [(PEER, list("abcd")), (PEER, list("ef"))]
    assert world.settled == [(lane, OutcomeKind.APPLIED) for lane in "abcdef"]
    assert world.figures().queued == 0


async def test_nothing_due_is_nothing_done(world: World) -> None:
    await world.loop.deliver_due()
    assert world.sent == []


async def test_without_a_listener_settling_works_the_same(world: World) -> None:
    world.queue("a")
    loop = DeliveryLoop(run=world.run, send=world.send, clock_ms=lambda: world.now)
    world.answer[PEER] = _raising(BatchRefused(REFUSED))
    await loop.deliver_due()
    del world.answer[PEER]
    world.now += 5_000
    world.queue("a")
    await loop.deliver_due()
    assert world.figures().queued == 0


async def test_a_failure_backs_off_and_keeps_the_messages(world: World) -> None:
    world.queue("a")
    world.answer[PEER] = _raising(DeliveryFailed(Problem(code="unreachable", title="Down"), retry_after_s=60))
    await world.loop.deliver_due()
    assert len(world.sent) == 1
    seen = world.figures()
    assert (seen.queued, seen.failures, seen.next_attempt_at) == (1, 1, NOW + 60_000)
    del world.answer[PEER]
    world.now += 60_000
    await world.loop.deliver_due()
    assert world.figures().queued == 0


async def test_a_refused_batch_is_split_and_only_the_guilty_message_rejected(world: World) -> None:
    def answer(claim: Claim) -> Sequence[Outcome]:
        if any(item.lane == "c" and item.mark is None for item in claim.items):
            raise BatchRefused(REFUSED)
        return [
            verdict.model_copy(update={"outcome": OutcomeKind.REJECTED} if item.mark else {})
            for item, verdict in zip(claim.items, verdicts(claim), strict=True)
        ]

    world.queue(*"abcd")
    world.answer[PEER] = answer
    await world.loop.deliver_due()
    assert sorted(world.settled) == [
        ("a", OutcomeKind.APPLIED), ("b", OutcomeKind.APPLIED), ("c", OutcomeKind.REJECTED), ("d", OutcomeKind.APPLIED)
    ]  # fmt: skip


async def test_a_closed_peer_gets_nothing_more(world: World) -> None:
    world.queue("a")
    world.answer[PEER] = _raising(PeerClosed(Problem(code="connection_closed", title="Closed")))
    await world.loop.deliver_due()
    await world.loop.deliver_due()
    assert len(world.sent) == 1
    assert world.figures().closed


async def test_a_mistake_in_one_batch_leaves_it_to_its_lease(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.queue("a")
    world.queue("b", peer=OTHER_PEER)
    world.answer[PEER] = _raising(RuntimeError("a mistake"))
    await world.loop.deliver_due()
    assert world.figures(OTHER_PEER).queued == 0
    assert world.figures().queued == 1
    assert "was left to its lease" in caplog.text


async def test_a_verdict_outlives_a_database_that_is_away_for_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "WRITE_PAUSES_S", (0, 0, 0))

    def answer(claim: Claim) -> Sequence[Outcome]:
        world.away = 3
        return verdicts(claim)

    world.queue("a")
    world.answer[PEER] = answer
    await world.loop.deliver_due()
    assert world.settled == [("a", OutcomeKind.APPLIED)]
    assert len(world.sent) == 1


async def test_a_slow_peer_delays_no_other_and_has_one_batch_in_flight(world: World) -> None:
    world.gates[PEER] = asyncio.Event()
    world.queue(*"abcdefgh")
    running = asyncio.create_task(world.loop.run_until_stopped())
    await world.until(lambda: len(world.sent) == 1)
    world.queue("x", peer=OTHER_PEER)
    world.loop.wake()
    await world.until(lambda: (OTHER_PEER, ["x"]) in world.sent)
    assert [peer for peer, _ in world.sent].count(PEER) == 1
    world.gates[PEER].set()
    await world.until(lambda: len(world.settled) == 9)
    world.loop.stop()
    await running


async def test_unwoken_work_is_found_by_polling(world: World) -> None:
    loop = world.make(poll_s=0.01)
    running = asyncio.create_task(loop.run_until_stopped())
    await asyncio.sleep(0)
    world.queue("a")
    await world.until(lambda: len(world.settled) == 1)
    loop.stop()
    await running


async def test_a_database_in_trouble_is_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.queue("a")
    world.broken = 1
    loop = world.make(poll_s=0.01)
    running = asyncio.create_task(loop.run_until_stopped())
    await world.until(lambda: len(world.settled) == 1)
    loop.stop()
    await running
    assert "No batch could be claimed" in caplog.text


async def test_a_stop_lets_the_batch_in_flight_finish_and_takes_no_other(world: World) -> None:
    world.gates[PEER] = asyncio.Event()
    world.queue(*"abcdef")
    running = asyncio.create_task(world.loop.run_until_stopped())
    await world.until(lambda: len(world.sent) == 1)
    world.loop.stop()
    await asyncio.sleep(0)
    world.gates[PEER].set()
    await running
    assert len(world.settled) == 4
    assert world.figures().queued == 2


async def test_a_batch_that_outlasts_the_grace_is_released_for_the_next_start(world: World) -> None:
    world.gates[PEER] = asyncio.Event()
    world.queue("a")
    loop = world.make(grace_s=0.01)
    running = asyncio.create_task(loop.run_until_stopped())
    await world.until(lambda: len(world.sent) == 1)
    loop.stop()
    await running
    with Session(world.engine) as session, session.begin():
        assert outbox.claim(session, now_ms=world.now) is not None


async def test_no_more_batches_are_in_flight_than_allowed(world: World) -> None:
    for peer in (PEER, OTHER_PEER):
        world.gates[peer] = asyncio.Event()
        world.queue("a", peer=peer)
    loop = world.make(concurrency=1)
    running = asyncio.create_task(loop.run_until_stopped())
    await world.until(lambda: len(world.sent) == 1)
    loop.wake()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(world.sent) == 1
    for gate in world.gates.values():
        gate.set()
    await world.until(lambda: len(world.settled) == 2)
    loop.stop()
    await running


async def test_the_loop_ends_when_cancelled_though_it_is_woken_in_that_moment(world: World) -> None:
    assert await cancelled_as(world.loop.wake, asyncio.create_task(world.loop.run_until_stopped()))
