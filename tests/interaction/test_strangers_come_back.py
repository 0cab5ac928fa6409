"""Restores and copies between ours and the independent peer, which knows the page alone."""

import copy
from pathlib import Path

import pytest

from tests.interaction.backups import back_up, restore
from tests.interaction.stranger import onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import World
from tests.peer import restores
from tests.peer.instance import Refused

pytestmark = pytest.mark.anyio

BOTH_WAYS = pytest.mark.parametrize("delivery", ["push", "pull"])


async def beats(world: World, *, turns: int = 3) -> None:
    for _ in range(turns):
        world.clock.forward(61)
        await world.provider.turn()


@pytest.mark.requirement("restore.third_party")
@BOTH_WAYS
async def test_a_strange_peer_back_from_a_backup_loses_nothing(invited: World, delivery: str):
    peer = strange_consumer(invited, delivery)
    end = (await onboard_at_ours(invited, peer)).connection
    bond = end.book.share(short_description="of the peer")
    await settle_with_ours(invited, peer, end)
    kept = restores.back_up(end)
    end.book.change(bond, category="forgotten")
    await invited.provider.share("lost")
    await settle_with_ours(invited, peer, end)
    assert len(end.book.records) == 2
    restores.bring_back(end, kept)
    peer.epoch = 2
    end.book.change(bond, category="new")
    await peer.compare(end)
    await settle_with_ours(invited, peer, end)
    assert {record.fields["short_description"] for record in end.book.records.values()} == {"of the peer", "lost"}
    found = {one["fields"]["short_description"]: one for one in await invited.provider.items("incidents")}
    assert found["of the peer"]["fields"]["category"] == "new"
    assert end.outbox.settled
    detail = await invited.provider.api("GET", f"connections/{end.id}")
    assert (detail["peer_restored"], detail["reconciliation"]["sent_again"]) == (False, 1)


@pytest.mark.requirement("restore.third_party")
async def test_ours_back_from_a_backup_gets_from_a_strange_peer_what_it_lost(invited: World, tmp_path: Path):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await invited.provider.share("of ours")
    await settle_with_ours(invited, peer, end)
    file = back_up(invited.provider, tmp_path / "backup")
    end.book.share(short_description="lost")
    await settle_with_ours(invited, peer, end)
    await restore(invited.provider, file, f"sqlite:///{tmp_path / 'restored.db'}")
    assert "lost" not in await invited.provider.texts()
    await beats(invited)
    await settle_with_ours(invited, peer, end)
    assert sorted(await invited.provider.texts()) == ["lost", "of ours"]
    report = (await invited.provider.api("GET", f"connections/{end.id}"))["reconciliation"]
    assert (report["received_again"], report["received_lost"]) == (1, 0)


@pytest.mark.requirement("clones.third_party")
async def test_a_copy_of_a_strange_peer_is_refused_while_the_peer_goes_on(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await peer.beat(end)
    twin = copy.deepcopy(end.words)
    for _ in range(2):
        await peer.beat(end)
    end.words, original = twin, end.words
    with pytest.raises(Refused) as caught:
        await peer.beat(end)
    assert (caught.value.status, caught.value.code) == (409, "history_contested")
    end.words = original
    await beats(invited, turns=1)
    end.words = twin
    with pytest.raises(Refused) as caught:
        await peer.beat(end)
    assert (caught.value.status, caught.value.code) == (409, "history_refused")
    end.book.share(short_description="late")
    assert await peer.push(end) == "history_refused"
    end.words = original
    await peer.beat(end)
    await settle_with_ours(invited, peer, end)
    assert await invited.provider.texts() == ["late"]
