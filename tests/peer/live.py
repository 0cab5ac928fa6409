"""A peer on a real loopback socket, served by uvicorn inside the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn

from tests.patience import PATIENCE_SECONDS
from tests.peer.serving import Served


@dataclass(frozen=True)
class Loopback:
    """A bound socket and the issuer an instance behind it has (development mode: http on a loopback host)."""

    socket: socket.socket

    @property
    def issuer(self) -> str:
        """The origin."""
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"


class _Server(uvicorn.Server):
    """Leaves the signals of the test process alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()


def loopback() -> Loopback:
    """A free port, taken."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return Loopback(bound)


@asynccontextmanager
async def live(instance: Served, at: Loopback) -> AsyncIterator[Served]:
    """Serve an instance until the block ends."""
    server = _Server(uvicorn.Config(instance, log_config=None, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[at.socket]))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await server.listening.wait()
        yield instance
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
        at.socket.close()
