import json
from typing import Any

import pytest

from provider_service.audit.domain import SYSTEM
from provider_service.keys import service as keys
from shared.signing.errors import SignatureRefused
from shared.signing.statements import read_statement
from shared.wire.discovery import SignedStatement
from shared.wire.errors import Conflict
from shared.wire.states import KeyPurpose, Role
from tests.patience import PATIENCE_SECONDS
from tests.provider.instance.world import World, called

pytestmark = pytest.mark.anyio


async def rotate(world: World, purpose: str, key: str = "rotate-0123456789") -> dict[str, Any]:
    answer = await world.client.post("/api/v1/keys/rotations", json={"purpose": purpose}, headers=called(key))
    assert answer.status_code == 201, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


async def states(world: World, purpose: str) -> list[str]:
    ring = (await world.client.get("/api/v1/keys")).json()["items"]
    return [key["state"] for key in ring if key["purpose"] == purpose]


async def published(world: World) -> dict[str, str]:
    statement = SignedStatement.model_validate(
        (await world.client.get("/.well-known/service-exchange")).json()["key_set"]
    )
    payload = read_statement(statement, context="service-exchange-keyset-v1", identity=statement.kid)
    return {key["kid"]: key["state"] for key in json.loads(payload)["keys"]}


async def test_a_new_key_signs_only_after_every_connection_has_acknowledged_it(world: World) -> None:
    await world.create_record()
    world.connections |= {"c1", "c2"}
    staged = await rotate(world, "http")
    assert (staged["state"], staged["waiting"]) == ("pre_active", ["c1", "c2"])
    assert (await published(world))[staged["kid"]] == "pre_active"
    notice = await world.database.read(keys.pending_notice, world.connections)
    assert notice is not None
    assert (notice.sequence, notice.connection_ids) == (2, ("c1", "c2"))

    for connection in ("c1", "c2"):
        signer = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
        assert signer.kid != staged["kid"]
        await world.database.write(keys.acknowledge, connection_id=connection, sequence=2, now=world.clock())
        await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())
    signer = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    assert signer.kid == staged["kid"]
    assert await states(world, "http") == ["retiring", "active"]


async def test_without_connections_a_rotation_ends_at_once(world: World) -> None:
    await world.create_record()
    assert (await rotate(world, "http"))["state"] == "active"
    assert await states(world, "http") == ["retiring", "active"]


async def test_a_replaced_key_verifies_for_a_day_and_a_replaced_token_key_for_thirty(world: World) -> None:
    await world.create_record()
    await rotate(world, "http", "rotate-http-0123456")
    await rotate(world, "token", "rotate-token-012345")
    world.clock.pass_by(hours=25)
    await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())
    assert (await states(world, "http"), await states(world, "token")) == (
        ["retired", "active"],
        ["retiring", "active"],
    )
    assert len(await world.database.read(keys.verifiers, KeyPurpose.HTTP)) == 1
    assert len(await world.database.read(keys.verifiers, KeyPurpose.TOKEN)) == 2
    world.clock.pass_by(days=30)
    await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())
    assert await states(world, "token") == ["retired", "active"]


async def test_an_operator_may_insist_where_a_peer_stays_silent(world: World) -> None:
    await world.create_record()
    world.connections.add("c1")
    staged = await rotate(world, "http")
    path = f"/api/v1/keys/{staged['kid']}/activate"
    refused = await world.client.post(path, json={}, headers=called("activate-0123456789"))
    assert (refused.status_code, refused.json()["code"]) == (409, "not_acknowledged")
    insisted = await world.client.post(path, json={"insist": True}, headers=called("insist-0123456789"))
    assert insisted.json()["state"] == "active"


async def test_a_second_rotation_waits_for_the_first(world: World) -> None:
    await world.create_record()
    world.connections.add("c1")
    await rotate(world, "http")
    answer = await world.client.post(
        "/api/v1/keys/rotations", json={"purpose": "http"}, headers=called("rotate-again-0123456")
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "rotation_running")


async def test_the_identity_is_not_rotated(world: World) -> None:
    await world.create_record()
    answer = await world.client.post(
        "/api/v1/keys/rotations", json={"purpose": "identity"}, headers=called("rotate-identity-01")
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "not_rotatable")


async def test_a_compromised_key_is_worthless_at_once_and_has_a_successor(world: World) -> None:
    await world.create_record()
    lost = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    answer = await world.client.post(
        f"/api/v1/keys/{lost.kid}/compromise", json={"reason": "stolen"}, headers=called("compromise-01234567")
    )
    outcome = answer.json()
    assert (outcome["key"]["state"], outcome["successor"]["state"]) == ("compromised", "active")
    assert outcome["connections_suspended"] is False
    listed = await published(world)
    assert lost.kid not in listed
    assert listed[outcome["successor"]["kid"]] == "active"
    assert lost.kid not in await world.database.read(keys.verifiers, KeyPurpose.HTTP)
    again = await world.client.post(
        f"/api/v1/keys/{lost.kid}/compromise", json={"reason": "again"}, headers=called("compromise-again-01")
    )
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_a_staged_key_takes_over_when_the_active_one_is_compromised(world: World) -> None:
    await world.create_record()
    world.connections.add("c1")
    active = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    staged = await rotate(world, "http")
    answer = await world.client.post(
        f"/api/v1/keys/{active.kid}/compromise", json={"reason": "stolen"}, headers=called("compromise-01234567")
    )
    assert answer.json()["successor"]["kid"] == staged["kid"]


async def test_a_compromised_staged_key_has_no_successor(world: World) -> None:
    await world.create_record()
    world.connections.add("c1")
    staged = await rotate(world, "http")
    answer = await world.client.post(
        f"/api/v1/keys/{staged['kid']}/compromise", json={"reason": "leaked"}, headers=called("compromise-01234567")
    )
    assert answer.json()["successor"] is None


async def test_a_lost_identity_suspends_connections_and_nothing_counts_as_acknowledged(world: World) -> None:
    await world.create_record()
    await world.database.write(keys.acknowledge, connection_id="c1", sequence=1, now=world.clock())
    identity = await world.database.read(keys.identity_thumbprint)
    answer = await world.client.post(
        f"/api/v1/keys/{identity}/compromise", json={"reason": "stolen"}, headers=called("compromise-01234567")
    )
    assert answer.json()["connections_suspended"] is True
    assert world.told == ["identity_lost"]
    assert await world.database.read(keys.identity_thumbprint) != identity
    notice = await world.database.read(keys.pending_notice, ["c1"])
    assert notice is not None


async def test_rekeying_replaces_the_identity_and_suspends_connections(world: World) -> None:
    await world.create_record()
    identity = await world.database.read(keys.identity_thumbprint)
    answer = await world.client.post(
        "/api/v1/keys/rekey", json={"reason": "new hardware"}, headers=called("rekey-0123456789")
    )
    assert answer.json()["kid"] == await world.database.read(keys.identity_thumbprint) != identity
    assert world.told == ["identity_lost"]
    assert (await world.client.get("/.well-known/service-exchange")).json()["key_set"]["kid"] != identity


async def test_the_holder_signs_answers_with_the_new_key_after_a_change(world: World) -> None:
    await world.create_record()
    lost = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    ours = {lost.kid: lost.public}
    await world.context.peers.fetch_signed("https://desk.example", "/exchange/v1/echo", keys_from=lambda _body: ours)
    await world.database.write(
        keys.compromise, world.masters, lost.kid, reason="", actor=SYSTEM, hooks=world.hooks, now=world.clock()
    )
    await world.holder.refresh()
    with pytest.raises(Exception, match="not signed") as refusal:
        await world.context.peers.fetch_signed(
            "https://desk.example", "/exchange/v1/echo", keys_from=lambda _body: ours
        )
    assert isinstance(refusal.value.__cause__, SignatureRefused)


async def test_the_holder_notices_a_change_without_being_asked(world: World) -> None:
    import asyncio

    await world.create_record()
    before = world.holder.http()
    following = asyncio.create_task(world.holder.follow())
    try:
        await rotate(world, "http")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while world.holder.http() == before:  # noqa: ASYNC110 - the holder offers nothing to wait for
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_only_a_cryptographic_manager_rotates_and_only_holders_of_key_roles_list(world: World) -> None:
    await world.create_record()
    auditor = called("rotate-0123456789", Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR, Role.ADMIN)
    answer = await world.client.post("/api/v1/keys/rotations", json={"purpose": "http"}, headers=auditor)
    assert answer.status_code == 403
    assert (await world.client.get("/api/v1/keys", headers=auditor)).status_code == 200
    assert (await world.client.get("/api/v1/keys", headers=called("x", Role.ADMIN))).status_code == 403


async def test_a_lower_acknowledgement_than_before_changes_nothing(world: World) -> None:
    await world.create_record()
    for sequence in (3, 1):
        await world.database.write(keys.acknowledge, connection_id="c1", sequence=sequence, now=world.clock())
    assert await world.database.read(keys.pending_notice, ["c1"]) is None
    await world.database.write(keys.forget, connection_id="c1")
    assert await world.database.read(keys.pending_notice, ["c1"]) is not None


async def test_two_keys_of_a_purpose_are_never_active_together(world: World) -> None:
    from sqlalchemy import update
    from sqlalchemy.exc import IntegrityError

    from provider_service.keys.tables import KeyRow

    await world.create_record()
    await rotate(world, "http")
    everything = update(KeyRow).where(KeyRow.purpose == "http").values(state="active")
    with pytest.raises(IntegrityError):
        await world.database.write(lambda session: session.execute(everything) and None)
    with pytest.raises(Conflict):
        await world.database.write(
            keys.activate,
            world.masters,
            (await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)).kid,
            insist=True,
            actor=SYSTEM,
            hooks=world.hooks,
            now=world.clock(),
        )
