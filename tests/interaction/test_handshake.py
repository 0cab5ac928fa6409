"""Onboarding from the link to the agreed settings, between both real services."""

import httpx
import pytest

from shared.wire.errors import ExchangeError
from tests.interaction.world import CONSUMER, PROVIDER, Refusal, World

pytestmark = pytest.mark.anyio

BOTH_WAYS = pytest.mark.parametrize("delivery", ["push", "pull"])
STEPS = ["validation", "invitation", "announcement", "authorization", "completion", "settings"]


def done(steps: list[dict[str, str]]) -> list[str]:
    return [step["step"] for step in steps if step["state"] == "done"]


async def refused(call: object) -> str:
    """Code of the refusal a call ends in."""
    with pytest.raises((Refusal, ExchangeError)) as caught:
        await call  # type: ignore[misc]
    return str(caught.value.code)  # type: ignore[attr-defined]


@pytest.mark.requirement("handshake.complete")
@BOTH_WAYS
async def test_a_link_leads_to_a_connection_that_both_sides_call_onboarded(invited: World, delivery: str):
    await invited.onboard(delivery)
    assert await invited.connections() == ("Active", "Active")
    assert [connection["delivery"] for connection in [await side.connection() for side in invited.sides]] == [
        delivery,
        delivery,
    ]


@pytest.mark.requirement("handshake.complete")
async def test_two_instances_on_postgresql_come_from_nothing_to_a_connection(fresh_on_postgresql: World):
    world = fresh_on_postgresql
    await world.begin()
    await world.invite()
    await world.onboard()
    assert await world.connections() == ("Active", "Active")


@pytest.mark.requirement("handshake.steps")
async def test_both_sides_show_the_same_steps_done_at_the_end(invited: World):
    await invited.onboard()
    theirs = await invited.provider.api("GET", f"registrations/{invited.number}/status")
    assert done(theirs["steps"]) == STEPS
    assert done((await invited.taken_up())["steps"]) == STEPS


@pytest.mark.requirement("handshake.steps")
async def test_each_step_shows_on_both_sides_as_it_is_done(invited: World):
    async def both() -> tuple[list[str], list[str]]:
        theirs = await invited.provider.api("GET", f"registrations/{invited.number}/status")
        return done(theirs["steps"]), done((await invited.taken_up())["steps"])

    await invited.take_up()
    assert await both() == (STEPS[:2], STEPS[:2])
    await invited.connect()
    assert await both() == (STEPS[:3], STEPS[:3])
    await invited.approve()
    assert await both() == (STEPS[:4], STEPS[:4])
    await invited.consumer.worker.handshakes()
    assert await both() == (STEPS[:5], STEPS[:5])


@pytest.mark.requirement("comparison.same")
@BOTH_WAYS
async def test_the_contact_sees_the_code_that_the_administrator_sees(invited: World, delivery: str):
    await invited.take_up(delivery)
    await invited.connect()
    query = dict(httpx.URL(invited.known["authorize_url"]).params)
    handshakes = invited.provider.module("handshakes.service")
    page = await invited.provider.read(handshakes.consent_page, **query, now=invited.clock())
    assert page.comparison == invited.known["comparison"]
    assert len(page.comparison) == 9
    assert page.must_type_code is (delivery == "pull")


@pytest.mark.requirement("comparison.attempts")
async def test_a_wrong_comparison_code_does_not_let_a_pull_consumer_in(invited: World):
    await invited.take_up("pull")
    await invited.connect()
    assert await refused(invited.decide(typed="0000-0000")) == "comparison_wrong"
    assert (await invited.registration())["state"] == "Work in Progress"


@pytest.mark.requirement("comparison.attempts")
async def test_the_administrator_of_a_pull_consumer_has_five_attempts(invited: World):
    await invited.take_up("pull")
    await invited.connect()
    path, wrong = f"{invited.onboarding}/confirmation", {"comparison_code": "0000-0000"}
    codes = [await refused(invited.consumer.api("POST", path, wrong)) for _ in range(6)]
    assert codes == ["comparison_wrong"] * 5 + ["comparison_failed"]
    right = {"comparison_code": invited.known["comparison"]}
    assert await refused(invited.consumer.api("POST", path, right)) == "comparison_failed"


@pytest.mark.requirement("consent.contact")
async def test_only_the_named_contact_may_allow(invited: World):
    await invited.take_up()
    await invited.connect()
    assert await refused(invited.decide(person="somebody-else")) == "wrong_contact"
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("consent.denied")
async def test_a_denial_is_shown_and_can_be_followed_by_another_try(invited: World):
    await invited.take_up()
    await invited.connect()
    await invited.decide(allow=False)
    await invited.come_back()
    assert await failed_on_both_sides(invited) == (["authorization"], ["authorization"])
    await invited.connect()
    assert await failed_on_both_sides(invited) == ([], [])
    await invited.approve()
    await invited.until(invited.onboarded)


async def failed_on_both_sides(world: World) -> tuple[list[str], list[str]]:
    """Steps that are shown as failed, with what went wrong, at the provider and at the consumer."""
    theirs = await world.provider.api("GET", f"registrations/{world.number}/status")
    both = (theirs["steps"], (await world.taken_up())["steps"])
    failed = [[one for one in steps if one["state"] == "failed"] for steps in both]
    assert all(one["problem"] for steps in failed for one in steps)
    return [one["step"] for one in failed[0]], [one["step"] for one in failed[1]]


@pytest.mark.requirement("token.looking")
async def test_looking_at_the_link_a_hundred_times_uses_nothing_up(invited: World):
    for _ in range(100):
        page = await invited.consumer.client.get("/onboarding")
        assert page.status_code == 200
    await invited.onboard()


@pytest.mark.requirement("token.revoked")
async def test_a_new_link_makes_the_old_one_worthless_and_works_itself(invited: World):
    await invited.take_up()
    await invited.provider.api("POST", f"registrations/{invited.number}/invitation")
    assert await refused(invited.connect()) == "token_revoked"
    await invited.consumer.api("POST", f"{invited.onboarding}/cancellation", {"reason": "new link"})
    await invited.link()
    await invited.onboard()


@pytest.mark.requirement("token.revoked")
async def test_a_revoked_link_does_not_announce(invited: World):
    await invited.take_up()
    await invited.provider.api("DELETE", f"registrations/{invited.number}/invitation")
    assert await refused(invited.connect()) == "token_revoked"
    assert (await invited.registration())["state"] == "Open"


@pytest.mark.requirement("token.expired")
async def test_an_expired_link_does_not_announce_and_the_task_stays_open(invited: World):
    await invited.take_up()
    invited.clock.forward(73 * 3600)
    assert await refused(invited.connect()) == "token_expired"
    assert (await invited.registration())["state"] == "Open"


@pytest.mark.requirement("token.used")
async def test_a_used_link_begins_nothing_new(invited: World):
    await invited.onboard()
    body = {"link": invited.known["link"], "provider": PROVIDER, "delivery": "push"}
    again = await invited.consumer.ask("POST", "provider-connections", body)
    if again.status_code < 400:
        invited.known["onboarding"] = again.json()["id"]
        await invited.turn()
        assert await refused(invited.connect()) in {"registration_closed", "token_used", "not_validated"}
    assert len(await invited.provider.items("connections")) == 1


@pytest.mark.requirement("token.host")
async def test_a_link_for_another_host_is_not_taken_up(invited: World):
    await invited.invite("https://d.example")
    body = {"link": invited.known["link"], "provider": PROVIDER, "delivery": "push"}
    assert await refused(invited.consumer.api("POST", "provider-connections", body)) == "token_wrong_host"


@pytest.mark.requirement("token.confirmed")
async def test_another_provider_than_the_confirmed_one_is_not_taken_up_or_fetched(invited: World):
    before = len(invited.wire.calls)
    body = {"link": invited.known["link"], "provider": "https://q.example", "delivery": "push"}
    assert (await invited.consumer.ask("POST", "provider-connections", body)).status_code in (409, 422)
    assert len(invited.wire.calls) == before


@pytest.mark.requirement("code.life")
async def test_a_code_older_than_a_minute_is_refused_and_a_new_consent_helps(invited: World):
    await invited.take_up()
    await invited.connect()
    await invited.approve()
    invited.clock.forward(61)
    await invited.consumer.worker.handshakes()
    assert await failed_on_both_sides(invited) == (["completion"], ["completion"])
    assert await invited.provider.items("connections") == []
    await invited.connect()
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("callback.binding")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://q.example"}, "issuer_mismatch"),
        ({"iss": None}, "issuer_mismatch"),
        ({"state": "x" * 43}, "authorization_unknown"),
    ],
)
async def test_a_browser_that_comes_back_wrongly_changes_nothing(invited: World, changes, code):
    await invited.take_up()
    await invited.connect()
    await invited.decide()
    assert await refused(invited.come_back(**changes)) == code
    await invited.consumer.worker.handshakes()
    assert await invited.provider.items("connections") == []


@pytest.mark.requirement("callback.binding")
async def test_a_code_that_was_redeemed_opens_nothing_again(invited: World):
    await invited.onboard()
    await invited.come_back()
    await invited.turn()
    assert len(await invited.provider.items("connections")) == 1
    assert len(await invited.consumer.items("connections")) == 1


@pytest.mark.requirement("handshake.retry")
async def test_connecting_again_before_the_consent_replaces_the_first_attempt(invited: World):
    await invited.take_up()
    first = await invited.connect()
    old = invited.known["authorize_url"]
    assert (await invited.connect())["comparison_code"] != first["comparison_code"]
    new, invited.known["authorize_url"] = invited.known["authorize_url"], old
    assert await refused(invited.decide()) == "authorization_unknown"
    invited.known["authorize_url"] = new
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("handshake.resume")
async def test_both_processes_may_stop_between_any_two_steps(invited: World):
    async def restarted() -> None:
        for side in invited.sides:
            await side.restart()

    await invited.take_up()
    await restarted()
    await invited.connect()
    await restarted()
    await invited.approve()
    await restarted()
    await invited.consumer.worker.handshakes()
    await restarted()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("handshake.reset")
async def test_a_reset_puts_the_handshake_back_and_the_link_works_again(invited: World):
    await invited.take_up()
    await invited.connect()
    await invited.provider.api("POST", f"registrations/{invited.number}/reset", {"reason": "again"})
    assert (await invited.registration())["state"] == "Open"
    await invited.connect()
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("handshake.deadline")
async def test_a_handshake_that_is_not_finished_in_an_hour_is_reset_by_itself(invited: World):
    await invited.take_up()
    await invited.connect()
    invited.clock.forward(3601)
    await invited.provider.worker.handshakes()
    assert (await invited.registration())["state"] == "Open"
    await invited.connect()
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("scan.heals")
async def test_a_provider_out_of_reach_fails_the_scan_until_it_is_back(invited: World):
    invited.wire.down.add(PROVIDER)
    assert (await invited.take_up())["state"] == "Validation Failed"
    assert await refused(invited.connect()) == "not_validated"
    invited.wire.down.clear()
    invited.clock.forward(61)
    await invited.consumer.worker.beat()
    await invited.consumer.turn()
    assert (await invited.taken_up())["state"] == "Validated"


@pytest.mark.requirement("announcement.address")
async def test_a_push_consumer_must_answer_at_the_registered_address(invited: World):
    await invited.take_up()
    invited.wire.down.add(CONSUMER)
    assert await refused(invited.connect()) == "peer_unreachable"
    assert (await invited.registration())["state"] == "Open"
    invited.wire.down.clear()
    await invited.connect()
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("pull.never_called")
async def test_a_pull_consumer_is_never_called(invited: World):
    invited.wire.down.add(CONSUMER)
    await invited.onboard("pull")
    calls = [call.name for call in invited.wire.calls if (call.caller, call.origin) == (PROVIDER, CONSUMER)]
    assert calls == []
