import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from consumer_service.keys.service.holder import KeyHolder
from shared.runtime.database import Database
from tests.endings import cancelled_as

pytestmark = pytest.mark.anyio


class Unchanging:
    """A database that knows no key, and whom to call when one changes."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def listen(self, _channel: str, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return self.callbacks.clear

    def change(self) -> None:
        for callback in self.callbacks:
            callback()

    async def read(self, *_args: Any) -> tuple[int, None]:
        return 1, None


async def test_following_the_keys_ends_when_told_though_a_key_changes_in_that_moment() -> None:
    database = Unchanging()
    following = asyncio.create_task(KeyHolder(cast("Database", database), {}).follow())
    assert await cancelled_as(database.change, following)
    assert database.callbacks == []
