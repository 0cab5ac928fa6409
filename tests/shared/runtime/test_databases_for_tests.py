"""The fixtures themselves: each test gets an empty database of its own."""

import psycopg
import pytest


@pytest.mark.parametrize("time", [1, 2])
def test_every_test_gets_an_empty_postgresql_database(postgresql_url: str, time: int) -> None:
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE mine (id integer)")


def test_both_engines_are_offered(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))
