"""Incidents, their bonds and the log of messages, as an operator meets them."""

from collections.abc import Sequence

import pytest
from sqlalchemy.orm import Session

from shared.delivery import inbox
from shared.wire.identifiers import new_id
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.states import Role
from tests.consumer.console.world import Browser, World
from tests.provider.records.exchange import Desk

pytestmark = pytest.mark.anyio

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def desk(world: World) -> Desk:
    """The use cases over the console's database, with a connection to share over."""
    desk = Desk("consumer_service", world.context.database, now=world.now())
    desk.connect(new_id())
    return desk


def broken(_session: Session, _connection_id: str, _messages: Sequence[Message], _now: int) -> list[Problem | None]:
    raise RuntimeError("this cannot be applied")


def set_aside(desk: Desk) -> str:
    """A message of the peer that could not be applied; return its id."""
    bond, change = new_id(), new_id()
    fields = {"short_description": EVIL, "state": "New"}
    data = {
        "op": "create", "record_id": new_id(), "number": "TKT1", "change_id": change, "seen": 0, "fields": fields
    }  # fmt: skip
    facts = {"id": change, "lane": bond, "sequence": 1, "type": "incident", "time": "2026-03-01T12:00:00Z"}
    with desk.database.transaction() as session:
        inbox.receive(
            session,
            connection_id=desk.connection_id,
            messages=[Message.model_validate({**facts, "data": data})],
            handlers={"incident": broken},
            now_ms=desk.now_ms,
        )
    return change


async def test_incidents_are_listed_filtered_and_opened_without_markup(admin: Browser, desk: Desk) -> None:
    made = desk.create(short_description=EVIL, state="New")
    desk.comment(made, EVIL, "work_note")
    listed = (await admin.get("/incidents")).text
    assert f'href="/incidents/{made}"' in listed
    assert "INC0000001" in (await admin.get(f"/incidents?state=New&connection_id={desk.connection_id}")).text
    assert "No incident fits" in (await admin.get("/incidents?state=Closed")).text
    shown = (await admin.get(f"/incidents/{made}")).text
    assert "Connected" in shown
    assert "Work note, stays here" in shown
    assert EVIL not in listed + shown
    assert (await admin.get("/incidents/none")).status_code == 404


async def test_an_incident_is_shared_cut_off_and_reconnected_by_buttons(admin: Browser, desk: Desk) -> None:
    made = desk.create(shared=False, short_description="Mail is down")
    at = f"/incidents/{made}"
    assert "Nobody else has a copy" in (await admin.get(at)).text
    shared = await admin.follow(await admin.post(f"{at}/bonds", page="/account", connection_id=desk.connection_id))
    assert "its copy is on its way" in shared.text
    bond = desk.bond_of(made)
    cut = await admin.follow(await admin.post(f"{at}/bonds/{bond.id}/disconnect", page="/account"))
    assert "Disconnected" in cut.text
    again = await admin.follow(await admin.post(f"{at}/bonds/{bond.id}/reconnect", page="/account"))
    assert "Changes travel again" in again.text
    assert desk.bond_of(made).state == "Connected"
    refused = await admin.follow(await admin.post(f"{at}/bonds", page="/account", connection_id="unknown"))
    assert "There is no such connection" in refused.text


async def test_a_comment_is_written_by_a_form_that_tells_its_faults(admin: Browser, desk: Desk) -> None:
    made = desk.create(short_description="Mail is down")
    wrong = await admin.post(f"/incidents/{made}/comments", page="/account", kind="comment", text=" ")
    assert (wrong.status_code, 'href="#field-text"' in wrong.text) == (422, True)
    await admin.follow(
        await admin.post(f"/incidents/{made}/comments", page="/account", kind="work_note", text="Look at the switch")
    )
    assert [(one.kind, one.text) for one in desk.comments(made)] == [("work_note", "Look at the switch")]


async def test_a_message_set_aside_is_tried_again_from_the_log(admin: Browser, desk: Desk) -> None:
    message = set_aside(desk)
    log = f"/connections/{desk.connection_id}/messages"
    shown = (await admin.get(f"{log}?direction=in&status=quarantined")).text
    assert message in shown
    again = await admin.follow(await admin.post(f"{log}/{message}/replay", page="/account"))
    assert "Applied" in again.text
    listed = (await admin.get("/incidents")).text
    assert "INC0000001" in listed
    assert EVIL not in listed
    twice = await admin.follow(await admin.post(f"{log}/{message}/replay", page="/account"))
    assert "No such message is in quarantine" in twice.text


async def test_a_message_is_given_up_with_a_reason_only(admin: Browser, desk: Desk) -> None:
    message = set_aside(desk)
    at = f"/connections/{desk.connection_id}/messages/{message}/skip"
    assert message in (await admin.get(at)).text
    wrong = await admin.post(at, page="/account", direction="in", reason=" ")
    assert (wrong.status_code, 'href="#field-reason"' in wrong.text) == (422, True)
    done = await admin.follow(await admin.post(at, page="/account", direction="in", reason="Never mind"))
    assert "Never mind" in done.text
    assert "Rejected" in done.text


async def test_one_of_ours_that_waits_is_withdrawn(admin: Browser, desk: Desk) -> None:
    desk.create(short_description="Mail is down")
    (message,) = desk.messages()
    log = f"/connections/{desk.connection_id}/messages"
    assert f"{log}/{message.id}/skip?direction=out" in (await admin.get(log)).text
    gone = await admin.follow(
        await admin.post(f"{log}/{message.id}/skip", page="/account", direction="out", reason="A mistake")
    )
    assert "A mistake" in gone.text
    assert f"{message.id}/skip" not in gone.text


async def test_who_may_only_read_sees_no_buttons_and_can_press_none(world: World, desk: Desk) -> None:
    made = desk.create(short_description="Mail is down")
    message = set_aside(desk)
    reader = await world.browser(Role.SN_SB_READ)
    log = f"/connections/{desk.connection_id}/messages"
    pages = [await reader.get(place) for place in (f"/incidents/{made}", log, f"{log}?direction=in")]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert all("/skip" not in page.text and "/replay" not in page.text and "/bonds" not in page.text for page in pages)
    for place in (f"/incidents/{made}/comments", f"/incidents/{made}/bonds", f"{log}/{message}/replay"):
        assert (await reader.post(place, page="/account")).status_code == 403
