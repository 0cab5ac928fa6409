"""The peer's two sides ask for access and follow it (section 11)."""

import pytest

from tests.peer.instance import Refused
from tests.peer.network import ends, onboarded

pytestmark = pytest.mark.anyio

ADA = {"id": "ada", "name": "Ada Lovelace", "email": "ada@c.example"}
HERS = {"EmailAddress": "ada@c.example", "LastName": "Lovelace"}


@pytest.mark.parametrize("delivery", ["push", "pull"])
async def test_a_request_is_submitted_once_and_followed(delivery: str) -> None:
    both = await onboarded(delivery)
    _, ours = ends(both)
    made = await both.consumer.ask_access(ours, ADA, HERS, key="one")
    assert await both.consumer.ask_access(ours, ADA, HERS, key="one") == made
    assert (made["state"], made["user_id"]) == ("ORA_CSS_VERIFYING", "ada")
    both.provider.move(made["id"], "ORA_CSS_APPROVED")
    assert (await both.consumer.access(ours, made["id"]))["state"] == "ORA_CSS_APPROVED"
    assert [one["id"] for one in await both.consumer.accesses(ours)] == [made["id"]]


async def test_many_requests_come_by_pages() -> None:
    both = await onboarded()
    _, ours = ends(both)
    for number in range(120):
        await both.consumer.ask_access(ours, {"id": str(number)}, HERS)
        both.clock.forward(1)
    found = await both.consumer.accesses(ours)
    assert [one["user_id"] for one in found] == [str(number) for number in reversed(range(120))]


async def test_requests_there_are_not_and_logins_are_refused() -> None:
    both = await onboarded()
    _, ours = ends(both)
    with pytest.raises(Refused, match="request_unknown"):
        await both.consumer.access(ours, "0192f0c4-0000-7000-8000-000000000001")
    with pytest.raises(Refused, match="attribute_invalid"):
        await both.consumer.ask_access(ours, ADA, HERS | {"LoginId": "root"})
