"""Marks that cannot be: a peer that says it was restored is not believed everything."""

import pytest

from tests.interaction.stranger import onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import World
from tests.peer.instance import Refused

pytestmark = pytest.mark.anyio

MARKS = "/exchange/v1/marks"


@pytest.mark.requirement("restore.lies")
@pytest.mark.parametrize(
    ("mark", "code"),
    [
        ({"received": 2, "known": 2_000_000}, "marks_absurd"),
        ({"received": 9, "known": 3}, "marks_absurd"),
        ({"received": 50, "known": 50}, "marks_unknown"),
    ],
)
async def test_marks_that_cannot_be_are_refused(invited: World, mark: dict[str, int], code: str):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    body = {"epoch": 1, "after": "", "upto": None, "lanes": [{"lane": "connection", "sent": 1} | mark]}
    with pytest.raises(Refused) as caught:
        await peer.on_connection(end, "POST", MARKS, body, "marks")
    assert (caught.value.status, caught.value.code) == (409, "marks_unasked")
    peer.epoch = body["epoch"] = 2
    with pytest.raises(Refused) as caught:
        await peer.on_connection(end, "POST", MARKS, body, "marks")
    assert (caught.value.status, caught.value.code) == (409, code)
    await invited.provider.share("still sent")
    await invited.turn()
    await settle_with_ours(invited, peer, end)
    assert len(end.book.records) == 1
