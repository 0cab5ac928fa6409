"""Engines and sessions over the databases of the shared fixtures."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.delivery import peers
from shared.delivery.tables import delivery_metadata
from shared.wire.states import DeliveryMode
from tests.shared.delivery.words import PEER, Effects, make_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    delivery_metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """One session with one peer, one channel; nothing in these tests needs it to commit."""
    with Session(engine) as session:
        peers.register(session, PEER, DeliveryMode.PUSH, channel_count=1)
        yield session
        session.rollback()


@pytest.fixture
def effects() -> Effects:
    return Effects()
