"""One transaction on its way between an event loop and a database thread."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

AFTER_COMMIT = "after_commit"
"""Key in ``session.info``: a list of callables without arguments, run in the event loop once the commit has happened.

A hook only wakes or notices something. It is not part of the transaction, and a rolled back savepoint keeps its hooks.
"""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """A unit of work, the future somebody may be awaiting, and what became of it."""

    work: Callable[[Session], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None
    hooks: list[Callable[[], None]] = field(default_factory=list)

    @property
    def abandoned(self) -> bool:
        """True when nobody waits any more; such a job is not begun, one already begun is carried through."""
        return self.future.cancelled()

    def attempt(self, session: Session) -> None:
        """Run the work and flush it; raises whatever the work raises and leaves committing to the caller."""
        self.hooks = []
        self.result = self.work(session)
        session.commit()
        self.hooks = session.info.get(AFTER_COMMIT, [])


def run_hooks(hooks: Iterable[Callable[[], None]]) -> None:
    """Run after-commit hooks; the commit stands whatever they do, so a failing one is only logged."""
    for hook in hooks:
        try:
            hook()
        except Exception:  # noqa: BLE001 - anything at all may fail in a hook, and nothing of it undoes the commit
            _log.exception("after_commit_hook_failed")


def settle(jobs: Iterable[Job]) -> None:
    """Hand results and errors back, with one wake-up for all jobs of an event loop."""
    for loop, group in groupby(jobs, key=lambda job: job.loop):
        call_in(loop, _resolve, list(group))


def call_in(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: Any) -> None:
    """Call in the loop's own thread; a loop that has ended has nobody left to tell."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.error is None:
            run_hooks(job.hooks)
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        elif isinstance(job.error, StopIteration):  # a future cannot carry it
            job.future.set_exception(RuntimeError(f"the work raised {job.error!r}"))
        else:
            job.future.set_exception(job.error)
