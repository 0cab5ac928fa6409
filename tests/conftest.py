"""What every test may use: the asyncio backend, and (later) databases and running applications."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
