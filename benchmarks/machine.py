"""What the machine says: CPU time of processes, load, free ports."""

import os
import platform
import socket
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used so far, its threads included, in seconds (a tick is usually 10 ms)."""
    # The second field is the program's name in brackets and may hold blanks; the counting starts after it.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int) -> float:
    """Return the memory a process holds at present, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load_average() -> float:
    """Return the load average of the last minute: what else the machine was doing."""
    return round(os.getloadavg()[0], 2)


def description() -> dict[str, str | int]:
    """Return what a reader of the numbers must know of the machine."""
    return {"processors": os.cpu_count() or 1, "kernel": platform.release(), "python": platform.python_version()}


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
