"""One of the two services as an operator runs it: its settings, its record and keys, its processes."""

import importlib
import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from types import ModuleType
from typing import Any

from benchmarks import processes
from benchmarks.machine import cpu_seconds, free_port

ADMIN = "operator@bench.example"
PASSWORD = "correct horse battery staple"


@dataclass(slots=True)
class Instance:
    """A service on a database of its own; nothing runs until `running`."""

    name: str
    """``provider`` or ``consumer``."""
    database_url: str
    directory: Path
    port: int = field(default_factory=free_port)
    token: str = ""
    instance_id: str = ""
    key_set: dict[str, Any] = field(default_factory=dict)
    identity: str = ""
    """Thumbprint of the identity key."""

    @property
    def package(self) -> str:
        """The Python package of the service."""
        return f"{self.name}_service"

    @property
    def issuer(self) -> str:
        """The address it is known by."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def postgresql(self) -> bool:
        """Whether several processes share its database."""
        return self.database_url.startswith("postgresql")

    def module(self, name: str) -> ModuleType:
        """Return a module of the service."""
        return importlib.import_module(f"{self.package}.{name}")

    def settings(self, peer: "Instance") -> dict[str, str]:
        """Return the settings, by name."""
        return {
            "environment": "development",
            "data_dir": str(self.directory),
            "database_url": self.database_url,
            "issuer": self.issuer,
            "listen_port": str(self.port),
            "allowed_origins": peer.issuer,
            "first_admin_email": ADMIN,
            "first_admin_password": PASSWORD,
            "log_level": "warning",
        }

    def variables(self, peer: "Instance", **more: str) -> dict[str, str]:
        """Return the settings as environment variables."""
        given = {**self.settings(peer), **more}
        return {f"{self.name}_{name}".upper(): value for name, value in given.items()}

    @contextmanager
    def running(self, peer: "Instance", **more: str) -> Iterator["Running"]:
        """Run the service: one process, and on PostgreSQL a worker beside it."""
        variables = self.variables(peer, **more)
        log = self.directory / f"{self.name}.log"
        with ExitStack() as held:
            serving = held.enter_context(processes.python([self.package, "serve"], variables=variables, log=log))
            processes.wait_for(f"{self.issuer}/health/ready", serving)
            working = serving
            if self.postgresql:
                worker = processes.python([self.package, "worker"], variables=variables, log=log)
                working = held.enter_context(worker)
            yield Running(self, serving, working)

    def migrate(self, peer: "Instance") -> None:
        """Bring the empty database to the present version."""
        log = self.directory / f"{self.name}.log"
        with processes.python([self.package, "migrate"], variables=self.variables(peer), log=log) as process:
            if process.wait(processes.START_SECONDS * 2) != 0:
                raise RuntimeError(f"{self.package} migrate failed:\n{log.read_text(encoding='utf-8')}")


@dataclass(frozen=True, slots=True)
class Running:
    """The processes of a service, and its API."""

    instance: Instance
    serving: "Popen[str]"
    working: "Popen[str]"
    """Delivers: the same process on SQLite."""

    def serving_cpu(self) -> float:
        """CPU seconds of the HTTP process."""
        return cpu_seconds(self.serving.pid)

    def working_cpu(self) -> float:
        """CPU seconds of the delivering process."""
        return cpu_seconds(self.working.pid)

    def get(self, path: str) -> Any:
        """Return what the API has at ``path``."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """Do something through the API."""
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"authorization": f"Bearer {self.instance.token}"}
        if body is not None:
            headers |= {"content-type": "application/json", "idempotency-key": uuid.uuid4().hex}
        request = urllib.request.Request(self.instance.issuer + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


def now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)
