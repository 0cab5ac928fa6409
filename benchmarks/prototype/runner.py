"""Runs the prototype's two processes and measures them from outside."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.machine import cpu_seconds, free_port
from benchmarks.processes import line_of, python, tell, wait_for
from benchmarks.results import Latency, Throughput

CHANNELS = {"sqlite": 2, "postgresql": 4}
"""Batches under way at once, as many as the product has by default on that engine."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two processes; the sender waits to be told."""

    sender: "Popen[str]"
    receiver: "Popen[str]"

    def run(self) -> tuple[dict[str, Any], float, float]:
        """Let the sender do its work; return its result, its CPU seconds and the receiver's."""
        before = cpu_seconds(self.sender.pid), cpu_seconds(self.receiver.pid)
        tell(self.sender)
        result: dict[str, Any] = json.loads(line_of(self.sender))
        after = cpu_seconds(self.sender.pid), cpu_seconds(self.receiver.pid)
        return result, after[0] - before[0], after[1] - before[1]


@contextmanager
def pair(
    sender_url: str, receiver_url: str, *, batch: int, count: int, channels: int, pause: float = 0.0
) -> Iterator[Pair]:
    """Start both on empty databases, the sender's outbox filled with ``count`` messages unless there is a pause."""
    port = free_port()
    ours, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    shared = ["--channels", str(channels)]
    receiving = ["--database", receiver_url, "--port", str(port), "--key", _private(theirs), "--sender", _public(ours)]
    sending = ["--database", sender_url, "--target", f"http://127.0.0.1:{port}/messages", "--batch", str(batch)]
    sending += ["--count", str(count), "--pause", str(pause), "--key", _private(ours), "--receiver", _public(theirs)]
    with python(["benchmarks.prototype.receiver", *receiving, *shared]) as receiver:
        wait_for(f"http://127.0.0.1:{port}/messages", receiver)
        with python(["benchmarks.prototype.sender", *sending, *shared]) as sender:
            if line_of(sender) != "ready":
                raise RuntimeError("the sender did not get ready")
            yield Pair(sender, receiver)


def throughput(sender_url: str, receiver_url: str, *, batch: int, count: int, channels: int) -> Throughput:
    """Drain a backlog of ``count`` messages."""
    with pair(sender_url, receiver_url, batch=batch, count=count, channels=channels) as both:
        result, sender_cpu, receiver_cpu = both.run()
        return Throughput(result["records"], result["seconds"], sender_cpu, receiver_cpu)


def latency(sender_url: str, receiver_url: str, *, writes: int, pause: float) -> Latency:
    """Write single messages with pauses between them, and time each up to its verdict."""
    with pair(sender_url, receiver_url, batch=100, count=writes, channels=1, pause=pause) as both:
        result, _, _ = both.run()
        return Latency.of([seconds * 1000 for seconds in result["latencies"]])


def _private(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.private_bytes_raw()).decode()


def _public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
