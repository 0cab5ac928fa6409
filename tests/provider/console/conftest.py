"""The fixtures of the console's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.wire.states import Role
from tests.provider.console.world import STAFF, Browser, World, world_at


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[World]:
    """A provider on its first day: no record, nobody."""
    async with world_at(tmp_path) as world:
        yield world


@pytest.fixture
async def world(bare: World) -> World:
    """A provider with its record, and a consumer."""
    await bare.record()
    return bare


@pytest.fixture
async def admin(world: World) -> Browser:
    return await world.browser(Role.ADMIN, name="Ada Lovelace")


@pytest.fixture
async def chief(world: World) -> Browser:
    """Somebody with every role of the staff, those over keys too."""
    return await world.browser(*STAFF, name="Ada Lovelace")
