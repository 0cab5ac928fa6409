"""The contact allows or refuses a connection, and nobody else does."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from provider_service.directory import service as directory
from shared.wire.states import Role
from tests.peer.consumer import Handshake
from tests.peer.wire import Problem
from tests.provider.console.world import CONSUMER, PASSWORD, Browser, World, world_at

pytestmark = pytest.mark.anyio


class Asked:
    """A consumer that waits for its contact's decision."""

    def __init__(self, world: World, contact: Browser, handshake: Handshake) -> None:
        self.world, self.contact, self.handshake = world, contact, handshake
        self.path = world.consent_path(handshake)
        self.query = dict(parse_qsl(urlsplit(self.path).query))

    async def decide(self, browser: Browser, decision: str, **fields: str) -> tuple[int, str]:
        answer = await browser.post("/oauth/authorize", **self.query, decision=decision, **fields)
        return answer.status_code, answer.headers.get("location", "")


async def asked_of(world: World) -> Asked:
    await world.record()
    contact = await world.contact()
    number = await world.registration(contact)
    await world.scan()
    handshake = await world.asked(number)
    person = await world.context.database.read(directory.get_user, contact.user_id)
    return Asked(world, await world.browser_of(person), handshake)


@pytest.fixture
async def asked(bare: World) -> Asked:
    return await asked_of(bare)


@pytest.fixture
async def pulling(tmp_path: Path) -> AsyncIterator[Asked]:
    """The same of a consumer that cannot be called."""
    async with world_at(tmp_path / "pull", delivery="pull") as world:
        yield await asked_of(world)


async def test_the_contact_sees_who_asks_and_the_code_the_consumer_shows(asked: Asked) -> None:
    answer = await asked.contact.get(asked.path)
    code = asked.world.consumer.comparison_code(asked.handshake)
    for told in ("desk-one", CONSUMER, "Harbour Ltd", "Grace Hopper", code):
        assert told in answer.text
    assert f"form-action 'self' {CONSUMER};" in answer.headers["content-security-policy"]


async def test_allowing_leads_back_with_a_code_that_opens_the_connection(asked: Asked) -> None:
    status, location = await asked.decide(asked.contact, "allow")
    assert status == 303
    assert location.startswith(f"{CONSUMER}/exchange/v1/oauth/callback?")
    asked.world.consumer.land(asked.handshake, dict(parse_qsl(urlsplit(location).query)))
    await asked.world.consumer.complete(asked.handshake)
    assert asked.handshake.connection is not None
    admin = await asked.world.browser(Role.ADMIN)
    history = (await admin.get(f"/registrations/{asked.handshake.number}")).text
    assert "Contact allowed the connection" in history


async def test_denying_leads_back_with_the_refusal(asked: Asked) -> None:
    status, location = await asked.decide(asked.contact, "deny")
    assert (status, "error=access_denied" in location) == (303, True)
    with pytest.raises(Problem):
        asked.world.consumer.land(asked.handshake, dict(parse_qsl(urlsplit(location).query)))
    assert (await asked.contact.get(asked.path)).status_code == 404
    staff = await asked.world.browser(Role.ADMIN)
    assert "The contact did not allow the connection" in (await staff.get("/registrations/REG0000001")).text


async def test_an_unreadable_decision_is_no_consent(asked: Asked) -> None:
    _, location = await asked.decide(asked.contact, "")
    assert "code=" not in location


async def test_another_person_sees_no_code_cannot_allow_and_may_switch(asked: Asked) -> None:
    admin = await asked.world.browser(Role.ADMIN)
    answer = await admin.get(asked.path)
    assert "Grace Hopper" in answer.text
    assert asked.world.consumer.comparison_code(asked.handshake) not in answer.text
    assert await asked.decide(admin, "allow") == (403, "")
    left = await admin.post("/sign-out", next=asked.path)
    assert left.headers["location"].startswith("/sign-in?next=%2Foauth%2Fauthorize%3Fclient_id%3D")
    assert "request_uri" in left.headers["location"]


async def test_a_stranger_signs_in_and_comes_back_with_the_query_kept(asked: Asked) -> None:
    stranger = await asked.world.stranger()
    answer = await stranger.get(asked.path)
    assert answer.headers["location"].startswith("/sign-in?next=")
    following = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["next"]
    signed_in = await stranger.post("/sign-in", email=asked.contact.person.email, password=PASSWORD, next=following)
    assert dict(parse_qsl(urlsplit(signed_in.headers["location"]).query)) == asked.query


async def test_a_forged_decision_is_refused(asked: Asked) -> None:
    answer = await asked.contact.client.post(
        "/oauth/authorize", data={**asked.query, "decision": "allow"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert (answer.status_code, "csrf" in answer.text) == (403, True)


async def test_a_consumer_that_cannot_be_called_proves_itself_by_the_code_typed(pulling: Asked) -> None:
    shown = (await pulling.contact.get(pulling.path)).text
    code = pulling.world.consumer.comparison_code(pulling.handshake)
    assert code not in shown
    assert await pulling.decide(pulling.contact, "allow", comparison_code="0000-0000") == (409, "")
    status, location = await pulling.decide(pulling.contact, "allow", comparison_code=code)
    assert (status, "code=" in location) == (303, True)


async def test_after_five_wrong_codes_even_the_right_one_is_refused(pulling: Asked) -> None:
    for _ in range(5):
        assert await pulling.decide(pulling.contact, "allow", comparison_code="0000-0000") == (409, "")
    code = pulling.world.consumer.comparison_code(pulling.handshake)
    assert await pulling.decide(pulling.contact, "allow", comparison_code=code) == (409, "")
