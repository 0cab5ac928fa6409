"""What tests of endings share: cancelling in the very moment in which what a task waits for happens."""

import asyncio
from collections.abc import Callable

STEPS = 20
"""Steps of the event loop within which whatever can go on has gone on."""


async def let_run() -> None:
    """Let every task go as far as it gets without waiting for anything outside."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


async def cancelled_as(happens: Callable[[], object], task: "asyncio.Task[None]") -> bool:
    """Cancel a task that waits in the moment in which what it waits for happens; tell whether it ended."""
    await let_run()
    assert not task.done()
    happens()
    task.cancel()
    await let_run()
    return task.cancelled()
