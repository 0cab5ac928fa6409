"""The fixtures of the tests of signing in by identity providers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.oidc.world import House, house_of

PACKAGES = ["provider_service", "consumer_service"]
HOUSES = ["provider_service-sqlite", "provider_service-postgresql", "consumer_service-sqlite"]


@pytest.fixture(params=HOUSES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """Either service; the provider, whose slice the consumer's mirrors, on either engine."""
    package, _, engine = request.param.partition("-")
    async with house_of(package, request.getfixturevalue(f"{engine}_url"), tmp_path) as found:
        yield found
