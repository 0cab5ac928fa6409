from typing import Any

import pytest
from sqlalchemy import update

from consumer_service.audit.domain import SYSTEM
from consumer_service.checks import THIS_INSTANCE
from consumer_service.directory import service as directory
from consumer_service.keys import checks
from consumer_service.keys import service as keys
from consumer_service.keys.domain import Colour, colour_of
from consumer_service.keys.tables import KeyRow, KeySetRow
from shared.signing.envelopes import MasterKey
from shared.signing.errors import EnvelopeRefused
from shared.wire.states import KeyPurpose, Role, Severity
from tests.consumer.instance.world import MASTER, World, called

pytestmark = pytest.mark.anyio

NEXT = MasterKey("mk-two", b"2" * 32)


async def leaves(world: World) -> dict[str, Colour]:
    tree = await world.database.read(keys.health, world.masters, now=world.clock())
    return {leaf.name: leaf.colour for leaf in tree.leaves()}


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        (["grey", "grey"], "grey"),
        (["green", "grey"], "green"),
        (["green", "red"], "yellow"),
        (["green", "yellow"], "yellow"),
        (["red", "grey"], "red"),
        (["red", "red"], "red"),
        (["red", "yellow"], "yellow"),
        ([], "grey"),
    ],
)
def test_a_parents_colour_follows_from_its_childrens(children: list[str], expected: str) -> None:
    assert colour_of([Colour(name) for name in children]) is Colour(expected)


async def test_a_fresh_ring_is_healthy_and_every_leaf_green(world: World) -> None:
    await world.create_record()
    found = await leaves(world)
    assert set(found.values()) == {Colour.GREEN}
    assert {"master_key", "published", "expiry", "random_source", "round_trip", "sign_identity"} <= set(found)
    assert await checks.key_management_is_healthy(world.context, THIS_INSTANCE) == []


async def test_before_the_record_there_is_nothing_to_be_ill(world: World) -> None:
    assert await leaves(world) == {
        "master_key": Colour.GREEN,
        "key_ring": Colour.GREY,
        "sign_identity": Colour.GREY,
        "sign_http": Colour.GREY,
        "sign_token": Colour.GREY,
        "published": Colour.GREY,
        "expiry": Colour.GREY,
        "random_source": Colour.GREEN,
        "round_trip": Colour.GREY,
        "age": Colour.GREY,
    }


async def test_without_its_master_key_nothing_opens(world: World) -> None:
    await world.create_record()
    world.masters.clear()
    world.masters[NEXT.name] = NEXT
    found = await leaves(world)
    assert found["master_key"] is Colour.RED
    assert found["sign_http"] is Colour.RED
    assert found["round_trip"] is Colour.RED
    findings = await checks.key_management_is_healthy(world.context, THIS_INSTANCE)
    assert {finding.severity for finding in findings} == {Severity.ERROR}


async def test_a_ring_changed_behind_the_key_sets_back_is_found(world: World) -> None:
    await world.create_record()
    forged = update(KeyRow).where(KeyRow.purpose == "token").values(state="retiring")
    await world.database.write(lambda session: session.execute(forged) and None)
    assert (await leaves(world))["published"] is Colour.RED


async def test_a_key_swapped_for_another_does_not_open_in_its_place(world: World) -> None:
    await world.create_record()

    def swap(session: Any) -> None:
        rows = {row.purpose: row for row in session.query(KeyRow)}
        rows["http"].private_sealed = rows["identity"].private_sealed

    await world.database.write(swap)
    assert (await leaves(world))["sign_http"] is Colour.RED


async def test_a_renewal_that_does_not_happen_is_a_warning_and_then_an_error(world: World) -> None:
    await world.create_record()
    world.clock.pass_by(days=20, hours=1)
    assert (await leaves(world))["expiry"] is Colour.GREEN
    world.clock.pass_by(days=1)
    assert (await leaves(world))["expiry"] is Colour.YELLOW
    world.clock.pass_by(days=9)
    assert (await leaves(world))["expiry"] is Colour.RED


async def test_a_tampered_key_set_is_found(world: World) -> None:
    await world.create_record()

    def tamper(session: Any) -> None:
        row = session.query(KeySetRow).one()
        row.statement = {**row.statement, "signature": row.statement["signature"][:-4] + "AAAA"}

    await world.database.write(tamper)
    assert (await leaves(world))["published"] is Colour.RED


@pytest.mark.parametrize(
    "damage", [{"private_sealed": "rubbish"}, {"algorithm": "RS256"}, {"public_jwk": {"kty": "x"}}]
)
async def test_a_damaged_row_is_a_finding_and_never_a_failure_of_the_diagnosis(
    world: World, damage: dict[str, Any]
) -> None:
    await world.create_record()
    statement = update(KeyRow).where(KeyRow.purpose == "http").values(**damage)
    await world.database.write(lambda session: session.execute(statement) and None)
    assert (await leaves(world))["sign_http"] is Colour.RED


async def test_old_keys_are_a_warning(world: World) -> None:
    await world.create_record()
    world.clock.pass_by(days=366)
    assert (await leaves(world))["age"] is Colour.YELLOW


async def test_the_tree_is_for_key_roles_and_others_learn_who_can_assign_them(world: World) -> None:
    await world.create_record()
    await world.database.write(
        directory.add_user,
        email="kim@desk.example",
        name="Kim Key",
        roles={Role.SN_KMF_ADMIN},
        actor=SYSTEM,
        now=world.clock(),
    )
    plain = (await world.client.get("/api/v1/keys/health", headers=called("x", Role.ADMIN))).json()
    assert plain == {
        "verdict": "healthy",
        "tree": None,
        "roles_needed": ["sn_kmf.admin", "sn_kmf.cryptographic_manager", "sn_kmf.cryptographic_auditor"],
        "assigned_by": ["Kim Key"],
    }
    headers = called("x", Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR)
    full = (await world.client.get("/api/v1/keys/health", headers=headers)).json()
    assert (full["tree"]["colour"], full["roles_needed"]) == ("green", [])


async def test_rewrapping_moves_the_ring_to_the_new_master_key_and_the_old_one_can_go(world: World) -> None:
    await world.create_record()
    world.masters.clear()
    world.masters |= {NEXT.name: NEXT, MASTER.name: MASTER}
    assert (await leaves(world))["master_key"] is Colour.YELLOW
    answer = await world.client.post("/api/v1/keys/rewrap", headers=called("rewrap-0123456789"))
    assert (answer.json()["rewrapped"], answer.json()["tables"]["keys.private_sealed"]) == (4, 4)
    del world.masters[MASTER.name]
    assert set((await leaves(world)).values()) == {Colour.GREEN}


async def test_application_secrets_stay_readable_through_rotation_and_rewrapping_but_only_in_their_place(
    world: World,
) -> None:
    await world.create_record()
    place = {"table": "mailboxes", "row": "1", "column": "token"}
    text = await world.database.read(keys.seal, world.masters, b"secret", **place)
    await world.client.post("/api/v1/keys/rotations", json={"purpose": "data"}, headers=called("rotate-0123456789"))
    assert await world.database.read(keys.open_sealed, world.masters, text, **place) == b"secret"
    fresh = await world.database.read(keys.seal, world.masters, b"secret", **place)
    assert fresh.split(".")[1] != text.split(".")[1]
    with pytest.raises(EnvelopeRefused):
        await world.database.read(keys.open_sealed, world.masters, text, **{**place, "row": "2"})


async def test_an_address_answered_by_another_instance_is_found(world: World) -> None:
    await world.create_record()
    assert await checks.address_answers_as_us(world.context, THIS_INSTANCE) == []
    key = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    await world.database.write(
        keys.compromise, world.masters, key.kid, reason="", actor=SYSTEM, hooks=world.hooks, now=world.clock()
    )
    assert len(await checks.address_answers_as_us(world.context, THIS_INSTANCE)) == 1
