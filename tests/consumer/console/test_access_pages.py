"""Requests for access in the consumer's console: whom an administrator asks for, and how it stands."""

import re

import pytest

from consumer_service.audit.domain import Actor
from consumer_service.connections import service as connections
from consumer_service.self_service import service
from shared.wire.problems import Problem
from shared.wire.self_service import RelayedStatus, RequestState
from shared.wire.states import Role
from tests.consumer.console.world import PROVIDER, Browser, World
from tests.provider.records.exchange import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(world: World) -> Desk:
    return connected(world)


def connected(world: World) -> Desk:
    """The console's database with a connection that the provider at its other end does not know."""
    desk = Desk("consumer_service", world.context.database, now=world.now())
    desk.connect("0192f0c4-0000-7000-8000-000000000009")
    with desk.database.transaction() as session:
        row = connections.get(session, desk.connection_id, lock=True)
        row.peer_issuer, row.key_set = PROVIDER, world.provider.key_set()
    return desk


async def test_an_administrator_asks_for_somebody_and_the_provider_says_no(
    world: World, admin: Browser, desk: Desk
) -> None:
    assert "No access was asked for yet" in (await admin.get("/access-requests")).text
    person = await world.person(name="Ada <b>Lovelace</b>")
    form = await admin.get("/access-requests/new")
    assert "Ada &lt;b&gt;Lovelace" in form.text
    asked = {"page": "/access-requests/new", "connection_id": desk.connection_id, "user_id": person.id}
    wrong = await admin.post("/access-requests", **asked, FirstName="x" * 151)
    assert wrong.status_code == 422
    assert 'href="#field-FirstName"' in wrong.text
    sent = await admin.post("/access-requests", **asked, FirstName="Ada")
    shown = await admin.follow(sent)
    assert "Not taken" in shown.text
    assert "It goes no further" in shown.text
    assert "Ada &lt;b&gt;Lovelace" in (await admin.get("/access-requests")).text


async def test_what_the_provider_says_is_shown_in_words(world: World, admin: Browser, desk: Desk) -> None:
    person = await world.person()
    made = await ask(world, desk, person.id)
    assert "Ask the provider now" in (await admin.get(f"/access-requests/{made}")).text
    status = RelayedStatus(
        id="0192f0c4-0000-7000-8000-000000000001",
        state=RequestState.PENDING,
        user_id=person.id,
        email=person.email,
        submitted="2026-03-01T12:00:00Z",
        updated="2026-03-01T12:00:00Z",
    )
    await world.context.database.write(service.told, made, status, now=world.now())
    page = (await admin.get(f"/access-requests/{made}")).text
    assert "Waits for the provider&#39;s decision" in page
    german = (await admin.get(f"/access-requests/{made}", **{"accept-language": "de"})).text
    assert "Number at the provider" in page
    assert german.count("/access-requests") >= 1
    rejected = status.model_copy(update={"state": RequestState.REJECTED})
    await world.context.database.write(service.told, made, rejected, now=world.now())
    page = (await admin.get(f"/access-requests/{made}")).text
    assert "Rejected" in page
    assert "Ask the provider now" not in page


async def test_a_provider_that_is_away_and_one_that_refuses_are_shown_with_a_remedy(
    world: World, admin: Browser, desk: Desk
) -> None:
    made = await ask(world, desk, (await world.person()).id)
    away = Problem(title="Unreachable", status=502, code="unreachable", detail="The other side cannot be reached")
    await world.context.database.write(service.not_told, made, away, now=world.now())
    page = (await admin.get(f"/access-requests/{made}")).text
    for said in ("Waits to be handed over", "it is tried again by itself", "The other side cannot be reached"):
        assert said in page
    problem = Problem(
        title="Forbidden", status=403, code="requests_closed", detail="Registration is closed", fix="Ask them."
    )
    await world.context.database.write(service.not_told, made, problem, now=world.now())
    page = (await admin.get(f"/access-requests/{made}")).text
    for said in ("Not taken", "It goes no further", "Registration is closed", "Ask them."):
        assert said in page


async def test_whom_and_where_have_to_be_said(world: World, admin: Browser, desk: Desk) -> None:
    answer = await admin.post("/access-requests", page="/access-requests/new", FirstName="Ada")
    assert answer.status_code == 422
    assert "Choose a person." in answer.text
    assert re.search(r'value="Ada"', answer.text)


async def test_readers_do_not_ask_for_anybody(world: World, desk: Desk) -> None:
    reader = await world.browser(Role.SN_SB_READ)
    assert (await reader.get("/access-requests")).status_code == 403
    assert "/access-requests" not in (await reader.get("/")).text


async def ask(world: World, desk: Desk, user_id: str) -> str:
    person = await world.person(Role.ADMIN)
    made = await world.context.database.write(
        service.ask,
        connection_id=desk.connection_id,
        user_id=user_id,
        attributes={},
        actor=Actor("user", person.id, person.name),
        now=world.now(),
    )
    return made.id
