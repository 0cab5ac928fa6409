"""Both services, connected: the consumer sends, the provider receives."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.databases import Databases
from benchmarks.product.instances import Instance, Running
from benchmarks.product.outbox import Reader, reader
from benchmarks.product.pinning import pin, prepare
from benchmarks.records import fields
from benchmarks.results import Latency, Throughput

BULK = 100
"""Incidents written by one call of the API."""

WARM_UP = 3
"""Single incidents exchanged before anything is measured: connections are open then, statements are compiled."""

DRAIN_SECONDS = 120.0
ACTIVE_SECONDS = 20.0


class ProductPair:
    """A connected pair; the sender is started anew for another batch size, which is a setting of its start."""

    def __init__(
        self, consumer: Instance, provider: Running, connection_id: str, outbox: Reader, inbox: Reader
    ) -> None:
        self._consumer = consumer
        self._provider = provider
        self._connection_id = connection_id
        self._outbox = outbox
        self._inbox = inbox
        self._held = ExitStack()
        self._sender: Running | None = None
        self._batch = 0
        self._number = 0

    def throughput(self, *, batch: int, count: int) -> Throughput:
        """Queue ``count`` incidents while the connection is paused, resume it, and drain them."""
        sender = self.sender(batch)
        self._move(sender, "pause")
        for first in range(0, count, BULK):
            self._write_many(sender, min(BULK, count - first))
        queued, settled, received = self._outbox.queued(), self._outbox.settled(), self._inbox.received()
        before = sender.working_cpu(), self._provider.serving_cpu()
        began = time.time()
        self._move(sender, "resume")
        self._outbox.wait_until_empty(DRAIN_SECONDS)
        after = sender.working_cpu(), self._provider.serving_cpu()
        done, applied = self._outbox.settled() - settled, self._inbox.received() - received
        if done < queued or applied != count:
            raise RuntimeError(f"{count} written, {done} settled, {applied} applied: {self._inbox.refusals()}")
        seconds = self._outbox.last_settled_at() / 1000 - began
        return Throughput(count, seconds, after[0] - before[0], after[1] - before[1])

    def latency(self, *, writes: int, pause: float) -> Latency:
        """Write single incidents with pauses between them.

        Timed from the instant the use case takes as that of the change to the peer's verdict, both by the sender's
        clock and to the millisecond.
        """
        sender = self.sender(100)
        for _ in range(writes):
            self._write_one(sender)
            time.sleep(pause)
        self._outbox.wait_until_empty(DRAIN_SECONDS)
        return Latency.of([life.settled_at - life.written_at for life in self._outbox.lives(writes)])

    def sender(self, batch: int) -> Running:
        """Return the running sender, started with this batch size."""
        if self._sender is None or self._batch != batch:
            self.stop()
            self._sender = self._held.enter_context(
                self._consumer.running(self._provider.instance, messages_per_request=str(batch))
            )
            self._batch = batch
            self._wait_active(self._sender)
        return self._sender

    def stop(self) -> None:
        """Stop the sender."""
        self._held.close()
        self._sender = None

    def _wait_active(self, sender: Running) -> None:
        end = time.monotonic() + ACTIVE_SECONDS
        while time.monotonic() < end:
            if sender.get(f"/api/v1/connections/{self._connection_id}")["state"] == "Active":
                for _ in range(WARM_UP):
                    self._write_one(sender)
                self._outbox.wait_until_empty(DRAIN_SECONDS)
                return
            time.sleep(0.1)
        raise RuntimeError("the connection did not become active")

    def _move(self, sender: Running, name: str) -> None:
        sender.post(f"/api/v1/connections/{self._connection_id}/{name}", {"reason": "benchmark"})

    def _write_many(self, sender: Running, count: int) -> None:
        operations = [{"op": "create", "fields": self._fields()} for _ in range(count)]
        sender.post("/api/v1/incidents/bulk", {"connection_id": self._connection_id, "operations": operations})

    def _write_one(self, sender: Running) -> None:
        sender.post("/api/v1/incidents", {"connection_id": self._connection_id, "fields": self._fields()})

    def _fields(self) -> dict[str, str]:
        self._number += 1
        return fields(self._number)


@contextmanager
def product_pair(made: Databases, engine: str) -> Iterator[ProductPair]:
    """Prepare both instances on new databases, connect them, and run the receiver."""
    provider = Instance("provider", made.new(engine), made.directory / f"{engine}-provider")
    consumer = Instance("consumer", made.new(engine), made.directory / f"{engine}-consumer")
    connection_id = str(uuid.uuid4())
    prepare(provider, consumer)
    prepare(consumer, provider)
    pin(provider, consumer, connection_id)
    pin(consumer, provider, connection_id)
    with ExitStack() as held:
        outbox, inbox = (held.enter_context(reader(one.database_url)) for one in (consumer, provider))
        running = held.enter_context(provider.running(consumer))
        pair = ProductPair(consumer, running, connection_id, outbox, inbox)
        held.callback(pair.stop)
        yield pair
