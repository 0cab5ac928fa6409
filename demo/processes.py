"""Start and stop the two services; leave nothing of an earlier run behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("DEMO_HOME") or ROOT / "var" / "demo")
"""Everything a run keeps; made anew by the next one."""

START_SECONDS = 120


def fresh_home() -> Path:
    """Stop what an earlier run may have left running, and begin with an empty folder."""
    for note in sorted(HOME.glob("*.pid")):
        _stop_leftover(note)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    return HOME


def _stop_leftover(note: Path) -> None:
    name, _, number = note.read_text(encoding="utf-8").partition(" ")
    if not number.strip().isdigit():
        return
    process = int(number)
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        command = b""
    if name.encode() not in command:
        return
    os.kill(process, signal.SIGKILL)
    end = time.monotonic() + 10
    while Path(f"/proc/{process}").exists() and time.monotonic() < end:
        time.sleep(0.05)


def free_port(preferred: int) -> int:
    """Return ``preferred`` if nobody listens there, otherwise any free port of the loopback."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("No free port on the loopback")


class Service:
    """One service process on SQLite."""

    def __init__(self, module: str, name: str, port: int, settings: Mapping[str, str]) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.data = HOME / name
        self.database = self.data / "service.db"
        self.log = HOME / f"{name}.log"
        prefix = module.split("_", maxsplit=1)[0].upper()
        own = {
            "ENVIRONMENT": "development",
            "DATA_DIR": str(self.data),
            "LISTEN_PORT": str(port),
            "ISSUER": self.url,
            "LOG_LEVEL": "warning",
            **settings,
        }
        environment = {
            **os.environ,
            **{f"{prefix}_{key}": value for key, value in own.items()},
            "PYTHONPATH": str(ROOT),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, "serve", "--migrate"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        (HOME / f"{name}.pid").write_text(f"{module} {self._process.pid}", encoding="utf-8")

    def wait_ready(self) -> None:
        """Return once the service answers that it is ready; raise with its log otherwise."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=20).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self) -> None:
        """End the process gracefully; kill it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(12)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        (HOME / f"{self.name}.pid").unlink(missing_ok=True)
