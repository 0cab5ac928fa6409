"""The migrations of both services lead to exactly the tables their code works with, on both databases."""

import importlib
from collections.abc import Iterator

import pytest

from shared.runtime import migrations
from shared.runtime.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.mark.parametrize("package", ["provider_service", "consumer_service"])
def test_a_migrated_database_equals_the_models(package: str, database: Database) -> None:
    cli = importlib.import_module(f"{package}.cli")
    migrations.upgrade(database, cli.MIGRATIONS)
    assert migrations.differences(database, cli.metadatas()) == []


@pytest.mark.parametrize("package", ["provider_service", "consumer_service"])
def test_migrating_again_changes_nothing(package: str, database: Database) -> None:
    cli = importlib.import_module(f"{package}.cli")
    assert migrations.upgrade(database, cli.MIGRATIONS) == migrations.upgrade(database, cli.MIGRATIONS)
    assert migrations.state(database, cli.MIGRATIONS) is migrations.SchemaState.AT_HEAD
