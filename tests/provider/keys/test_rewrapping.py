"""Rewrapping: everything that is sealed under a master key moves, by batches, and the earlier master key can go."""

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from provider_service import cli, composition
from provider_service.audit.domain import SYSTEM
from provider_service.invitations.tables import Invitation
from provider_service.keys import calls, store
from provider_service.keys import service as keys
from provider_service.keys.domain import SealedColumn
from provider_service.keys.tables import KeyRow
from shared.signing.envelopes import MasterKey, open_sealed, seal, sealed_under
from tests.provider.instance.world import MASTER, World, called

pytestmark = pytest.mark.anyio

NEXT, STRANGE = MasterKey("mk-two", b"2" * 32), MasterKey("mk-strange", b"3" * 32)
PLACE = SealedColumn("invitations", "id", "token_sealed")
METADATAS = cli.metadatas()
"""Read before the tables of the tests are made, which are those of every slice then."""

COUNT = 450
"""More than two batches."""


_AT = datetime(2026, 11, 1, tzinfo=UTC)


def more(number: int) -> dict[str, Any]:
    return {
        "number": f"REG{number:07d}",
        "audience": "https://desk.example",
        "jti_hash": f"{number:064d}",
        "state": "issued",
        "issued_at": _AT,
        "expires_at": _AT,
    }


def token(number: int, master: MasterKey) -> dict[str, Any]:
    """An invitation whose token is sealed under ``master``."""
    row = f"invitation-{number:04d}"
    place = {"table": "invitations", "row": row, "column": "token_sealed"}
    return {"id": row, "token_sealed": seal(row.encode(), master=master, version=1, **place), **more(number)}


async def begun(world: World, *strange: dict[str, Any]) -> None:
    """Tokens sealed under the present master key, which then becomes the earlier one."""
    await world.create_record()
    rows = [token(number, MASTER) for number in range(COUNT)]
    await world.database.write(lambda session: session.execute(insert(Invitation), [*rows, *strange]) and None)
    world.masters.clear()
    world.masters |= {NEXT.name: NEXT, MASTER.name: MASTER}


async def rewrap(world: World) -> dict[str, Any]:
    done = await calls.rewrap(world.database, world.masters, [PLACE], actor=SYSTEM, clock=world.clock)
    return {"moved": dict(done.moved), "left": dict(done.left)}


async def envelopes(world: World) -> dict[str, str]:
    found = await world.database.read(
        lambda session: session.execute(select(Invitation.id, Invitation.token_sealed)).all()
    )
    return {row: sealed for row, sealed in found if sealed is not None}


async def test_everything_moves_and_opens_when_the_earlier_master_key_is_gone(world: World) -> None:
    await begun(world)
    assert await rewrap(world) == {"moved": {calls.RING: 4, str(PLACE): COUNT}, "left": {str(PLACE): 0}}
    del world.masters[MASTER.name]
    for row, sealed in (await envelopes(world)).items():
        place = {"table": "invitations", "row": row, "column": "token_sealed"}
        assert open_sealed(sealed, masters=world.masters, **place) == row.encode()
    assert await rewrap(world) == {"moved": {calls.RING: 0, str(PLACE): 0}, "left": {str(PLACE): 0}}


async def test_one_that_was_interrupted_goes_on_where_it_stopped(world: World) -> None:
    await begun(world)
    first = await world.database.write(keys.rewrap_batch, world.masters, PLACE)
    assert (first.moved, first.left, first.last) == (200, 0, "invitation-0199")
    assert (await rewrap(world))["moved"][str(PLACE)] == COUNT - 200


async def test_what_does_not_open_is_told_and_stays_as_it_is(world: World) -> None:
    strange = token(COUNT, STRANGE)
    damaged = token(COUNT + 1, MASTER) | {"token_sealed": "not an envelope"}
    await begun(world, strange, damaged)
    assert await rewrap(world) == {"moved": {calls.RING: 4, str(PLACE): COUNT}, "left": {str(PLACE): 2}}
    kept = await envelopes(world)
    assert [kept[one["id"]] for one in (strange, damaged)] == [one["token_sealed"] for one in (strange, damaged)]


async def test_what_is_sealed_under_a_data_key_stays_for_its_data_key_has_moved(world: World) -> None:
    await begun(world)
    place = {"table": "invitations", "row": "invitation-0000", "column": "token_sealed"}
    text = await world.database.read(keys.seal, world.masters, b"lasting", **place)
    await world.database.write(
        store.swap_sealed, PLACE.names, place["row"], old=(await envelopes(world))[place["row"]], new=text
    )
    assert (await rewrap(world))["moved"][str(PLACE)] == COUNT - 1
    del world.masters[MASTER.name]
    assert (await envelopes(world))[place["row"]] == text
    assert await world.database.read(keys.open_sealed, world.masters, text, **place) == b"lasting"


async def test_what_somebody_changed_meanwhile_is_theirs(world: World) -> None:
    await begun(world)
    old = (await envelopes(world))["invitation-0000"]
    swap = {"old": "what was read before", "new": "rewrapped"}
    assert await world.database.write(store.swap_sealed, PLACE.names, "invitation-0000", **swap) is False
    assert (await envelopes(world))["invitation-0000"] == old


async def test_the_api_tells_the_counts_of_every_table(world: World) -> None:
    await world.create_record()
    world.app.state.key_hooks = composition.key_hooks()
    world.masters |= {NEXT.name: NEXT}
    answer = await world.client.post("/api/v1/keys/rewrap", headers=called("rewrap-everything"))
    assert set(answer.json()["tables"]) == {calls.RING, *(str(place) for place in composition.SEALED)}
    assert set(answer.json()["left"]) == {str(place) for place in composition.SEALED}


def test_no_column_of_envelopes_is_forgotten() -> None:
    columns = {
        (table.name, column.name)
        for metadata in METADATAS
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    listed = {(one.table, one.column) for one in composition.SEALED}
    assert columns == {(KeyRow.__tablename__, "private_sealed"), *listed}
    tables = {name: table for metadata in METADATAS for name, table in metadata.tables.items()}
    for place in composition.SEALED:
        assert [column.name for column in tables[place.table].primary_key] == [place.row]


def test_whatever_is_sealed_goes_into_a_column_that_says_so() -> None:
    """So that the test above sees it."""
    named = set()
    for path in Path(cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("seal"):
                given = {word.arg: word.value for word in node.keywords}
                named |= {one.value for one in [given.get("column")] if isinstance(one, ast.Constant)}
    assert {name for name in named if not str(name).endswith("_sealed")} <= {"sample"}


def test_an_envelope_names_the_master_key_it_needs() -> None:
    assert sealed_under(token(1, NEXT)["token_sealed"]) == NEXT.name
