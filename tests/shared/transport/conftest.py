"""Fixtures of this room."""

import pytest

from tests.shared.transport.instance import Peer


@pytest.fixture
def peer() -> Peer:
    return Peer()
