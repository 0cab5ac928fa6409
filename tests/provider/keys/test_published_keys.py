import json

import pytest

from provider_service.keys import service as keys
from shared.signing.keysets import read_key_set, verifying_keys
from shared.transport.client import PeerClient
from shared.wire.discovery import Discovery, KeySet, SignedStatement
from shared.wire.states import KeyPurpose
from tests.provider.instance.world import World

pytestmark = pytest.mark.anyio


def key_set_of(world: World, document: bytes, *, pinned: str | None = None) -> KeySet:
    statement = SignedStatement.model_validate(json.loads(document)["key_set"])
    now = int(world.clock.seconds())
    return read_key_set(statement, pinned_jkt=pinned or statement.kid, minimum_sequence=1, now=now)


async def test_discovery_is_signed_by_a_key_of_the_set_inside_it(world: World) -> None:
    created = await world.create_record()
    peers: PeerClient = world.context.peers

    def keys_from(body: bytes) -> dict[str, object]:
        return verifying_keys(key_set_of(world, body), KeyPurpose.HTTP)

    reply = await peers.fetch_signed("https://desk.example", "/.well-known/service-exchange", keys_from=keys_from)
    document = Discovery.model_validate_json(reply.body)
    assert (document.issuer, document.instance_id) == (created["issuer"], created["instance_id"])
    assert document.roles == ["provider"]


async def test_the_echo_names_instance_epoch_and_time_and_is_signed(world: World) -> None:
    created = await world.create_record()
    ours = await world.database.read(keys.verifiers, KeyPurpose.HTTP)
    reply = await world.context.peers.fetch_signed(
        "https://desk.example", "/exchange/v1/echo", keys_from=lambda _body: ours
    )
    assert json.loads(reply.body) == {
        "issuer": "https://desk.example",
        "instance_id": created["instance_id"],
        "epoch": 1,
        "time": int(world.clock.seconds() * 1000),
    }


async def test_the_first_key_set_holds_one_active_key_of_each_published_purpose(world: World) -> None:
    await world.create_record()
    found = key_set_of(world, (await world.client.get("/.well-known/service-exchange")).content)
    assert [(key.purpose, key.state) for key in found.keys] == [
        ("identity", "active"),
        ("http", "active"),
        ("token", "active"),
    ]
    assert found.sequence == 1


async def test_a_key_set_is_renewed_ten_days_before_it_expires_with_a_higher_sequence(world: World) -> None:
    await world.create_record()
    world.clock.pass_by(days=19)
    assert not await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())
    world.clock.pass_by(days=2)
    assert await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())
    found = key_set_of(world, (await world.client.get("/.well-known/service-exchange")).content)
    assert (found.sequence, found.expires) == (2, int(world.clock.seconds()) + 30 * 86_400)
    assert not await world.database.write(keys.tend, world.masters, hooks=world.hooks, now=world.clock())


async def test_making_the_ring_twice_changes_nothing(world: World) -> None:
    from provider_service.audit.domain import SYSTEM

    await world.create_record()
    before = await world.database.read(keys.list_keys)
    await world.database.write(keys.ensure_ring, world.masters, actor=SYSTEM, now=world.clock())
    assert await world.database.read(keys.list_keys) == before
    assert await world.database.read(keys.sequence) == 1


async def test_no_private_key_stands_open_in_the_database(world: World) -> None:
    from sqlalchemy import select

    from provider_service.keys.tables import KeyRow

    await world.create_record()
    private = await world.database.read(keys.signer, world.masters, KeyPurpose.HTTP)
    rows = await world.database.read(lambda session: list(session.execute(select(KeyRow.private_sealed)).scalars()))
    assert len(rows) == 4
    assert all(text.startswith("sx1.mk-one.1.") for text in rows)
    assert not any(private.to_bytes().hex() in text for text in rows)
