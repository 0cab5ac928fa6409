"""The audit trail and its feed, over HTTP and on both databases."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consumer_service.audit import service
from consumer_service.audit.domain import SYSTEM, Actor, Position, changes
from shared.wire.states import Role

pytestmark = pytest.mark.anyio


def write(house, action="thing.made", subject_id="1", **more):
    with house.context.database.transaction() as session:
        service.record(
            session, actor=SYSTEM, action=action, subject_type="thing", subject_id=subject_id, now=house.clock(), **more
        )


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"])
async def test_an_entry_can_neither_be_changed_nor_removed(house, statement):
    write(house)
    with pytest.raises(DBAPIError, match="never changed"), house.context.database.transaction() as session:
        session.execute(text(statement))


async def test_the_trail_shows_who_did_what_with_before_and_after(house):
    with house.context.database.transaction() as session:
        service.record(
            session,
            actor=Actor("user", "u1", "Ada", "192.0.2.9"),
            action="thing.renamed",
            subject_type="thing",
            subject_id="7",
            before={"name": "a"},
            after={"name": "b"},
            now=house.clock(),
        )
    client = await house.client(Role.ADMIN)
    answer = await client.get("/api/v1/audit", params={"subject_id": "7"})
    (entry,) = answer.json()["items"]
    assert entry["actor"] == {"kind": "user", "id": "u1", "name": "Ada"}
    assert (entry["address"], entry["before"], entry["after"]) == ("192.0.2.9", {"name": "a"}, {"name": "b"})


async def test_a_member_that_sounds_like_a_secret_is_withheld(house):
    write(house, after={"password_hash": "x", "name": "b"}, subject_id="8")
    client = await house.client(Role.ADMIN)
    (entry,) = (await client.get("/api/v1/audit", params={"subject_id": "8"})).json()["items"]
    assert entry["after"] == {"password_hash": "[withheld]", "name": "b"}


async def test_pages_of_the_trail_cover_everything_once(house):
    for number in range(7):
        write(house, subject_id=str(number))
    client = await house.client(Role.ADMIN)
    seen, cursor = [], None
    while True:
        params = {"limit": "3", "action": "thing.made"} | ({"cursor": cursor} if cursor else {})
        answer = await client.get("/api/v1/audit", params=params)
        seen += [entry["subject_id"] for entry in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
        assert f"cursor={cursor}" in answer.headers["link"]
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_the_feed_goes_on_where_the_reader_stopped(house):
    client = await house.client(Role.SN_SB_READ)
    start = (await client.get("/api/v1/events", params={"limit": "200"})).json()["next_after"]
    write(house, subject_id="1", before={"a": 1}, after={"a": 2})
    first = (await client.get("/api/v1/events", params={"after": start, "type": "thing.made"})).json()
    write(house, subject_id="2")
    second = (await client.get("/api/v1/events", params={"after": first["next_after"], "type": "thing.made"})).json()
    assert [(event["subject_id"], event["changed"]) for event in first["items"]] == [("1", ["a"])]
    assert [event["subject_id"] for event in second["items"]] == ["2"]
    empty = (await client.get("/api/v1/events", params={"after": second["next_after"]})).json()
    assert (empty["items"], empty["next_after"]) == ([], second["next_after"])


@pytest.mark.parametrize("place", ["x", "1.", "-1.2", "9" * 20 + ".1", "1.99999999999999999999", "٣.1"])
async def test_a_place_nobody_was_given_is_refused(house, place):
    client = await house.client(Role.ADMIN)
    answer = await client.get("/api/v1/events", params={"after": place})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_an_event_of_a_slow_transaction_is_not_passed_over(house):
    """On PostgreSQL the later transaction commits first; the feed must wait for the earlier one."""
    if house.context.database.engine_name != "postgresql":
        return  # one writer: there is no earlier transaction that could still be running
    begun, finish = threading.Event(), threading.Event()

    def slowly() -> None:
        with house.context.database.transaction() as session:
            service.record(
                session, actor=SYSTEM, action="slow.made", subject_type="s", subject_id="1", now=house.clock()
            )
            begun.set()
            assert finish.wait(10)

    thread = threading.Thread(target=slowly)
    thread.start()
    assert begun.wait(10)
    write(house, action="fast.made")
    with house.context.database.transaction() as session:
        before = [row.action for row in service.events(session, actions=["slow.made", "fast.made"])]
    finish.set()
    thread.join(10)
    with house.context.database.transaction() as session:
        after = [row.action for row in service.events(session, actions=["slow.made", "fast.made"])]
    assert (before, after) == ([], ["slow.made", "fast.made"])


def test_changes_name_only_what_differs():
    assert changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ({"b": 2, "c": None}, {"b": 3, "c": 4})


def test_a_position_reads_back():
    assert Position.from_text(Position(3, 14).to_text()) == Position(3, 14)
