"""The peer's two sides after one of them came back from a backup, or runs twice (section 11)."""

import copy

import pytest

from tests.peer.instance import Refused
from tests.peer.network import Pair, ends, onboarded
from tests.peer.restores import back_up, bring_back

pytestmark = pytest.mark.anyio


async def shown(both: Pair) -> list[list[dict[str, str | None]]]:
    return [[end.book.records[bond].fields for bond in sorted(end.book.records)] for end in ends(both)]


@pytest.mark.parametrize("delivery", ["push", "pull"])
async def test_what_either_side_has_lost_comes_back_and_no_number_is_used_twice(delivery: str) -> None:
    both = await onboarded(delivery)
    theirs, ours = ends(both)
    known = [end.book.share(short_description=f"before {end.role}") for end in (theirs, ours)]
    await both.settle()
    kept = back_up(ours)
    ours.book.change(known[1], category="forgotten")
    theirs.book.change(known[0], category="lost")
    theirs.book.share(short_description="lost too")
    await both.settle()
    bring_back(ours, kept)
    both.consumer.epoch = 2
    ours.book.change(known[1], category="new")
    assert await both.consumer.push(ours) == "nothing"
    await both.consumer.compare(ours)
    await both.settle()
    one, other = await shown(both)
    assert one == other
    assert len(one) == 3
    assert {record.get("category") for record in one} == {"lost", "new", None}


async def test_marks_are_compared_once_an_epoch() -> None:
    both = await onboarded("push")
    _, ours = ends(both)
    with pytest.raises(Refused) as caught:
        await both.consumer.compare(ours)
    assert caught.value.code == "marks_unasked"


async def test_a_copy_parts_with_the_first_answered_heartbeat() -> None:
    both = await onboarded("push")
    theirs, ours = ends(both)
    await both.consumer.beat(ours)
    twin = copy.deepcopy(ours.words)
    await both.consumer.beat(ours)
    await both.consumer.beat(ours)
    original, ours.words = ours.words, twin
    with pytest.raises(Refused) as caught:
        await both.consumer.beat(ours)
    assert caught.value.code == "history_contested"
    ours.words = original
    await both.consumer.beat(ours)
    assert theirs.words.heard[0] == original.told
