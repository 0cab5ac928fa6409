"""The same line with the consumer on either engine, and under test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provider.records.exchange import Desk, Line, make_line


@pytest.fixture
def line(database_url: str, tmp_path: Path) -> Iterator[Line]:
    line = make_line(f"sqlite:///{tmp_path / 'other.db'}", database_url)
    yield line
    for desk in (line.provider, line.consumer):
        desk.database.close()


@pytest.fixture
def desk(line: Line) -> Desk:
    """The side under test."""
    return line.consumer
