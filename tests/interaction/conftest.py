"""Worlds at the stages tests begin at; on SQLite, where a test does not name its engines (`stages.ENGINES`)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.interaction.stages import Ground, Stages
from tests.interaction.world import World


@pytest.fixture
def engine() -> str:
    """The engine both sides keep their tables in."""
    return "sqlite"


@pytest.fixture(scope="session")
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages(tmp_path_factory.mktemp, lambda: str(request.getfixturevalue("postgresql_server")))


async def _opened(ground: Ground) -> AsyncIterator[World]:
    try:
        async with AsyncExitStack() as exits:
            yield await ground.opened(exits)
    finally:
        ground.cleared()


async def _copy(stages: Stages, name: str, engine: str, folder: Path) -> Ground:
    return (await stages.stage(name, engine)).copied(stages.ground(folder / "world", engine))


@pytest.fixture
async def invited(stages: Stages, engine: str, tmp_path: Path) -> AsyncIterator[World]:
    """A registration is Open, and its link is known."""
    async for world in _opened(await _copy(stages, "invited", engine, tmp_path)):
        yield world


@pytest.fixture
async def pushing(stages: Stages, engine: str, tmp_path: Path) -> AsyncIterator[World]:
    """Onboarded; both sides call each other."""
    async for world in _opened(await _copy(stages, "pushing", engine, tmp_path)):
        yield world


@pytest.fixture
async def pulling(stages: Stages, engine: str, tmp_path: Path) -> AsyncIterator[World]:
    """Onboarded; the consumer is never called."""
    async for world in _opened(await _copy(stages, "pulling", engine, tmp_path)):
        yield world


@pytest.fixture
async def onboarded(
    request: pytest.FixtureRequest, stages: Stages, engine: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Onboarded in the way the test names: ``push`` or ``pull``."""
    name = {"push": "pushing", "pull": "pulling"}[request.param]
    async for world in _opened(await _copy(stages, name, engine, tmp_path)):
        yield world


@pytest.fixture
async def fresh_on_postgresql(stages: Stages, tmp_path: Path) -> AsyncIterator[World]:
    """Two instances without anything, each over a PostgreSQL database of its own."""
    async for world in _opened(stages.ground(tmp_path / "world", "postgresql").prepared()):
        yield world


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(id): which requirement of the manifest the test covers")
