import asyncio
from typing import cast

import pytest

from shared.runtime import turns as turns_module
from shared.runtime.database import Database
from shared.runtime.turns import Turn, Turns
from tests.endings import cancelled_as, let_run
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


class Silent:
    """A database in which nobody notifies anybody."""

    def listen(self, _channel: str, _callback: object) -> object:
        return lambda: None


async def test_turns_end_when_told_though_they_are_woken_in_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "PAUSE_SECONDS", 0)
    before = asyncio.all_tasks()
    turns = Turns(cast("Database", Silent()), [Turn("nothing", 3600, lambda: asyncio.sleep(0))])
    running = asyncio.create_task(turns.run_until(asyncio.Event()))
    await let_run()
    own = asyncio.all_tasks() - before
    assert {task.get_name() for task in own} > {"nothing"}
    assert await cancelled_as(turns.wake, running)
    assert all(task.done() for task in own)


async def test_a_turn_that_waits_for_a_peer_keeps_no_process_from_its_end() -> None:
    begun, ended, stop = asyncio.Event(), [], asyncio.Event()

    async def ask() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ask")

    turns = Turns(cast("Database", Silent()), [Turn("ask", 3600, ask)], grace_s=0.01)
    running = asyncio.create_task(turns.run_until(stop))
    await begun.wait()
    stop.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert ended == ["ask"]
