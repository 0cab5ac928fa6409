"""Clones and restores: a copy beside the original, and a side back from a backup."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.interaction.backups import back_up, copy_of, restore
from tests.interaction.network import Fault
from tests.interaction.rekeying import lose_identity, rekey
from tests.interaction.sides import Refusal, Side
from tests.interaction.world import World

pytestmark = pytest.mark.anyio

EITHER = pytest.mark.parametrize("who", ["provider", "consumer"])
BOTH_WAYS = pytest.mark.parametrize("onboarded", ["push", "pull"], indirect=True)
MARKS = "/exchange/v1/marks"


def both(world: World, who: str) -> tuple[Side, Side]:
    return (world.provider, world.consumer) if who == "provider" else (world.consumer, world.provider)


async def settle(world: World, turns: int = 4, seconds: float = 61) -> None:
    for _ in range(turns):
        await world.turn(seconds)


@pytest.fixture
async def twins(request: pytest.FixtureRequest, pushing: World, tmp_path: Path) -> AsyncIterator[tuple[World, Side]]:
    """Onboarded for push; of the side the test names, a copy of the disk runs beside the original."""
    ours, _ = both(pushing, request.param)
    await settle(pushing, 2)
    twin = await copy_of(ours, tmp_path / "twin")
    yield pushing, twin
    await twin.stop()


TWINS = pytest.mark.parametrize("twins", ["provider", "consumer"], indirect=True)


def other(world: World, twin: Side) -> tuple[Side, Side]:
    return both(world, twin.package.removesuffix("_service"))


@pytest.mark.requirement("clones.copy")
@TWINS
async def test_a_copy_beside_the_original_is_refused_and_the_original_goes_on(twins: tuple[World, Side]):
    world, twin = twins
    ours, theirs = other(world, twin)
    await settle(world, 2)
    await twin.share("of the copy")
    for _ in range(4):
        await twin.turn()
        await world.turn(61)
    await ours.share("of the original")
    await settle(world)
    await twin.turn()
    assert await theirs.texts() == ["of the original"]
    assert await twin.texts() == ["of the copy"]
    found = await theirs.api("GET", f"connections/{(await theirs.connection())['id']}")
    assert (found["state"], found["contest"]["verdict"]) == ("Active", "kept")
    assert "history_refused" in {call.code for call in world.wire.calls}
    assert (await world.connections()) == ("Active", "Active")


@pytest.mark.requirement("clones.copy")
@TWINS
async def test_a_second_history_is_an_issue_on_the_dashboard(twins: tuple[World, Side]):
    world, twin = twins
    _, theirs = other(world, twin)
    await settle(world, 2)
    for _ in range(2):
        await twin.turn()
        await world.turn(61)
    world.clock.forward(1000)
    await theirs.worker.watch()
    found = [issue for issue in await theirs.items("issues") if issue["check_id"] == "connections.history"]
    assert [issue["state"] for issue in found] == ["open"]


@pytest.mark.requirement("clones.copy")
@TWINS
async def test_the_history_that_answers_at_the_pinned_address_goes_on(twins: tuple[World, Side]):
    world, twin = twins
    ours, theirs = other(world, twin)
    await settle(world, 2)
    world.wire.apps[ours.issuer] = twin.client._transport  # type: ignore[assignment]
    for _ in range(4):
        await twin.turn()
        await theirs.turn()
        world.clock.forward(61)
    await twin.share("of the one that answers")
    for _ in range(4):
        await twin.turn()
        await theirs.turn()
        await ours.turn()
        world.clock.forward(61)
    assert await theirs.texts() == ["of the one that answers"]
    found = await theirs.api("GET", f"connections/{(await theirs.connection())['id']}")
    assert found["contest"]["verdict"] in {"switched", "kept"}
    assert (await ours.connection())["sending"] == "Down"


async def unasked(world: World, twin: Side) -> tuple[Side, str]:
    """Let both histories call while nobody can be asked; return whom they call, and its connection's id."""
    ours, theirs = other(world, twin)
    await settle(world, 2)
    world.wire.down.add(ours.issuer)
    for _ in range(4):
        await twin.turn()
        await theirs.turn()
        world.clock.forward(61)
    return theirs, (await theirs.connection())["id"]


@pytest.mark.requirement("clones.undecidable")
@TWINS
async def test_a_connection_pauses_while_nobody_answers_at_the_pinned_address(twins: tuple[World, Side]):
    world, twin = twins
    theirs, connection = await unasked(world, twin)
    found = await theirs.api("GET", f"connections/{connection}")
    assert (found["state"], found["contest"]["paused"], found["contest"]["verdict"]) == ("Paused", True, None)
    world.wire.down.clear()
    await settle(world)
    found = await theirs.api("GET", f"connections/{connection}")
    assert (found["state"], found["contest"]["verdict"]) == ("Active", "kept")


@pytest.mark.requirement("clones.undecidable")
@TWINS
async def test_what_a_person_pauses_stays_paused_when_two_histories_are_decided(twins: tuple[World, Side]):
    world, twin = twins
    theirs, connection = await unasked(world, twin)
    for act in ("resume", "pause"):
        await theirs.api("POST", f"connections/{connection}/{act}", {"reason": "Maintenance"})
    await theirs.api("POST", f"connections/{connection}/history", {"decision": "keep"})
    assert (await theirs.connection())["state"] == "Paused"


@pytest.fixture
async def pulling_twins(pulling: World, tmp_path: Path) -> AsyncIterator[tuple[World, Side]]:
    await settle(pulling, 2)
    twin = await copy_of(pulling.consumer, tmp_path / "twin")
    yield pulling, twin
    await twin.stop()


@pytest.mark.requirement("clones.undecidable")
@pytest.mark.parametrize("decision", ["keep", "switch"])
async def test_an_administrator_decides_between_two_consumers_that_are_never_called(
    pulling_twins: tuple[World, Side], decision: str
):
    world, twin = pulling_twins
    ours, theirs = world.consumer, world.provider
    await settle(world, 2)
    await twin.turn()
    connection = (await theirs.connection())["id"]
    assert (await theirs.connection())["state"] == "Paused"
    await theirs.api("POST", f"connections/{connection}/history", {"decision": decision})
    right, wrong = (ours, twin) if decision == "keep" else (twin, ours)
    await right.share("right")
    for _ in range(4):
        world.clock.forward(61)
        await right.turn()
        await theirs.turn()
    await wrong.share("wrong")
    await wrong.turn()
    assert (await theirs.connection())["state"] == "Active"
    assert await theirs.texts() == ["right"]
    with pytest.raises(Refusal) as caught:
        await theirs.api("POST", f"connections/{connection}/history", {"decision": decision})
    assert caught.value.code == "history_not_contested"


async def traffic(world: World, name: str) -> None:
    for side in world.sides:
        await side.share(f"{name} of {side.package}")
    await settle(world, 2, 6)


async def change(side: Side, text: str, **fields: str) -> None:
    """Change the record with this text here."""
    record = next(one for one in await side.items("incidents") if one["fields"]["short_description"] == text)
    answer = await side.client.patch(
        f"/api/v1/incidents/{record['id']}",
        json=fields,
        headers={
            "authorization": f"Bearer {side.token}",
            "if-match": f'"{record["version"]}"',
        },
    )
    assert answer.status_code == 200, answer.text


async def field(side: Side, text: str, name: str) -> str:
    record = next(one for one in await side.items("incidents") if one["fields"]["short_description"] == text)
    return str(record["fields"][name])


async def nothing_failed(world: World) -> None:
    for side in world.sides:
        connection = (await side.connection())["id"]
        for direction in ("in", "out"):
            log = await side.items(f"connections/{connection}/messages?direction={direction}&limit=200")
            assert {message["status"] for message in log} <= {"applied"}, (side.package, direction, log)
        assert (await side.connection())["queued"] == 0


@pytest.mark.requirement("restore.receiver")
@BOTH_WAYS
@EITHER
async def test_what_a_restored_side_had_received_and_lost_is_sent_again(onboarded: World, who: str, tmp_path: Path):
    ours, theirs = both(onboarded, who)
    await traffic(onboarded, "before")
    file = back_up(ours, tmp_path / "backup")
    await theirs.share("after of the other")
    await change(theirs, f"before of {ours.package}", category="changed later")
    await settle(onboarded, 3, 6)
    assert "after of the other" in await ours.texts()
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    assert "after of the other" not in await ours.texts()
    await settle(onboarded, 6)
    assert await ours.texts() == await theirs.texts()
    assert await field(ours, f"before of {ours.package}", "category") == "changed later"
    report = (await ours.api("GET", f"connections/{(await ours.connection())['id']}"))["reconciliation"]
    assert (report["received_again"], report["received_lost"], report["sent_forgotten"]) == (2, 0, 0)
    assert report["finished_at"] is not None
    await nothing_failed(onboarded)


@pytest.mark.requirement("restore.sender")
@BOTH_WAYS
@EITHER
async def test_a_restored_side_never_uses_a_number_again_that_the_other_knows(
    onboarded: World, who: str, tmp_path: Path
):
    ours, theirs = both(onboarded, who)
    await traffic(onboarded, "before")
    record = f"before of {ours.package}"
    file = back_up(ours, tmp_path / "backup")
    await change(ours, record, category="forgotten")
    await change(ours, record, location="forgotten")
    await settle(onboarded, 3, 6)
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    await change(ours, record, category="new")
    await settle(onboarded, 6)
    assert await field(theirs, record, "category") == "new"
    report = (await ours.api("GET", f"connections/{(await ours.connection())['id']}"))["reconciliation"]
    assert (report["sent_forgotten"], report["sent_lost"], len(report["lanes"])) == (2, 0, 1)
    await change(theirs, record, category="back")
    await settle(onboarded, 3)
    assert await field(ours, record, "category") == "back"
    await change(ours, record, category="and forth")
    await settle(onboarded, 3)
    assert await field(theirs, record, "category") == "and forth"
    await nothing_failed(onboarded)


@pytest.mark.requirement("restore.sender")
@EITHER
async def test_what_waited_in_the_backup_and_was_sent_since_counts_once(pushing: World, who: str, tmp_path: Path):
    ours, theirs = both(pushing, who)
    await ours.share("waiting")
    file = back_up(ours, tmp_path / "backup")
    await settle(pushing, 3, 6)
    assert await theirs.texts() == ["waiting"]
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    await change(ours, "waiting", category="went on")
    await settle(pushing, 6)
    assert await theirs.texts() == ["waiting"]
    assert await field(theirs, "waiting", "category") == "went on"
    await nothing_failed(pushing)


@pytest.mark.requirement("restore.silent")
@EITHER
async def test_a_restored_side_sends_nothing_before_the_marks_were_compared(pushing: World, who: str, tmp_path: Path):
    ours, theirs = both(pushing, who)
    file = back_up(ours, tmp_path / "backup")
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    pushing.wire.break_once(theirs.issuer, f"POST {MARKS}", "request")
    await ours.share("patient")
    await ours.turn()
    assert await theirs.texts() == []
    found = await ours.api("GET", f"connections/{(await ours.connection())['id']}")
    assert (found["reconciling"], found["reconciliation"]["problem"]["code"]) == (True, "unreachable")
    await settle(pushing)
    assert await theirs.texts() == ["patient"]


@pytest.mark.requirement("restore.resume")
async def test_who_asks_for_marks_may_send_meanwhile(pulling: World, tmp_path: Path):
    ours, theirs = pulling.sides
    await traffic(pulling, "before")
    file = back_up(ours, tmp_path / "backup")
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")

    async def send() -> None:
        await change(theirs, "before of consumer_service", category="meanwhile")
        await theirs.worker.delivery.deliver_due()

    pulling.wire.break_once(ours.issuer, f"POST {MARKS}", "arrived", send)
    await settle(pulling, 6)
    assert await field(ours, "before of consumer_service", "category") == "meanwhile"
    assert await pulling.connections() == ("Active", "Active")
    await nothing_failed(pulling)


@pytest.mark.requirement("restore.resume")
@EITHER
@pytest.mark.parametrize("kind", ["answer", "request"])
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_comparison_of_marks_may_break_off_anywhere(
    pushing: World, who: str, kind: str, nth: int, tmp_path: Path
):
    ours, theirs = both(pushing, who)
    await traffic(pushing, "before")
    record = f"before of {ours.package}"
    file = back_up(ours, tmp_path / "backup")
    await change(ours, record, category="forgotten")
    await theirs.share("lost")
    await settle(pushing, 3, 6)
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    await change(ours, record, category="new")
    for _ in range(nth):
        pushing.wire.break_once(theirs.issuer, f"POST {MARKS}", kind)
    await settle(pushing, 8)
    assert await ours.texts() == await theirs.texts()
    assert await field(theirs, record, "category") == "new"
    await nothing_failed(pushing)


@pytest.mark.requirement("restore.resume")
@EITHER
@pytest.mark.parametrize("kind", ["answer", "request"])
async def test_the_last_word_of_a_comparison_may_be_lost(pushing: World, who: str, kind: str, tmp_path: Path):
    ours, theirs = both(pushing, who)
    await traffic(pushing, "before")
    file = back_up(ours, tmp_path / "backup")
    await theirs.share("lost")
    await settle(pushing, 3, 6)
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")

    def last_word_next() -> None:
        pushing.wire.break_once(theirs.issuer, f"POST {MARKS}", kind)

    pushing.wire.faults.append(Fault(theirs.issuer, re.compile(f"POST {MARKS}"), "answered", last_word_next))
    await settle(pushing, 6)
    assert await ours.texts() == await theirs.texts()
    found = await ours.api("GET", f"connections/{(await ours.connection())['id']}")
    assert (found["state"], found["reconciling"]) == ("Active", False)
    assert found["reconciliation"]["finished_at"] is not None
    await nothing_failed(pushing)


@pytest.mark.requirement("restore.resume")
@EITHER
async def test_a_restored_side_that_lost_its_identity_compares_marks_once_it_is_re_keyed(
    pushing: World, who: str, tmp_path: Path
):
    ours, theirs = both(pushing, who)
    await traffic(pushing, "before")
    file = back_up(ours, tmp_path / "backup")
    await theirs.share("lost")
    await settle(pushing, 3, 6)
    await restore(ours, file, f"sqlite:///{tmp_path / 'restored.db'}")
    await lose_identity(ours, theirs)
    await rekey(pushing)
    await settle(pushing, 6)
    assert "lost" in await ours.texts()
    assert await ours.texts() == await theirs.texts()
    found = await theirs.api("GET", f"connections/{(await theirs.connection())['id']}")
    assert (found["state"], found["peer_restored"], found["contest"]) == ("Active", False, None)
    await nothing_failed(pushing)
