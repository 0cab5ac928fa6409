"""The identity key under a master key of its own: who opens it, who does without, and how it gets there."""

import pytest

from consumer_service.app import create_app
from consumer_service.audit.domain import SYSTEM
from consumer_service.keys import service as keys
from consumer_service.keys.domain import Colour
from consumer_service.keys.service import ring
from consumer_service.keys.tables import KeyRow
from consumer_service.settings import Settings
from consumer_service.worker import keys_turn
from shared.runtime.settings import SettingsRefused, load
from shared.signing.envelopes import MasterKey, MasterKeys, sealed_under
from shared.signing.errors import EnvelopeMasterUnknown
from shared.wire.errors import ExchangeError, Unavailable
from shared.wire.states import KeyPurpose, KeyState
from tests.consumer.instance.world import World

pytestmark = pytest.mark.anyio

COMMON, IDENTITY = MasterKey("mk-common", b"1" * 32), MasterKey("mk-identity", b"2" * 32)
WHOLE = MasterKeys([COMMON], [IDENTITY])
WORKER = MasterKeys([COMMON], [])


async def begun(world: World, masters: dict[str, MasterKey]) -> None:
    """The instance has its record, and keys made under these master keys."""
    await world.create_record()

    def replaced(session: object) -> None:
        keys.replace_ring(session, masters, actor=SYSTEM, now=world.clock())  # type: ignore[arg-type]
        for row in ring.store.all_keys(session):  # type: ignore[arg-type]
            if row.state != KeyState.ACTIVE:
                session.delete(row)  # type: ignore[attr-defined]  # sealed under the world's first master key

    await world.database.write(replaced)


async def sealed(world: World) -> dict[str, str]:
    """Name of the master key each active key is sealed under, by purpose."""

    def look(session: object) -> dict[str, str]:
        rows: list[KeyRow] = list(ring.store.all_keys(session))  # type: ignore[arg-type]
        return {row.purpose: sealed_under(row.private_sealed) for row in rows if row.state == KeyState.ACTIVE}

    return await world.database.read(look)


async def test_the_identity_is_sealed_under_its_own_master_key_and_the_others_are_not(world: World) -> None:
    await begun(world, WHOLE)
    assert await sealed(world) == {
        "identity": IDENTITY.name,
        "http": COMMON.name,
        "token": COMMON.name,
        "data": COMMON.name,
    }


async def test_a_process_without_it_signs_requests_and_tokens_and_publishes_nothing(world: World) -> None:
    await begun(world, WHOLE)
    for purpose in (KeyPurpose.HTTP, KeyPurpose.TOKEN):
        await world.database.read(keys.signer, WORKER, purpose)
    with pytest.raises(Unavailable) as refusal:
        await world.database.write(
            keys.stage, WORKER, KeyPurpose.HTTP, actor=SYSTEM, hooks=keys.NO_HOOKS, now=world.clock()
        )
    assert refusal.value.code == "identity_locked"
    assert {found.state for found in await world.database.read(keys.list_keys)} >= {KeyState.ACTIVE}
    tree = await world.database.read(keys.health, WORKER, now=world.clock())
    colours = {leaf.name: leaf.colour for leaf in tree.leaves()}
    assert (colours["master_key"], colours["sign_identity"], colours["sign_http"], colours["published"]) == (
        Colour.GREEN,
        Colour.GREY,
        Colour.GREEN,
        Colour.GREEN,
    )


async def test_the_common_master_key_alone_does_not_open_the_identity(world: World) -> None:
    await begun(world, WHOLE)
    with pytest.raises(EnvelopeMasterUnknown):
        await world.database.read(keys.signer, {COMMON.name: COMMON}, KeyPurpose.IDENTITY)


async def test_an_identity_from_before_goes_on_opening_and_rewrap_moves_it(world: World) -> None:
    await begun(world, {COMMON.name: COMMON})
    kid = await world.database.read(keys.identity_thumbprint)
    assert (await world.database.read(keys.signer, WHOLE, KeyPurpose.IDENTITY)).kid == kid
    tree = await world.database.read(keys.health, WHOLE, now=world.clock())
    assert {leaf.name: leaf.colour for leaf in tree.leaves()}["master_key"] is Colour.YELLOW
    assert await world.database.write(keys.rewrap, WHOLE, actor=SYSTEM, now=world.clock()) == 1
    assert (await sealed(world))["identity"] == IDENTITY.name
    assert (await world.database.read(keys.signer, WHOLE, KeyPurpose.IDENTITY)).kid == kid
    assert await world.database.write(keys.rewrap, WHOLE, actor=SYSTEM, now=world.clock()) == 0


async def test_only_a_process_with_the_identity_tends_the_keys(world: World) -> None:
    from dataclasses import replace

    assert [turn.name for turn in keys_turn(replace(world.context, masters=WHOLE))] == ["keys"]
    assert keys_turn(replace(world.context, masters=WORKER)) == []


def refused(monkeypatch: pytest.MonkeyPatch, **given: str) -> str:
    """Code of what keeps a production instance from being put together."""
    settings = {"ENVIRONMENT": "production", "ISSUER": "https://hub.example", "MASTER_KEY": "A" * 43 + "="}
    for name, value in {**settings, **given}.items():
        monkeypatch.setenv(f"CONSUMER_{name}", value)
    with pytest.raises(ExchangeError) as caught:
        create_app(load(Settings))
    assert isinstance(caught.value, SettingsRefused)
    return caught.value.code


def test_serving_in_production_needs_a_master_key_for_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch) == "identity_master_key"


def test_the_identity_s_master_key_must_not_be_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, IDENTITY_MASTER_KEY="A" * 43 + "=") == "identity_master_key"
