"""The HTTP server over real sockets: slow and swollen heads, stopping with half a request open."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.runtime.server import DeadlineProtocol, server
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


APP = Starlette(routes=[Route("/echo", echo, methods=["POST"])])
GOOD = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"


@asynccontextmanager
async def running() -> AsyncIterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = server(APP, host="127.0.0.1", port=port, graceful_seconds=1)
    task = asyncio.create_task(one.serve())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not one.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield port
    one.should_exit = True
    await task


async def exchange(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_an_ordinary_request_is_answered_without_naming_the_server() -> None:
    async with running() as port:
        answer = await exchange(port, GOOD.replace(b"host: x", b"host: x\r\nconnection: close"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hi")
    assert b"\r\nserver:" not in answer
    assert b"\r\ndate:" in answer


@pytest.mark.parametrize("sent", [b"", b"POST /ec", b"POST /echo HTTP/1.1\r\nhost: x\r\nx-slow: "])
async def test_a_head_that_does_not_arrive_ends_the_connection(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_seconds", 0.2)
    async with running() as port:
        assert (await exchange(port, sent)).startswith(b"HTTP/1.1 408")


async def test_the_second_head_of_a_connection_has_a_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_seconds", 0.2)
    async with running() as port:
        answer = await exchange(port, GOOD, b"POST /echo HT")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer


async def test_a_swollen_head_is_refused() -> None:
    async with running() as port:
        answer = await exchange(port, b"POST /echo HTTP/1.1\r\nx-big: " + b"x" * 100_000)
    assert answer.startswith(b"HTTP/1.1 431")


def test_the_process_ends_soon_after_sigterm_with_half_a_request_open() -> None:
    script = (
        "from tests.shared.runtime.test_server import APP\n"
        "from shared.runtime.server import server\n"
        "import sys\n"
        "server(APP, host='127.0.0.1', port=int(sys.argv[1]), graceful_seconds=1).run()\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", script, str(port)], stderr=subprocess.DEVNULL)
    try:
        with connected(port, process) as half:
            half.sendall(GOOD[:-1])
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=5)
    finally:
        process.kill()
        process.wait()


def connected(port: int, process: "subprocess.Popen[bytes]") -> socket.socket:
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)  # still starting
    raise AssertionError("The server did not start")
