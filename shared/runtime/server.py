"""The HTTP server: uvicorn on uvloop and httptools, with the deadlines it lacks (design: architecture.md, fact 9).

The deadline of a request's *head* stands here, where its bytes arrive; that of its body belongs to who reads it.
"""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""A request's head is complete this long after its connection opened or its first byte came, or the connection ends."""

HEAD_BYTES = 65_536
"""Bytes a request's head may have."""

GRACEFUL_SECONDS = 6
"""How long requests under way may go on after SIGTERM; with start-up of the shutdown the process ends within 10 s."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class DeadlineProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a deadline and a size for the head of every request."""

    head_seconds = HEAD_SECONDS
    head_bytes = HEAD_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_size = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its deadline, whether or not a byte of it ever comes."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timer."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; a body is counted by who reads it."""
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > self.head_bytes:
            self._end(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the deadline of a request on a kept-open connection."""
        super().on_message_begin()
        if not self._in_head:
            self._head_size = 0
            self._await_head()

    def on_headers_complete(self) -> None:
        """Stop the deadline."""
        self._head_arrived()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._in_head = True
        self._deadline = self.loop.call_later(self.head_seconds, self._end, _TOO_SLOW)

    def _head_arrived(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, answer: bytes) -> None:
        self._head_arrived()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # never into the middle of another answer
            self.transport.write(answer)
        self.transport.close()


def server(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    trusted_proxies: tuple[str, ...] = (),
    log_level: str = "info",
    graceful_seconds: int = GRACEFUL_SECONDS,
) -> uvicorn.Server:
    """Return a server that is ready to ``run()`` or to be awaited with ``serve()``; SIGTERM ends it within 10 s."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http=DeadlineProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level=log_level,
            access_log=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies) or None,
            server_header=False,
            date_header=True,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=graceful_seconds,
        )
    )
