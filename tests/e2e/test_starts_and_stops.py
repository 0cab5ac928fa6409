"""A process ends when told, whatever clients leave half done, and does not start on a database it cannot serve."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.machines import START_SECONDS, Machine
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

HALF_A_HEAD = b"POST /api/v1/incidents HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-le"
HALF_A_BODY = (
    b"POST /exchange/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: 1000\r\n\r\n" + b"{" * 500
)


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_sigterm_ends_a_process_with_half_requests_open(side: str, tmp_path: Path) -> None:
    machine = Machine(side, f"sqlite:///{tmp_path / 'service.db'}", tmp_path)
    try:
        await machine.start()
        ends = [await asyncio.open_connection("127.0.0.1", machine.port) for _ in range(2)]
        for (_, writer), half in zip(ends, (HALF_A_HEAD, HALF_A_BODY), strict=True):
            writer.write(half)
            await writer.drain()
        process = machine.processes["serve"]
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, PATIENCE_SECONDS)
        for _, writer in ends:
            writer.transport.abort()
        machine.processes.clear()
        await machine.start()
    finally:
        machine.stop()


@pytest.mark.parametrize("side", ["provider", "consumer"])
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_behind_the_schema_is_refused_with_what_to_do(side: str, command: str, tmp_path: Path) -> None:
    machine = Machine(side, f"sqlite:///{tmp_path / 'service.db'}", tmp_path)
    process = machine.spawn(command)
    try:
        assert process.wait(START_SECONDS) == 1
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    said = machine.tail()
    assert "not migrated" in said
    assert f"{side} migrate" in said
    assert "Traceback" not in said
