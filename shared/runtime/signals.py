"""Stopping: SIGTERM and SIGINT become one awaitable event, for processes that are not the HTTP server."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM or SIGINT sets; a second signal ends the process the ordinary, hard way.

    To be entered inside a running event loop, in the main thread.
    """
    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        event.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        yield event
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
