"""Child processes of a run: started, waited for, and ended by their own handle whatever happens."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30.0
STOP_SECONDS = 15.0


@contextmanager
def python(
    arguments: Sequence[str], *, variables: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run this interpreter with ``-m`` and the arguments; the process is gone at the end of the block.

    Standard input and output are pipes unless a ``log`` takes the output.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PROVIDER_", "CONSUMER_"))}
    environment.update(variables or {})
    output = log.open("a", encoding="utf-8") if log is not None else subprocess.PIPE
    errors = subprocess.STDOUT if log is not None else None
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        text=True,
    )
    try:
        yield process
    finally:
        _end(process)
        if log is not None:
            output.close()  # type: ignore[union-attr]


def wait_for(url: str, process: "subprocess.Popen[str]", seconds: float = START_SECONDS) -> float:
    """Wait until the URL answers 200; return how long that took. Raises RuntimeError if it never does."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return time.monotonic() - began
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer within {seconds:g} seconds")


def line_of(process: "subprocess.Popen[str]") -> str:
    """Return the next line the process writes. Raises RuntimeError if it ends instead."""
    text = process.stdout.readline() if process.stdout else ""
    if not text:
        raise RuntimeError(f"{process.args} ended with {process.wait()} without a result")
    return text.strip()


def tell(process: "subprocess.Popen[str]") -> None:
    """Let a waiting process go on."""
    if process.stdin is not None:
        process.stdin.write("\n")
        process.stdin.flush()


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
