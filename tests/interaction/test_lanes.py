"""No message stops its lane, and no lane its connection, whatever the peer refuses, withdraws or has no room for."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.interaction.sides import Refusal, Side
from tests.interaction.stranger import (
    approve_at_ours,
    onboard_at_ours,
    settle_with_ours,
    settle_with_strange,
    strange_consumer,
    strange_provider,
    take_up_at_ours,
)
from tests.interaction.test_crash_points import CONTROL, KINDS, restart, strike
from tests.interaction.world import CONSUMER, PROVIDER, World
from tests.peer.connection import MESSAGES, Connection
from tests.peer.consumer import Consumer
from tests.peer.wire import Document, new_id

pytestmark = pytest.mark.anyio

SHORT = (
    "impact", "urgency", "priority", "category", "subcategory", "caller", "assignment_group", "assigned_to", "location",
    "contact_type", "close_code",
)  # fmt: skip


async def log(side: Side, direction: str, kind: str = "incident") -> list[tuple[str, str]]:
    """Status and code of the problem of the messages of one type, in the order of their lanes."""
    found = await side.items(f"connections/{(await side.connection())['id']}/messages?direction={direction}")
    shown = [one for one in found if one["type"] in (kind, "void")]
    shown.sort(key=lambda one: (one["lane"], one["sequence"]))
    return [(one["status"], (one["problem"] or {}).get("code", "")) for one in shown]


async def change(side: Side, incident: Document, text: str) -> None:
    """Change the short description of an incident."""
    version = (await side.api("GET", f"incidents/{incident['id']}"))["version"]
    await side.api("PATCH", f"incidents/{incident['id']}", {"short_description": text}, if_match=f'"{version}"')


async def bonds(side: Side) -> list[tuple[str, str]]:
    """State and code of the problem of every bond here, the oldest first."""
    found = await side.items("bonds")
    return [(one["state"], (one["problem"] or {}).get("code", "")) for one in sorted(found, key=lambda one: one["id"])]


def about(word: str) -> Any:
    """What dislikes messages whose content has the word."""
    return lambda message: word in str(message["data"].get("fields", ""))


async def say(peer: Consumer, end: Connection, *messages: Document) -> list[Document]:
    """The outcomes of some messages, sent as they are."""
    document = {"epoch": 1, "messages": list(messages)}
    answer = await peer.on_connection(end, "POST", MESSAGES, document, "messages")
    return list(answer["outcomes"])


def void_of(message: Document, **changes: Any) -> Document:
    data = {"type": message["type"], "code": "too_large", "detail": "it says"}
    return {**message, "type": "void", "subject": "", "data": data, **changes}


@pytest.mark.requirement("lanes.void")
async def test_what_a_peer_cannot_take_is_withdrawn_in_its_place_and_its_lane_goes_on(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    end.dislikes = about("monstrous")
    made = await invited.provider.share("modest")
    await invited.provider.share("another")
    for value in ("monstrous", "modest again"):
        await change(invited.provider, made, value)
    await settle_with_ours(invited, peer, end)
    assert sorted(one.fields["short_description"] for one in end.book.records.values()) == ["another", "modest again"]
    assert sorted(await log(invited.provider, "out")) == [("applied", "")] * 3 + [("rejected", "too_large")]
    assert sorted(await bonds(invited.provider)) == [("Connected", ""), ("Error", "too_large")]
    lane = next(name for name in end.inbox.highest if end.inbox.highest[name] == 3)
    assert [end.inbox.outcomes[end.inbox.places[lane, 2]]["problem"]["code"]] == ["voided"]


@pytest.mark.requirement("lanes.void")
async def test_what_our_consumer_cannot_send_to_a_strange_provider_is_withdrawn(invited: World):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    end = registration.connection
    end.dislikes = about("monstrous")
    for value in ("monstrous", "modest"):
        await invited.consumer.share(value)
    await settle_with_strange(invited, peer)
    assert [one.fields["short_description"] for one in end.book.records.values()] == ["modest"]
    assert await log(invited.consumer, "out") == [("rejected", "too_large"), ("applied", "")]


@pytest.mark.requirement("lanes.void")
async def test_what_a_peer_withdraws_uses_its_sequence_up_and_is_seen(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    bond = end.book.share(short_description="first", state="New")
    bad = end.outbox.enqueue(bond, "incident", {}, subject="x" * 201)
    end.book.change(bond, short_description="third")
    await settle_with_ours(invited, peer, end)
    assert (end.outbox.entries[bad["id"]].state, end.outbox.entries[bad["id"]].problem["code"]) == (
        "rejected", "voided"
    )  # fmt: skip
    assert await invited.provider.texts() == ["third"]
    assert await log(invited.provider, "in") == [("applied", ""), ("rejected", "voided"), ("applied", "")]
    (one,) = await invited.provider.items("bonds")
    assert one["received_sequence"] == 3
    actions = [entry["action"] for entry in await invited.provider.items("audit")]
    assert {"message.voided", "incident.change_withdrawn"} <= set(actions)


@pytest.mark.requirement("lanes.void_lies")
async def test_a_peer_that_lies_about_what_it_withdraws_changes_nothing(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    bond = end.book.share(short_description="first", state="New")
    (applied,) = [one for one in end.outbox.waiting() if one["lane"] == bond]
    await settle_with_ours(invited, peer, end)
    never = void_of({**applied, "id": new_id(1), "sequence": 2})
    lies = [
        void_of(applied),  # it arrived long ago
        void_of(applied, id=new_id(2)),  # the place of another
        void_of(applied, sequence=2),  # the same id elsewhere
        never,  # never sent: the sequence is the sender's to waste
        never,  # twice
        void_of(never, data={"type": "incident", "code": "skipped", "detail": "otherwise"}),
        {**never, "type": "incident", "data": applied["data"]},  # said after it was withdrawn
        void_of(never, id=new_id(3), sequence=3, data={}),  # without a word why
    ]
    outcomes = [(await say(peer, end, lie))[0] for lie in lies]
    assert [(one["outcome"], one.get("stored"), one.get("problem", {}).get("code")) for one in outcomes] == [
        ("duplicate", "applied", None),
        ("conflict", None, "sequence_conflict"),
        ("conflict", None, "id_conflict"),
        ("rejected", None, "voided"),
        ("duplicate", "rejected", "voided"),
        ("duplicate", "rejected", "voided"),
        ("conflict", None, "id_conflict"),
        ("rejected", None, "invalid"),
    ]
    assert await invited.provider.texts() == ["first"]
    end.outbox.sequences[bond] = 3
    end.book.change(bond, short_description="fourth")
    await settle_with_ours(invited, peer, end)
    assert await invited.provider.texts() == ["fourth"]
    assert [call.status for call in invited.wire.seen(f"POST {MESSAGES}") if (call.status or 0) > 499] == []


@pytest.mark.requirement("lanes.void")
async def test_a_peer_that_refuses_everything_condemns_nothing(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    end.dislikes = lambda _message: True
    await invited.provider.share("patient")
    await settle_with_ours(invited, peer, end, turns=3)
    assert (await invited.provider.connection())["queued"] == 1
    end.dislikes = lambda _message: False
    invited.clock.forward(3700)
    await settle_with_ours(invited, peer, end)
    assert [one.fields["short_description"] for one in end.book.records.values()] == ["patient"]


@pytest.mark.requirement("lanes.fit")
async def test_the_longest_incident_and_comment_fit_the_smallest_limit_a_peer_may_state(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    settings = next(iter(end.outbox.entries.values())).message
    settings["data"]["limits"]["bytes_per_request"] = 65_536
    await settle_with_ours(invited, peer, end)
    text = "\x01" * 8000  # JSON has to spell it out: six octets a character
    made = await invited.provider.share(text[:160], description=text, **dict.fromkeys(SHORT, text[:80]))
    await invited.provider.api("POST", f"incidents/{made['id']}/comments", {"text": text, "kind": "comment"})
    await settle_with_ours(invited, peer, end)
    (record,) = end.book.records.values()
    assert (record.fields["description"], [one["text"] for one in record.comments.values()]) == (text, [text])


@pytest.mark.requirement("lanes.skip")
async def test_an_operator_withdraws_what_waits_and_both_sides_see_it(pushing: World):
    provider, consumer = pushing.provider, pushing.consumer
    made = await provider.share("first")
    await pushing.turn()
    pushing.wire.down.add(CONSUMER)
    for value in ("second", "third"):
        await change(provider, made, value)
    await provider.turn()
    connection = f"connections/{(await provider.connection())['id']}"
    third, second, _ = [
        one for one in await provider.items(f"{connection}/messages?direction=out") if one["lane"] != "connection"
    ]
    await provider.api("POST", f"{connection}/messages/{second['id']}/skip", {"reason": "never mind"})
    pushing.wire.down.clear()
    pushing.clock.forward(60)
    await pushing.turn()
    assert await log(provider, "out") == [("applied", ""), ("rejected", "skipped"), ("applied", "")]
    assert await log(consumer, "in") == [("applied", ""), ("rejected", "voided"), ("applied", "")]
    assert await consumer.texts() == ["third"]
    for gone in (second, third):
        with pytest.raises(Refusal) as refusal:
            await provider.api("POST", f"{connection}/messages/{gone['id']}/skip", {"reason": "again"})
        assert (refusal.value.status, refusal.value.code) == (404, "not_queued")


@pytest.mark.requirement("lanes.deferred")
async def test_a_lane_the_peer_has_no_room_for_holds_up_no_other(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    made = await invited.provider.share("stuck")
    await settle_with_ours(invited, peer, end)
    (lane,) = [name for name in end.inbox.highest if name != "connection"]
    highest = end.inbox.highest[lane]
    end.inbox.highest[lane] = -1  # as if something were missing: the peer holds a hundred and defers the rest
    for number in range(103):
        await change(invited.provider, made, f"number {number}")
    await invited.provider.share("free")
    await settle_with_ours(invited, peer, end)
    assert "free" in [one.fields["short_description"] for one in end.book.records.values()]
    assert (await invited.provider.connection())["queued"] == 3
    end.inbox.highest[lane] = highest
    end.inbox._drain(lane)
    await settle_with_ours(invited, peer, end)
    assert (await invited.provider.connection())["queued"] == 0
    assert end.book.records[lane].fields["short_description"] == "number 102"


async def poison(side: Side, word: str) -> None:
    """Make the newest message of a side one the peer must refuse by its form, as a bug of ours would."""

    def work(session: Any) -> None:
        session.execute(
            text("UPDATE delivery_outbox SET body = replace(body, :what, :with) WHERE body LIKE :like"),
            {"what": '"subject":"', "with": '"subject":"' + "x" * 201, "like": f"%{word}%"},
        )

    await side.write(work)


@pytest.mark.one_of(3)
@pytest.mark.requirement("crash.void")
@pytest.mark.parametrize("sender", ["provider", "consumer"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", range(1, 6))
async def test_a_withdrawal_that_crashed_anywhere_uses_the_sequence_up_once(
    pushing: World, sender: str, kind: str, step: int
):
    ours: Side = getattr(pushing, sender)
    theirs = pushing.consumer if sender == "provider" else pushing.provider
    origin = CONSUMER if sender == "provider" else PROVIDER
    made = await ours.share("first")
    for value in ("poison", "third"):
        await change(ours, made, value)
    await poison(ours, "poison")

    def arm(left: int) -> None:
        if left > 1:
            pushing.wire.break_once(origin, CONTROL, "answered", lambda: arm(left - 1))
        else:
            strike(pushing, origin, CONTROL, kind)

    arm(step)
    await pushing.turn(1)
    await restart(pushing)
    pushing.clock.forward(20)
    await pushing.until(lambda: settled(ours), turns=10, seconds=31)
    assert len(pushing.wire.faults) >= step
    assert await theirs.texts() == ["third"]
    assert await log(ours, "out") == [("applied", ""), ("rejected", "invalid"), ("applied", "")]
    assert await log(theirs, "in") == [("applied", ""), ("rejected", "voided"), ("applied", "")]


async def settled(side: Side) -> bool:
    return bool((await side.connection())["queued"] == 0)
