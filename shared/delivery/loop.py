"""The delivery loop: claims, has them sent, settles; many peers at once, one batch of a channel in flight.

It knows no network: what sends is handed in, and so are the database and the clock.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.orm import Session

from shared.delivery import claims, peers, settling
from shared.delivery.claims import Claim, ClaimLimits
from shared.delivery.settling import Settled
from shared.wire.errors import Unavailable
from shared.wire.messages import Outcome
from shared.wire.problems import Problem

WRITE_PAUSES_S: Final = (0.1, 0.5, 2.0)
"""Rests before what came of a batch is written again; after them the batch is left to its lease."""

_log = logging.getLogger(__name__)
_Result_co = TypeVar("_Result_co", covariant=True)


class NotDelivered(Exception):
    """The root of what a ``send`` may raise; nothing of the batch was settled by it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem


class DeliveryFailed(NotDelivered):
    """No verdict came back: the peer is tried again later."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s


class BatchRefused(NotDelivered):
    """A signed refusal of the batch as a whole (too_large, malformed): it is split, and what stands alone is voided."""


class PeerClosed(NotDelivered):
    """A signed ``connection_closed``: delivery to this peer ends."""


class Run(Protocol):
    """Runs one synchronous transaction ``fn(session, *args)`` on a database thread and commits it."""

    def __call__(self, fn: Callable[..., _Result_co], /, *args: Any) -> Awaitable[_Result_co]:
        """Return what ``fn`` returned, once it is committed."""


Send = Callable[[Claim], Awaitable[Sequence[Outcome]]]
"""Sends a claim, or its first part; returns the verdicts of the signed answers, or raises a `NotDelivered`."""

OnSettled = Callable[[Session, str, Sequence[Settled], int], None]
"""Reacts to settled messages in the transaction that settles them: session, connection, messages, unix ms."""


_After = tuple[ClaimLimits | None, OnSettled | None]


class DeliveryLoop:
    """Delivers what is due until told to stop.

    ``concurrency`` bounds the batches in flight in this process, ``poll_s`` how late it notices work nobody woke it
    for, ``grace_s`` how long batches in flight may take to finish once it stops.
    """

    def __init__(
        self,
        *,
        run: Run,
        send: Send,
        clock_ms: Callable[[], int],
        on_settled: OnSettled | None = None,
        limits: ClaimLimits | None = None,
        concurrency: int = 16,
        poll_s: float = 1.0,
        grace_s: float = 8.0,
    ) -> None:
        self._run = run
        self._send = send
        self._clock_ms = clock_ms
        self._on_settled = on_settled
        self._limits = limits or ClaimLimits()
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._grace_s = grace_s
        self._wake = asyncio.Event()
        self._stopping = False
        self._in_flight: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for work now; call it on the loop's thread after a commit that queued something."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more work; `run_until_stopped` returns once what is in flight has ended."""
        self._stopping = True
        self._wake.set()

    async def run_until_stopped(self) -> None:
        """Deliver until `stop`, then give batches in flight the grace to finish. Leases return what did not."""
        try:
            while not self._stopping:
                self._wake.clear()
                await self._start_due()
                await self._rest()
        finally:
            await self._finish()

    async def deliver_due(self) -> None:
        """Deliver what is due now and return when nothing more is: one turn of the loop, for tools and tests."""
        while await self._start_due() or self._in_flight:
            await asyncio.gather(*self._in_flight)

    async def _start_due(self) -> int:
        started = 0
        while len(self._in_flight) < self._concurrency:
            try:
                claim = await asyncio.shield(self._run(_claim, self._clock_ms(), self._limits))
            except Exception:  # noqa: BLE001 - a full disk or a restarting database passes; the loop outlives it
                _log.exception("No batch could be claimed; trying again soon")
                break
            if claim is None:
                break
            task = asyncio.create_task(self._deliver(claim))
            self._in_flight.add(task)
            task.add_done_callback(self._done)
            started += 1
        return started

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._in_flight.discard(task)
        self._wake.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):  # wait_for may swallow the cancellation
                await self._wake.wait()
        except TimeoutError:
            return

    async def _finish(self) -> None:
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=self._grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, claim: Claim) -> None:
        following: Claim | None = claim
        try:
            while following is not None:
                claim = following
                following = await self._deliver_one(claim)
        except Exception:  # noqa: BLE001 - one batch must not end the others; its lease brings it back
            _log.exception("A batch of %s was left to its lease", claim.connection_id)

    async def _deliver_one(self, claim: Claim) -> Claim | None:
        """Send one claim and write what came of it; the write is finished even when the task is cancelled."""
        try:
            outcomes = await self._send(claim)
        except DeliveryFailed as failure:
            return await self._write(_fail, claim, failure)
        except BatchRefused as refusal:
            return await self._write(_refuse, claim, refusal.problem)
        except PeerClosed as closed:
            return await self._write(_close, claim, closed.problem)
        except asyncio.CancelledError:
            await self._write(_release, claim)
            raise
        limits = None if self._stopping else self._limits
        return await self._write(_settle, claim.answered(outcomes), outcomes, (limits, self._on_settled))

    async def _write(self, fn: Callable[..., Claim | None], claim: Claim, *args: Any) -> Claim | None:
        """Write what came of a claim, again where the database is away for a moment: a verdict is worth keeping."""
        for pause_s in WRITE_PAUSES_S:
            try:
                return await asyncio.shield(self._run(fn, claim, self._clock_ms(), *args))
            except Unavailable:
                await asyncio.sleep(pause_s)
        return await asyncio.shield(self._run(fn, claim, self._clock_ms(), *args))


def _claim(session: Session, now_ms: int, limits: ClaimLimits) -> Claim | None:
    return claims.claim(
        session, now_ms=now_ms, lease_ms=limits.lease_ms, limit=limits.limit, max_bytes=limits.max_bytes
    )


def _settle(session: Session, claim: Claim, now_ms: int, outcomes: Sequence[Outcome], after: _After) -> Claim | None:
    limits, on_settled = after
    settled, following = settling.settle_and_claim(session, claim, outcomes, now_ms, limits)
    if settled and on_settled is not None:
        on_settled(session, claim.connection_id, settled, now_ms)
    return following


def _fail(session: Session, claim: Claim, now_ms: int, failure: DeliveryFailed) -> None:
    settling.fail(session, claim, failure.problem, now_ms, failure.retry_after_s)


def _refuse(session: Session, claim: Claim, now_ms: int, problem: Problem) -> None:
    settling.refuse(session, claim, problem, now_ms)


def _release(session: Session, claim: Claim, now_ms: int) -> None:
    claims.release(session, claim, now_ms)


def _close(session: Session, claim: Claim, now_ms: int, problem: Problem) -> None:
    claims.release(session, claim, now_ms)
    peers.close(session, claim.connection_id, problem)
