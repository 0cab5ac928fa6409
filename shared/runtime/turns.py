"""Work done in turns: on a timer, and at once when a commit has woken it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from shared.runtime.database import Database
from shared.wire.errors import ExchangeError

CHANNEL: Final = "worker"
"""Notified by use cases that leave something for the worker (`shared.runtime.database.notify`)."""

PAUSE_SECONDS: Final = 0.1
"""Rest between two turns of the same work, however often it is woken."""

GRACE_SECONDS: Final = 8.0
"""How long turns under way may go on once they are to stop; what they leave is taken up again when its lease lapses."""

GRACE_BESIDE_REQUESTS_SECONDS: Final = 3.0
"""The same where requests have had their time before (`shared.runtime.server`): together they end within 10 s."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """One kind of work: what it is called, how often it is done unasked, and how."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]
    wakeable: bool = True
    """False for housekeeping that nothing waits for."""


class Turns:
    """Does every `Turn` until stopped, each in its own task, so that none delays another."""

    def __init__(self, database: Database, turns: Sequence[Turn], *, grace_s: float = GRACE_SECONDS) -> None:
        self._database = database
        self._grace_s = grace_s
        self._turns = turns
        self._wakes = {turn.name: asyncio.Event() for turn in turns}

    def wake(self) -> None:
        """Let every wakeable turn look now."""
        for turn in self._turns:
            if turn.wakeable:
                self._wakes[turn.name].set()

    async def run_until(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; what is under way is finished, or left where it outlasts the grace."""
        silence = self._database.listen(CHANNEL, self.wake)
        tasks = [asyncio.create_task(self._repeat(turn, stop), name=turn.name) for turn in self._turns]
        try:
            await stop.wait()
            for event in self._wakes.values():
                event.set()
            await asyncio.wait(tasks, timeout=self._grace_s)
        finally:
            silence()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def run_once(self) -> None:
        """Do every turn once, one after the other: for tools and tests."""
        for turn in self._turns:
            await turn.run()

    async def _repeat(self, turn: Turn, stop: asyncio.Event) -> None:
        wake = self._wakes[turn.name]
        while not stop.is_set():
            wake.clear()
            await self._do(turn)
            await _rest(stop, PAUSE_SECONDS)
            if not stop.is_set():
                await _rest(wake, turn.seconds)

    async def _do(self, turn: Turn) -> None:
        try:
            await turn.run()
        except ExchangeError as error:
            _log.warning("turn_failed", extra={"turn": turn.name, "code": error.code, "detail": error.detail})
        except Exception:  # noqa: BLE001 - logged; the next turn may succeed, and the others must go on
            _log.exception("turn_crashed", extra={"turn": turn.name})


async def _rest(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for may swallow the cancellation
            await event.wait()
