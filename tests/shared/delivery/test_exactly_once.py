"""A sender and a receiver over a network that loses, repeats and reorders, with crashes between any two steps."""

import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from sqlalchemy.orm import Session

from shared.delivery import figures, inbox, outbox, peers
from shared.delivery.claims import Claim
from shared.delivery.tables import delivery_metadata
from shared.wire.messages import Message, Outcome
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from tests.shared.delivery.words import NOW, PEER, Effects, make_engine

_DOWN = Problem(code="unreachable", status=503, title="Down")
_LANES = st.lists(st.sampled_from("abc"), min_size=1, max_size=5)
_CRASH = st.sampled_from([False, False, False, False, False, True])
_DATA = st.sampled_from(['{"n":1}', '{"n":1}', '{"refuse":1}', '{"break":1}'])


class Exchange(RuleBasedStateMachine):
    """Rules are single transactions and single packets; `crash` undoes the transaction a rule was about to commit."""

    requests = Bundle("requests")
    answers = Bundle("answers")

    @initialize(channels=st.sampled_from([1, 3]))
    def start(self, channels: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        base = Path(self.folder.name)
        self.sender, self.receiver = (make_engine(f"sqlite:///{base / name}.db") for name in ("sender", "receiver"))
        for engine in (self.sender, self.receiver):
            delivery_metadata.create_all(engine)
        with Session(self.sender) as session, session.begin():
            peers.register(session, PEER, DeliveryMode.PUSH, channel_count=channels)
        self.now = NOW
        self.effects = Effects()
        self.committed: list[tuple[str, int]] = []
        self.queued: dict[str, int] = {}
        self.verdicts: dict[tuple[str, int], OutcomeKind] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.heal()
            self.sender.dispose()
            self.receiver.dispose()
            self.folder.cleanup()

    @rule(lanes=_LANES, data=_DATA, crash=_CRASH)
    def queue(self, lanes: list[str], data: str, crash: bool) -> None:
        with Session(self.sender) as session:
            drafts = [outbox.Draft(lane, "note", "", data) for lane in lanes]
            outbox.enqueue_many(session, connection_id=PEER, drafts=drafts, now_ms=self.now)
            if crash:
                return
            session.commit()
        for lane in lanes:
            self.queued[lane] = self.queued.get(lane, 0) + 1

    @rule(target=requests, limit=st.integers(1, 4), lease_ms=st.sampled_from([0, 60_000]), crash=_CRASH)
    def send(self, limit: int, lease_ms: int, crash: bool) -> object:
        with Session(self.sender) as session:
            claim = outbox.claim(session, now_ms=self.now, limit=limit, lease_ms=lease_ms)
            if crash or claim is None:
                return multiple()
            session.commit()
        return claim

    @rule(target=answers, claim=requests, crash=_CRASH)
    def arrive(self, claim: Claim, crash: bool) -> object:
        outcomes = self._receive(claim, crash=crash)
        return multiple() if outcomes is None else (claim, outcomes)

    @rule(claim=requests, order=st.randoms(use_true_random=False), crash=_CRASH)
    def arrive_in_pieces_and_disorder(self, claim: Claim, order: random.Random, crash: bool) -> None:
        """Another implementation may send what it has in any order; its answer is lost here."""
        items = order.sample(claim.items, order.randint(1, len(claim.items)))
        self._receive(replace(claim, items=items), crash=crash)

    @rule(lanes=_LANES, data=_DATA)
    def exchange(self, lanes: list[str], data: str) -> None:
        """All goes well: queued, sent, received, settled."""
        self.queue(lanes, data, crash=False)
        claim = self.send(limit=100, lease_ms=60_000, crash=False)
        if isinstance(claim, Claim):
            outcomes = self._receive(claim, crash=False)
            self.settle((claim, outcomes or []), crash=False)

    @rule(answer=answers, crash=_CRASH)
    def settle(self, answer: tuple[Claim, list[Outcome]], crash: bool) -> None:
        with Session(self.sender) as session:
            settled = outbox.settle(session, *answer, self.now)
            if crash:
                return
            session.commit()
        for message in settled:
            place = (message.lane, message.sequence)
            assert place not in self.verdicts
            self.verdicts[place] = message.outcome

    @rule(claim=requests)
    def fail(self, claim: Claim) -> None:
        with Session(self.sender) as session, session.begin():
            outbox.fail(session, claim, _DOWN, self.now)

    @rule(ms=st.integers(1, 120_000))
    def pass_time(self, ms: int) -> None:
        self.now += ms

    @rule(skip=st.booleans())
    def operator_clears_quarantine(self, skip: bool) -> None:
        self._clear(skip=skip)

    @invariant()
    def every_effect_counts_once_and_in_order(self) -> None:
        if not hasattr(self, "folder"):
            return
        assert len(set(self.committed)) == len(self.committed)
        for lane in self.queued:
            sequences = [sequence for name, sequence in self.committed if name == lane]
            assert sequences == sorted(sequences)

    @invariant()
    def nothing_acknowledged_as_applied_is_missing(self) -> None:
        if hasattr(self, "folder"):
            told = {
                kind: {place for place, verdict in self.verdicts.items() if verdict is kind} for kind in OutcomeKind
            }
            assert told[OutcomeKind.APPLIED] <= set(self.committed)
            assert not told[OutcomeKind.REJECTED] & set(self.committed)

    def heal(self) -> None:
        """A network that works again and an operator who clears up bring everything across."""
        self.effects.broken = False
        self.now += 24 * 3_600_000
        with Session(self.sender) as session, session.begin():
            peers.contact(session, PEER, self.now)
        for _ in range(1_000):
            with Session(self.sender) as session, session.begin():
                claim = outbox.claim(session, now_ms=self.now)
            if claim is None:
                break
            outcomes = self._receive(claim, crash=False)
            assert outcomes is not None
            self.settle((claim, outcomes), crash=False)
        self._clear(skip=False)
        self.nothing_acknowledged_as_applied_is_missing()
        with Session(self.sender) as session, session.begin():
            assert figures.depth(session, PEER) == 0
        with Session(self.receiver) as session, session.begin():
            assert figures.marks(session, PEER)["received"] == sum(self.queued.values())
        self.every_effect_counts_once_and_in_order()

    def _receive(self, claim: Claim, *, crash: bool) -> list[Outcome] | None:
        messages = [Message.model_validate(json.loads(item.body)) for item in claim.items]
        self.effects.applied.clear()
        with Session(self.receiver) as session:
            received = inbox.receive(
                session, connection_id=PEER, messages=messages, handlers={"note": self.effects}, now_ms=self.now
            )
            if crash:
                return None
            session.commit()
        self.committed += self.effects.applied
        return received.outcomes

    def _clear(self, *, skip: bool) -> None:
        was_broken, self.effects.broken = self.effects.broken, False
        self.effects.applied.clear()
        with Session(self.receiver) as session, session.begin():
            for stuck in figures.quarantine(session, PEER):
                handlers = {"note": self.effects}
                if skip:
                    inbox.skip(session, PEER, stuck.message_id, problem=_DOWN, handlers=handlers, now_ms=self.now)
                else:
                    inbox.replay(session, PEER, stuck.message_id, handlers, self.now)
        self.committed += self.effects.applied
        self.effects.broken = was_broken


TestExchange = Exchange.TestCase
TestExchange.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
