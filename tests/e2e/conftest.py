"""Shared by the end-to-end tests: an empty database for each side."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.databases import alone

SIDES = ("provider", "consumer")


@pytest.fixture(params=["sqlite", "postgresql"])
def pair_urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Side to the URL of its empty database; the test runs once on either engine."""
    if request.param == "sqlite":
        yield {side: f"sqlite:///{tmp_path / side / 'service.db'}" for side in SIDES}
        return
    host = request.getfixturevalue("postgresql_server")
    names = {side: f"{side}_{uuid4().hex[:12]}" for side in SIDES}
    with psycopg.connect(host=host, user="postgres", autocommit=True) as connection:
        for name in names.values():
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield {side: f"postgresql://postgres@/{name}?host={host}" for side, name in names.items()}
        for name in names.values():
            alone(connection, f"DROP DATABASE {name} WITH (FORCE)")
