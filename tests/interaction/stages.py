"""Stages tests begin at, on either engine: each is built once a test process and copied for every test."""

import itertools
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.databases import alone
from tests.interaction.world import World, keep, open_world

ENGINES = ["sqlite", "postgresql"]
SIDES = ("provider", "consumer")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ground:
    """What a world stands on: a folder, and on PostgreSQL a database for each side beside it."""

    folder: Path
    server: str | None = None
    """Socket directory of the PostgreSQL server; None: SQLite, within the folder."""
    number: int = field(default_factory=lambda: next(_numbers))

    def url(self, side: str) -> str:
        """Where a side keeps its tables."""
        if self.server is None:
            return f"sqlite:///{self.folder / side / 'service.db'}"
        return f"postgresql://postgres@/{self._database(side)}?host={self.server}"

    def prepared(self) -> "Ground":
        """Ground without anything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._each_side("CREATE DATABASE {}")
        return self

    def copied(self, to: "Ground") -> "Ground":
        """Other ground that holds the same. No world is open on this one."""
        shutil.copytree(self.folder, to.folder)
        to._each_side("CREATE DATABASE {} TEMPLATE {}", self)
        return to

    def cleared(self) -> None:
        """Give the databases back; the folder is pytest's."""
        self._each_side("DROP DATABASE {} WITH (FORCE)")

    async def opened(self, exits: AsyncExitStack) -> World:
        """Both services, started over what is here."""
        return await open_world(exits, self.folder, self.url)

    def _database(self, side: str) -> str:
        return f"world_{self.number}_{side}"

    def _each_side(self, statement: str, *others: "Ground") -> None:
        if self.server is None:
            return
        with psycopg.connect(host=self.server, user="postgres", autocommit=True) as server:
            for side in SIDES:
                names = [ground._database(side) for ground in (self, *others)]
                alone(server, statement.format(*names))


async def _invited(world: World) -> None:
    await world.begin()
    await world.invite()


async def _pushing(world: World) -> None:
    await world.onboard("push")


async def _pulling(world: World) -> None:
    await world.onboard("pull")


_BUILT: dict[str, tuple[str | None, Callable[[World], Awaitable[None]]]] = {
    "invited": (None, _invited),
    "pushing": ("invited", _pushing),
    "pulling": ("invited", _pulling),
}
"""Stage to the one it begins at, and what is done there."""


class Stages:
    """The stages built so far by this test process."""

    def __init__(self, new_folder: Callable[[str], Path], server: Callable[[], str]) -> None:
        self._new_folder = new_folder
        self._server = server
        self._built: dict[tuple[str, str], Ground] = {}

    def ground(self, folder: Path, engine: str) -> Ground:
        """Return ground of an engine, still to be prepared."""
        return Ground(folder, self._server() if engine == "postgresql" else None)

    async def stage(self, name: str, engine: str) -> Ground:
        """Return a stage, built where it was not yet; it is copied, never opened."""
        if (name, engine) not in self._built:
            self._built[name, engine] = await self._build(name, engine)
        return self._built[name, engine]

    async def _build(self, name: str, engine: str) -> Ground:
        before, build = _BUILT[name]
        ground = self.ground(self._new_folder(name) / "world", engine)
        if before is None:
            ground.prepared()
        else:
            (await self.stage(before, engine)).copied(ground)
        async with AsyncExitStack() as exits:
            world = await ground.opened(exits)
            await build(world)
            keep(world, ground.folder)
        return ground
