"""Rules of a registration task: one at a time, contacts of its company, what voids its link, what fails it."""

from typing import Any

import pytest

from tests.interaction.sides import Document, Refusal
from tests.interaction.world import CONSUMER, World

pytestmark = pytest.mark.anyio

LINK = "#token="


async def refused(call: Any) -> str:
    with pytest.raises(Refusal) as found:
        await call
    return found.value.code


async def another_contact(world: World, company: str, email: str = "bob@customer.example") -> str:
    made = await world.provider.api("POST", f"companies/{company}/contacts", {"email": email, "name": "Bob"})
    return str(made["id"])


async def change(world: World, **changes: Any) -> Document:
    version = (await world.registration())["version"]
    path, match = f"registrations/{world.number}", f'"{version}"'
    headers = {"content_type": "application/merge-patch+json", "if_match": match}
    return dict(await world.provider.api("PATCH", path, changes, **headers))


async def recheck(world: World) -> None:
    """The provider's worker looks again at what is due, and lets the findings decide."""
    await world.beat()
    await world.provider.worker.watch()
    await world.provider.turn()


@pytest.mark.requirement("task.one_open")
async def test_a_company_and_address_have_one_open_task(invited: World):
    wanted = {"company_id": invited.known["company"], "contact_id": invited.known["contact"], "consumer_url": CONSUMER}
    assert await refused(invited.provider.api("POST", "registrations", wanted)) == "registration_exists"
    await invited.provider.api("POST", f"registrations/{invited.number}/cancellation", {"reason": "wrong month"})
    again = await invited.provider.api("POST", f"registrations/{invited.number}/copies")
    copied = {name: again[name] for name in (*wanted, "state")}
    assert copied == wanted | {"state": "Awaiting Validation"}
    assert again["number"] != invited.number


@pytest.mark.requirement("task.contact")
async def test_a_contact_of_another_company_is_refused_in_a_new_task_and_in_one_that_is_there(invited: World):
    company = await invited.provider.api("POST", "companies", {"name": "Customer Two"})
    stranger = await another_contact(invited, company["id"])
    wanted = {"company_id": invited.known["company"], "contact_id": stranger, "consumer_url": "https://d.example"}
    assert await refused(invited.provider.api("POST", "registrations", wanted)) == "contact_of_other_company"
    assert await refused(change(invited, contact_id=stranger)) == "contact_of_other_company"


@pytest.mark.requirement("task.reassigned")
async def test_another_contact_voids_the_link_and_gets_one_of_its_own(invited: World):
    await invited.take_up()
    invited.known["contact"] = await another_contact(invited, invited.known["company"])
    person = await invited.provider.api("GET", f"contacts/{invited.known['contact']}")
    invited.known["person"] = person["user_id"]
    changed = await change(invited, contact_id=invited.known["contact"])
    assert (changed["state"], changed["link"]["state"]) == ("Validation Failed", "revoked")
    assert await refused(invited.connect()) == "registration_not_open"
    await recheck(invited)
    assert await refused(invited.connect()) == "token_revoked"
    await invited.consumer.api("POST", f"{invited.onboarding}/cancellation", {"reason": "another link comes"})
    await invited.link()
    await invited.onboard()


@pytest.mark.requirement("task.announced")
async def test_what_the_consumer_has_announced_itself_for_is_not_changed_under_it(invited: World):
    await invited.take_up()
    await invited.connect()
    assert (await invited.registration())["state"] == "Work in Progress"
    assert await refused(change(invited, consumer_url="https://d.example")) == "conflict"


@pytest.mark.requirement("task.broken")
async def test_an_open_task_whose_precondition_breaks_fails_and_goes_on_by_itself_with_a_new_link(invited: World):
    await invited.take_up()
    company, contact = invited.known["company"], invited.known["contact"]
    path = f"companies/{company}/contacts/{contact}"
    await invited.provider.api("PATCH", path, {"enabled": False}, **await _from_now(invited, path))
    await recheck(invited)
    failed = await invited.registration()
    assert (failed["state"], failed["link"]["state"]) == ("Validation Failed", "revoked")
    assert await refused(invited.connect()) == "registration_not_open"
    await invited.provider.api("PATCH", path, {"enabled": True}, **await _from_now(invited, path))
    await recheck(invited)
    assert (await invited.registration())["state"] == "Open"
    assert await refused(invited.connect()) == "token_revoked"
    await invited.consumer.api("POST", f"{invited.onboarding}/cancellation", {"reason": "another link comes"})
    await invited.link()
    await invited.onboard()


@pytest.mark.requirement("task.link_told")
@pytest.mark.parametrize("sends", [False, True])
async def test_the_link_goes_by_mail_or_stands_in_the_comments_and_is_stored_in_neither(invited: World, sends: bool):
    provider, at = invited.provider, f"registrations/{invited.number}"
    record = await provider.ask("GET", "instance")
    headers = {"content_type": "application/merge-patch+json", "if_match": record.headers["etag"]}
    await provider.api("PATCH", "instance", {"email_enabled": sends}, **headers)
    before = len(await provider.api("GET", f"{at}/entries"))
    await provider.api("POST", f"{at}/invitation")
    entries = (await provider.api("GET", f"{at}/entries"))[before:]
    mails = await provider.items(f"mails?related_type=registration&related_id={invited.number}")
    assert (len(mails), [entry["kind"] for entry in entries]) == ((1, []) if sends else (0, ["comment"]))
    assert LINK not in str([entries, mails])
    assert LINK in await invited.link()


async def _from_now(world: World, path: str) -> dict[str, str]:
    """Headers of a change that starts from the present version."""
    answer = await world.provider.ask("GET", path)
    return {"content_type": "application/merge-patch+json", "if_match": answer.headers["etag"]}
