"""Any interleaving of what two sides do and what the line does with it."""

from typing import Any

from hypothesis import strategies as st

from shared.wire.states import OutcomeKind
from tests.provider.records.exchange import Desk, Line

FIELDS = ("state", "priority", "caller")


def shared_pair(line: Line, sharer: Desk) -> tuple[str, str]:
    """An incident both sides know: the provider's id of it and the consumer's."""
    first = sharer.create(short_description="Mail is down", state="New")
    line.drain()
    second = line.other(sharer).copy_of(sharer.bond_of(first).id)
    return (first, second) if sharer is line.provider else (second, first)


_side = st.sampled_from(["provider", "consumer"])
_record = st.integers(0, 1)
_limit = st.integers(1, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("update"), _side, _record, st.sampled_from(FIELDS), st.sampled_from(["1", "2", "3", None])),
        st.tuples(st.just("update"), _side, _record, st.sampled_from(FIELDS), st.sampled_from(["1", "2", "3", None])),
        st.tuples(st.just("carry"), _side, _limit),
        st.tuples(st.just("carry"), _side, _limit),
        st.tuples(st.just("lose"), _side, _limit),
        st.tuples(st.just("disconnect"), _side, _record),
        st.tuples(st.just("reconnect"), _side, _record),
    ),
    max_size=25,
)


def play(line: Line, step: tuple[Any, ...], copies: dict[str, list[str]]) -> None:
    kind, desk = step[0], getattr(line, step[1])
    if kind == "carry":
        outcomes = line.carry(desk, limit=step[2])
        assert {outcome.outcome for outcome in outcomes} <= {OutcomeKind.APPLIED, OutcomeKind.DUPLICATE}
    elif kind == "lose":
        line.lose_answer(desk, limit=step[2])
    elif kind == "update":
        desk.update(copies[step[1]][step[2]], **{step[3]: step[4]})
    else:
        desk.do(kind, bond_id=desk.bond_of(copies[step[1]][step[2]]).id)


def play_all(line: Line, steps: list[tuple[Any, ...]]) -> None:
    """Play the steps over two shared records, mend what was cut, let all of it cross; both sides must be equal."""
    line.connect()
    pairs = [shared_pair(line, line.provider), shared_pair(line, line.consumer)]
    copies = {"provider": [ours for ours, _ in pairs], "consumer": [theirs for _, theirs in pairs]}
    for step in steps:
        play(line, step, copies)
    for desk in (line.provider, line.consumer):
        for bond in desk.bonds(state="Disconnected"):
            desk.do("reconnect", bond_id=bond.id)
    line.drain()
    for ours, theirs in pairs:
        assert line.provider.incident(ours).fields == line.consumer.incident(theirs).fields
    for desk in (line.provider, line.consumer):
        sequences = desk.next_sequences()
        assert all(bond.sent_sequence == sequences.get(bond.id, 1) - 1 for bond in desk.bonds())
