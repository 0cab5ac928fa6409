"""Requests for access over a connection: an honest consumer's, and what a hostile one gains, which is nothing."""

import asyncio
import threading
from typing import Any

import pytest

from provider_service.audit.domain import SYSTEM
from tests.databases import somebody_waits
from tests.interaction.access import another_company, confirmed, holdings, option, screened, seen
from tests.interaction.raw import message_of, send
from tests.interaction.sides import Document, Refusal
from tests.interaction.stranger import attach, onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import World
from tests.patience import PATIENCE_SECONDS
from tests.peer.access import REQUESTS
from tests.peer.connection import Connection
from tests.peer.consumer import Consumer
from tests.peer.instance import Refused
from tests.peer.wire import Problem

pytestmark = pytest.mark.anyio

EVE = {"id": "eve", "name": "Eve", "email": "eve@customer.example"}
HERS = {"EmailAddress": "eve@customer.example", "FirstName": "Eve", "LastName": "Evans"}


class Peer:
    """A strange consumer that is connected, and a company that is not its own."""

    def __init__(self, world: World, consumer: Consumer, end: Connection, other: Document) -> None:
        self.world, self.consumer, self.end, self.other = world, consumer, end, other

    async def asks(self, user: Document = EVE, attributes: Document = HERS, **more: Any) -> Document:
        return await self.consumer.ask_access(self.end, user, attributes, **more)


@pytest.fixture
async def peer(invited: World) -> Peer:
    consumer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, consumer)).connection
    assert end is not None
    await settle_with_ours(invited, consumer, end)
    return Peer(invited, consumer, end, await another_company(invited))


@pytest.mark.requirement("access.complete")
async def test_a_person_of_a_consumer_is_let_in_by_its_connection_and_its_own_mailbox(peer: Peer):
    world, made = peer.world, await peer.asks(asked_by="Ann Admin")
    assert made["state"] == "ORA_CSS_VERIFYING"
    with pytest.raises(Refusal):
        await seen(world, made["id"])
    await confirmed(world, made["id"])
    shown = await seen(world, made["id"])
    assert shown["company_id"] == world.known["company"]
    assert shown["origin"] == {
        "connection_id": peer.end.id,
        "issuer": peer.consumer.issuer,
        "subject": "eve",
        "name": "Eve",
        "email": "eve@customer.example",
        "asked_by": "Ann Admin",
        "same_email": True,
    }
    assert (await peer.consumer.access(peer.end, made["id"]))["state"] == "ORA_CSS_PENDING"
    await world.provider.api("POST", f"self-service/requests/{made['id']}/approve", {})
    assert (await peer.consumer.accesses(peer.end))[0]["state"] == "ORA_CSS_APPROVED"
    held = await world.provider.items("self-service/roles")
    assert {one["company_id"] for one in held} == {world.known["company"]}


BOASTS = {
    "company": {"company_id": "other", "AccountKey": "Other Ltd"},
    "roles": {"roles": ["admin"], "administrator": True, "privileges": ["associate user with contact"]},
    "proof": {"proven": True, "state": "ORA_CSS_APPROVED", "email_verified": True},
    "submitter": {"submitter": "administrator", "submitter_user_id": "victors_user", "connection_id": "another"},
    "origin": {"issuer": "https://p.example", "decided_by": "Ada Admin", "started": True, "auto_approve": True},
}

CLAIMS: dict[str, tuple[Document, Document, Document]] = {
    "its own": (EVE, HERS, {}),
    "another's account": (EVE, HERS | {"AccountKey": "Other Ltd"}, {}),
    "an account there is not": (EVE, HERS | {"AccountKey": "Nobody Ltd"}, {}),
    "another's user": ({"id": "victors_user", "name": "Victor", "email": "victor@other.example"}, HERS, {}),
    "a known address": (EVE, HERS | {"EmailAddress": "victor@other.example"}, {}),
    "a contact's address": (EVE, HERS | {"EmailAddress": "vera@other.example"}, {}),
    "an unknown address": (EVE, HERS | {"EmailAddress": "nobody@other.example"}, {}),
    "the administrator's address": (EVE, HERS | {"EmailAddress": "ann@customer.example"}, {}),
    **{f"boasts of {name}": (EVE, HERS, said) for name, said in BOASTS.items()},
}


@pytest.mark.requirement("access.believed")
async def test_whatever_a_hostile_consumer_says_it_gets_the_same_answer_and_nothing_else(peer: Peer):
    world = peer.world
    await option(world, "SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    before, answers = await holdings(world), {}
    for name, (user, attributes, more) in CLAIMS.items():
        person = user | {"id": peer.other.get(user["id"], user["id"])}
        made = await peer.asks(person, attributes, **more)
        assert (made["user_id"], made["email"]) == (person["id"], attributes["EmailAddress"])
        answers[name] = {word: text for word, text in made.items() if word not in {"id", "user_id", "email"}}
        await screened(world)
    assert {str(sorted(one)) for one in answers.values()} == {str(sorted(answers["its own"]))}
    assert {one["state"] for one in answers.values()} == {"ORA_CSS_VERIFYING"}
    assert {one["state"] for one in await peer.consumer.accesses(peer.end)} == {"ORA_CSS_VERIFYING"}
    assert await holdings(world) == before
    assert await world.provider.items("self-service/requests") == []


@pytest.mark.requirement("access.believed")
@pytest.mark.parametrize("name", BOASTS)
async def test_a_boast_changes_nothing_of_what_the_approver_sees(peer: Peer, name: str):
    made = await peer.asks(**BOASTS[name])
    await confirmed(peer.world, made["id"])
    shown = await seen(peer.world, made["id"])
    assert shown["company_id"] == peer.world.known["company"]
    assert (shown["submitter"], shown["state"], shown["awaits"]) == (
        "relayed",
        "ORA_CSS_PENDING",
        "account_administrators",
    )
    assert shown["origin"]["connection_id"] == peer.end.id
    assert shown["decided_by"] is None


@pytest.mark.requirement("access.believed")
@pytest.mark.parametrize(
    ("address", "reason"),
    [("vera@other.example", "contact_elsewhere"), ("victor@other.example", "contact_elsewhere")],
)
async def test_what_is_another_company_s_stays_so_even_where_its_owner_confirms(peer: Peer, address: str, reason: str):
    world = peer.world
    await option(world, "SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    before = await holdings(world)
    made = await peer.asks(attributes=HERS | {"EmailAddress": address, "AccountKey": "Other Ltd"})
    await confirmed(world, made["id"])
    shown = await seen(world, made["id"])
    assert (shown["awaits"], shown["reason"]) == ("staff", reason)
    with pytest.raises(Refusal) as refused:
        await world.provider.api("POST", f"self-service/requests/{made['id']}/approve", {})
    assert refused.value.code == "approval_refused"
    choice = {"company_id": peer.other["company"]}
    with pytest.raises(Refusal) as refused:
        await world.provider.api("PUT", f"self-service/requests/{made['id']}/company", choice)
    assert refused.value.code == "company_fixed"
    assert await holdings(world) == before


@pytest.mark.requirement("access.believed")
async def test_a_user_there_is_is_tied_to_nothing_by_a_connection_that_did_not_make_it(peer: Peer):
    world = peer.world
    await option(world, "SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    user = {"email": "ursula@elsewhere.example", "name": "Ursula", "roles": []}
    await world.provider.api("POST", "users", user)
    before = await holdings(world)
    made = await peer.asks(attributes=HERS | {"EmailAddress": user["email"]})
    await confirmed(world, made["id"])
    assert (await seen(world, made["id"]))["reason"] == "not_that_user"
    assert await holdings(world) == before


@pytest.mark.requirement("access.believed")
async def test_nobody_becomes_administrator_without_a_person_at_the_provider(peer: Peer):
    world = peer.world
    await option(world, "SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    made = await peer.asks(administrator=True)
    await confirmed(world, made["id"])
    shown = await seen(world, made["id"])
    assert (shown["state"], shown["administrator_pending"]) == ("ORA_CSS_APPROVED", True)
    assert [one["administrator"] for one in await world.provider.items("self-service/roles")] == [False]


@pytest.mark.requirement("access.believed")
@pytest.mark.parametrize(("ends", "lets_in"), [("pause", True), ("suspend", False), ("disconnect", False)])
async def test_a_connection_that_has_ended_lets_nobody_in_without_a_person(peer: Peer, ends: str, lets_in: bool):
    world = peer.world
    await option(world, "SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    made = await peer.asks()
    if ends == "suspend":
        work = {"connection_id": peer.end.id, "actor": SYSTEM, "now": world.clock()}
        await world.provider.write(world.provider.module("connections.service").suspend, **work)
    else:
        await world.provider.api("POST", f"connections/{peer.end.id}/{ends}", {})
    await confirmed(world, made["id"])
    assert (await seen(world, made["id"]))["state"] == ("ORA_CSS_APPROVED" if lets_in else "ORA_CSS_PENDING")
    if not lets_in:  # the mailbox is proven and the company the connection's: a person may still let them in
        await world.provider.api("POST", f"self-service/requests/{made['id']}/approve", {})
    shown = await seen(world, made["id"])
    assert (shown["state"], shown["company_id"]) == ("ORA_CSS_APPROVED", world.known["company"])


@pytest.mark.requirement("access.own")
async def test_a_connection_sees_its_own_requests_alone(peer: Peer):
    world = peer.world
    by_staff = {"attributes": {"EmailAddress": "ann@customer.example", "AccountKey": "Customer One"}}
    others = (await world.provider.api("POST", "self-service/requests", by_staff))["id"]
    other = await _another(world)
    theirs = (await other.asks())["id"]
    assert [one["id"] for one in await peer.consumer.accesses(peer.end)] == []
    codes = set()
    for request_id in (others, theirs, "0192f0c4-0000-7000-8000-000000000001", "1", "x" * 60):
        with pytest.raises(Refused) as caught:
            await peer.consumer.access(peer.end, request_id)
        codes.add((caught.value.status, caught.value.code))
    assert codes == {(404, "request_unknown")}
    with pytest.raises(Problem):
        await peer.consumer.on_connection(other.end, "GET", f"{REQUESTS}/{theirs}", None, "access")


@pytest.mark.requirement("access.once")
async def test_a_request_counts_once_however_often_it_is_sent(peer: Peer):
    made = await peer.asks(key="once")
    assert await peer.asks(key="once") == made
    with pytest.raises(Refused) as caught:
        await peer.asks(attributes=HERS | {"LastName": "Evil"}, key="once")
    assert caught.value.code == "idempotency_key_reused"
    captured = message_of(peer.world.wire.seen(f"POST {REQUESTS}")[-1])
    assert (await send(peer.world.provider, captured)).code in {"nonce_seen", "idempotency_key_reused"}
    assert len(await peer.consumer.accesses(peer.end)) == 1


@pytest.mark.requirement("access.refused")
@pytest.mark.parametrize(
    ("user", "attributes", "code"),
    [
        (EVE, HERS | {"LoginId": "root"}, "attribute_invalid"),
        (EVE, HERS | {"RequestTypeCd": "ORA_CSS_REQ_TYPE_CONSUMER"}, "attribute_invalid"),
        (EVE, {"LastName": "Evans"}, "attribute_invalid"),
        (EVE, HERS | {"EmailAddress": "nobody"}, "email_invalid"),
        (EVE, HERS | {"EmailAddress": ["eve@customer.example"]}, "attribute_invalid"),
        (EVE, HERS | {"Unheard_c": "of"}, "attribute_invalid"),
        ({"name": "Eve"}, HERS, "invalid"),
        ({"id": "x" * 65}, HERS, "invalid"),
        (EVE, {f"A{number}": "x" for number in range(151)}, "invalid"),
    ],
)
async def test_what_will_not_do_is_refused_whoever_is_known(
    peer: Peer, user: Document, attributes: Document, code: str
):
    with pytest.raises(Refused) as caught:
        await peer.asks(user, attributes)
    assert (caught.value.status, caught.value.code) == (422, code)
    assert await peer.consumer.accesses(peer.end) == []


@pytest.mark.requirement("access.refused")
async def test_a_closed_door_and_too_many_at_it_are_said(peer: Peer, monkeypatch: pytest.MonkeyPatch):
    relaying = peer.world.provider.module("self_service.service.relaying")
    monkeypatch.setattr(relaying, "UNPROVEN_A_CONNECTION", 2)
    for _ in range(2):
        await peer.asks()
    with pytest.raises(Refused) as caught:
        await peer.asks()
    assert (caught.value.status, caught.value.code) == (429, "too_many_requests")
    assert caught.value.extra["retry_after"] == 3600
    await option(peer.world, "SVC_CSS_SELF_REGISTRATION", "None")
    with pytest.raises(Refused) as caught:
        await peer.asks()
    assert (caught.value.status, caught.value.code) == (403, "requests_closed")


@pytest.mark.requirement("access.refused")
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_of_two_requests_at_once_for_the_last_place_one_is_taken(peer: Peer, monkeypatch: pytest.MonkeyPatch):
    relaying, store = (peer.world.provider.module(f"self_service.{name}") for name in ("service.relaying", "store"))
    monkeypatch.setattr(relaying, "UNPROVEN_A_CONNECTION", 2)
    await peer.asks()  # from here on that the peer called needs no writing down, which would keep the second waiting
    url, count = peer.world.provider.url, store.unproven_of_connection
    counted = threading.Event()

    def count_while_the_other_waits(*args: Any) -> int:
        found = int(count(*args))
        if not counted.is_set():
            counted.set()
            somebody_waits(url)
        return found

    monkeypatch.setattr(store, "unproven_of_connection", count_while_the_other_waits)
    first = asyncio.create_task(peer.asks(key="first"))
    assert await asyncio.to_thread(counted.wait, PATIENCE_SECONDS)
    with pytest.raises(Refused) as caught:
        await peer.asks(key="second")
    assert caught.value.code == "too_many_requests"
    assert (await first)["state"] == "ORA_CSS_VERIFYING"
    assert len(await peer.consumer.accesses(peer.end)) == 2


async def _another(world: World) -> Peer:
    """A second consumer of another company, at an address of its own."""
    issuer = "https://d.example"
    consumer = strange_consumer(world)
    consumer.issuer = issuer
    attach(world, consumer)
    company = await world.provider.api("POST", "companies", {"name": "Customer Two"})
    person = {"email": "dora@two.example", "name": "Dora"}
    contact = await world.provider.api("POST", f"companies/{company['id']}/contacts", person)
    known = dict(world.known)
    world.known |= {"company": company["id"], "contact": contact["id"], "person": contact["user_id"]}
    await world.invite(issuer)
    end = (await onboard_at_ours(world, consumer)).connection
    assert end is not None
    await settle_with_ours(world, consumer, end)
    world.known |= known
    return Peer(world, consumer, end, {})
