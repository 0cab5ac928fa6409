"""Copies and restores of one side: what an operator does with its database and its data directory."""

import copy
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

from shared.runtime import archive
from shared.runtime.database import Database
from shared.runtime.marker import remove_marker
from tests.databases import migrate
from tests.interaction.sides import Side


def back_up(side: Side, file: Path) -> Path:
    """Write an archive beside the running service."""
    cli = side.module("cli")
    archive.backup(side.context.database, file, cli.metadatas(), program=cli.NAME, now=side.clock())
    return file


def bring_back(side: Side, file: Path, url: str) -> None:
    """Fill a new database from the archive, as the command does; the side is stopped, and starts over it from now."""
    cli = side.module("cli")
    side.url = url
    database = Database(url)
    migrate(database, side.package)
    archive.restore(database, file, cli.metadatas(), program=cli.NAME)
    database.close()
    remove_marker(side.data_dir)


async def restore(side: Side, file: Path, url: str) -> None:
    """Stop, bring the archive back, start again, and declare it."""
    await side.stop()
    bring_back(side, file, url)
    await side.start()
    await side.api("POST", "instance/declarations", {"decision": "restored"})


async def copy_of(side: Side, folder: Path) -> Side:
    """Copy the disk of a stopped moment and start it beside the original, which keeps the address."""
    await side.stop()
    shutil.copytree(side.data_dir, folder)
    await side.start()
    address = side.wire.apps[side.issuer]
    twin = copy.copy(side)
    twin.exits = AsyncExitStack()
    twin.data_dir = folder
    twin.url = f"sqlite:///{folder / 'service.db'}"
    await twin.start()
    side.wire.apps[side.issuer] = address
    return twin
