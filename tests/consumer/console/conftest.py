"""The fixtures of the console's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.wire.states import Role
from tests.consumer.console.world import Browser, World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A consumer with its record, and a provider."""
    async with world_at(tmp_path) as world:
        await world.record()
        yield world


@pytest.fixture
async def admin(world: World) -> Browser:
    return await world.browser(Role.ADMIN, name="Ada Lovelace")
