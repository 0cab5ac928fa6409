"""One prepared world a process, and a copy of it for every group of tests that changes it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openapi import prepared
from tests.openapi.prepared import Facts


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a prepared world whose instances are stopped."""
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="session")
def facts(template: Path) -> Iterator[Facts]:
    """What the prepared world has lived through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVIDER_LOG_LEVEL", "error")
        yield asyncio.run(prepared.prepare(template))
