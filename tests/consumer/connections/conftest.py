"""The same pair with the consumer on either engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.provider.connections.pair import Pair, make_pair


@pytest.fixture
async def pair(database_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    pair = await make_pair(f"sqlite:///{tmp_path / 'other.db'}", database_url, tmp_path)
    yield pair
    for side in (pair.provider, pair.consumer):
        await side.context.peers.aclose()
        side.database.close()
