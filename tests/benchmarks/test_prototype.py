"""The prototype is a fair measure only if it does the work: both processes run, and every record arrives once."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.prototype import runner, signing
from benchmarks.prototype.stores import open_store
from benchmarks.records import MESSAGE_BYTES, message

TARGET = "https://desk.example/messages"


@pytest.fixture
def second_postgresql_url(postgresql_server: str) -> Iterator[str]:
    with psycopg.connect(host=postgresql_server, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE second_side")
        yield f"postgresql://postgres@/second_side?host={postgresql_server}"
        connection.execute("DROP DATABASE second_side WITH (FORCE)")


def test_two_processes_exchange_200_records_exactly_once(tmp_path: Path) -> None:
    sender, receiver = f"sqlite:///{tmp_path / 'sender.db'}", f"sqlite:///{tmp_path / 'receiver.db'}"
    result = runner.throughput(sender, receiver, batch=30, count=200, channels=1)
    assert result.records == 200
    assert arrived(receiver) == 200


def test_several_channels_on_postgresql_lose_and_repeat_nothing(
    postgresql_url: str, second_postgresql_url: str
) -> None:
    result = runner.throughput(postgresql_url, second_postgresql_url, batch=7, count=200, channels=4)
    assert result.records == 200
    assert arrived(second_postgresql_url) == 200


def test_a_record_that_comes_twice_is_stored_once(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'receiver.db'}")
    store.create(1)
    row = ("0192", "lane", 1, "{}", 0)
    assert store.insert([row]) == {"0192"}
    assert store.insert([row]) == set()
    assert store.count() == 1
    store.close()


def test_a_message_is_as_large_as_the_comparison_says() -> None:
    assert len(message(7)[1]) == MESSAGE_BYTES


def test_a_request_with_another_body_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    headers = _raw(signing.sign_request(key, TARGET, b"{}"))
    with pytest.raises(signing.Refused):
        signing.verify_request(key.public_key(), TARGET, headers, b"[]")


def test_an_answer_by_another_key_is_refused() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    sent = signing.sign_request(key, TARGET, b"{}")
    digest, nonce = signing.verify_request(key.public_key(), TARGET, _raw(sent), b"{}")
    answer = _raw(signing.sign_answer(other, b"{}", digest, nonce))
    with pytest.raises(InvalidSignature):
        signing.verify_answer(key.public_key(), answer, b"{}", sent)


def arrived(url: str) -> int:
    store = open_store(url)
    try:
        return store.count()
    finally:
        store.close()


def _raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}
