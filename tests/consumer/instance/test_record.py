import asyncio

import pytest

from consumer_service.checks import THIS_INSTANCE
from consumer_service.instance import checks as instance_checks
from consumer_service.instance import service
from consumer_service.instance.domain import Standing
from shared.runtime.marker import read_marker
from shared.wire.states import Role
from tests.consumer.instance.world import ADA, RECORD, World, called

pytestmark = pytest.mark.anyio


async def test_the_record_is_created_with_the_configured_address_and_an_id_of_its_own(world: World) -> None:
    created = await world.create_record()
    assert created["issuer"] == "https://desk.example"
    assert created["epoch"] == 1
    read = await world.client.get("/api/v1/instance")
    assert read.json() == created


async def test_two_creations_at_once_leave_one_record(world: World) -> None:
    calls = [
        world.client.post("/api/v1/instance", json=RECORD, headers=called(f"click-{n}-0123456789")) for n in range(4)
    ]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"instance_exists"}


async def test_a_repeated_creation_gets_the_stored_answer(world: World) -> None:
    created = await world.create_record()
    again = await world.client.post("/api/v1/instance", json=RECORD, headers=called("create-record"))
    assert (again.status_code, again.json()) == (201, created)


async def test_a_name_with_a_blank_is_refused_with_its_pointer(world: World) -> None:
    answer = await world.client.post(
        "/api/v1/instance", json={**RECORD, "name": "desk one"}, headers=called("create-blank-name")
    )
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/name"]


async def test_a_change_needs_the_version_it_starts_from(world: World) -> None:
    await world.create_record()
    etag = (await world.client.get("/api/v1/instance")).headers["etag"]
    patch = {"support_contact": "help@desk.example"}
    assert (await world.client.patch("/api/v1/instance", json=patch)).status_code == 428
    changed = await world.client.patch("/api/v1/instance", json=patch, headers={"if-match": etag})
    assert changed.json()["support_contact"] == "help@desk.example"
    assert changed.headers["etag"] != etag
    stale = await world.client.patch("/api/v1/instance", json=patch, headers={"if-match": etag})
    assert stale.status_code == 412


@pytest.mark.parametrize("member", ["issuer", "instance_id", "epoch"])
async def test_address_id_and_epoch_cannot_be_changed(world: World, member: str) -> None:
    await world.create_record()
    etag = (await world.client.get("/api/v1/instance")).headers["etag"]
    answer = await world.client.patch("/api/v1/instance", json={member: "x"}, headers={"if-match": etag})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_member")


async def test_only_an_administrator_creates_the_record(world: World) -> None:
    headers = called("create-as-reader", Role.SN_SB_READ)
    answer = await world.client.post("/api/v1/instance", json=RECORD, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_before_creation_the_api_says_that_nothing_is_there_and_peers_are_asked_to_come_again(
    world: World,
) -> None:
    assert (await world.client.get("/api/v1/instance")).json()["code"] == "instance_missing"
    echo = await world.client.get("/exchange/v1/echo")
    assert (echo.status_code, echo.json()["code"]) == (503, "instance_missing")


async def test_the_marker_is_written_at_creation_and_agrees(world: World) -> None:
    created = await world.create_record()
    marker = read_marker(world.context.settings.data_dir)
    assert marker is not None
    assert (marker.instance_id, marker.epoch) == (created["instance_id"], 1)
    assert (await world.client.get("/api/v1/instance/standing")).json() == {"standing": "agree", "muted": False}


async def test_a_database_without_its_marker_mutes_the_instance(world: World) -> None:
    await world.create_record()
    (world.context.settings.data_dir / "instance.json").unlink()
    assert (await world.client.get("/api/v1/instance/standing")).json()["standing"] == "unmarked"
    for path in ("/exchange/v1/echo", "/.well-known/service-exchange"):
        answer = await world.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "instance_muted")
    findings = await instance_checks.standing_is_clear(world.context, THIS_INSTANCE)
    assert len(findings) == 1


async def test_a_declared_restore_is_the_same_instance_in_the_next_epoch(world: World) -> None:
    created = await world.create_record()
    (world.context.settings.data_dir / "instance.json").unlink()
    answer = await world.client.post(
        "/api/v1/instance/declarations", json={"decision": "restored"}, headers=called("declare-restored")
    )
    assert (answer.json()["instance_id"], answer.json()["epoch"]) == (created["instance_id"], 2)
    assert (await world.client.get("/exchange/v1/echo")).json()["epoch"] == 2


async def test_a_declared_copy_is_another_instance_with_other_keys(world: World) -> None:
    created = await world.create_record()
    before = (await world.client.get("/.well-known/service-exchange")).json()
    answer = await world.client.post(
        "/api/v1/instance/declarations", json={"decision": "copy"}, headers=called("declare-as-copy")
    )
    assert answer.json()["instance_id"] != created["instance_id"]
    after = (await world.client.get("/.well-known/service-exchange")).json()
    assert after["instance_id"] == answer.json()["instance_id"]
    assert after["key_set"]["kid"] != before["key_set"]["kid"]


async def test_a_repeated_declaration_does_not_mark_again(world: World) -> None:
    await world.create_record()
    headers = called("declare-restored")
    await world.client.post("/api/v1/instance/declarations", json={"decision": "restored"}, headers=headers)
    (world.context.settings.data_dir / "instance.json").unlink()
    await world.client.post("/api/v1/instance/declarations", json={"decision": "restored"}, headers=headers)
    standing = await world.database.read(service.state, world.context.settings.data_dir)
    assert standing is Standing.UNMARKED


async def test_every_change_stands_in_the_audit_trail(world: World) -> None:
    from consumer_service.audit import service as audit

    await world.create_record()
    etag = (await world.client.get("/api/v1/instance")).headers["etag"]
    await world.client.patch("/api/v1/instance", json={"name": "desk-two"}, headers={"if-match": etag})
    trail = await world.database.read(audit.trail, filters={"subject_type": "instance"})
    assert [(entry.action, entry.actor_id) for entry in trail] == [
        ("instance.updated", ADA.id),
        ("instance.created", ADA.id),
    ]
    assert (trail[0].before, trail[0].after) == ({"name": "desk-one"}, {"name": "desk-two"})
