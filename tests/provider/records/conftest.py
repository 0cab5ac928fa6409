"""A line whose provider runs on either engine; the consumer's tests turn it round."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provider.records.exchange import Desk, Line, make_line


@pytest.fixture
def line(database_url: str, tmp_path: Path) -> Iterator[Line]:
    line = make_line(database_url, f"sqlite:///{tmp_path / 'other.db'}")
    yield line
    for desk in (line.provider, line.consumer):
        desk.database.close()


@pytest.fixture
def desk(line: Line) -> Desk:
    """The side under test."""
    return line.provider
