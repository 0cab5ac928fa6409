"""Worlds at the stages tests begin at. A stage is built once a test process and copied for every test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from tests.interaction.world import World, copy_of, keep, open_world

Build = Callable[[World], Awaitable[None]]


async def _invited(world: World) -> None:
    await world.begin()
    await world.invite()


async def _pushing(world: World) -> None:
    await world.onboard("push")


async def _pulling(world: World) -> None:
    await world.onboard("pull")


def _sqlite(folder: Path) -> Callable[[str], str]:
    return lambda name: f"sqlite:///{folder / name / 'service.db'}"


def _build(folder: Path, urls: Callable[[str], str], build: Build) -> Path:
    async def run() -> None:
        async with AsyncExitStack() as exits:
            world = await open_world(exits, folder, urls)
            await build(world)
            keep(world, folder)

    asyncio.run(run())
    return folder


@pytest.fixture(scope="session")
def invited_stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invited")
    return _build(folder, _sqlite(folder), _invited)


def _next_stage(before: Path, factory: pytest.TempPathFactory, name: str, build: Build) -> Path:
    folder = copy_of(before, factory.mktemp(name) / "world")
    return _build(folder, _sqlite(folder), build)


@pytest.fixture(scope="session")
def pushing_stage(invited_stage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _next_stage(invited_stage, tmp_path_factory, "pushing", _pushing)


@pytest.fixture(scope="session")
def pulling_stage(invited_stage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _next_stage(invited_stage, tmp_path_factory, "pulling", _pulling)


async def _opened(stage: Path, tmp_path: Path) -> AsyncIterator[World]:
    folder = copy_of(stage, tmp_path / "world")
    async with AsyncExitStack() as exits:
        yield await open_world(exits, folder, _sqlite(folder))


@pytest.fixture
async def invited(invited_stage: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A registration is Open, and its link is known."""
    async for world in _opened(invited_stage, tmp_path):
        yield world


@pytest.fixture
async def pushing(pushing_stage: Path, tmp_path: Path) -> AsyncIterator[World]:
    """Onboarded; both sides call each other."""
    async for world in _opened(pushing_stage, tmp_path):
        yield world


@pytest.fixture
async def pulling(pulling_stage: Path, tmp_path: Path) -> AsyncIterator[World]:
    """Onboarded; the consumer is never called."""
    async for world in _opened(pulling_stage, tmp_path):
        yield world


@pytest.fixture
async def onboarded(
    request: pytest.FixtureRequest, pushing_stage: Path, pulling_stage: Path, tmp_path: Path
) -> AsyncIterator[World]:
    """Onboarded in the way the test names: ``push`` or ``pull``."""
    async for world in _opened({"push": pushing_stage, "pull": pulling_stage}[request.param], tmp_path):
        yield world


@pytest.fixture
async def fresh_on_postgresql(postgresql_server: str, tmp_path: Path) -> AsyncIterator[World]:
    """Two instances without anything, each over a PostgreSQL database of its own."""
    names = {name: f"world_{name}" for name in ("provider", "consumer")}
    with psycopg.connect(host=postgresql_server, user="postgres", autocommit=True) as server:
        for name in names.values():
            server.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        try:
            async with AsyncExitStack() as exits:
                yield await open_world(
                    exits, tmp_path, lambda name: f"postgresql://postgres@/{names[name]}?host={postgresql_server}"
                )
        finally:
            for name in names.values():
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(id): which requirement of the manifest the test covers")
