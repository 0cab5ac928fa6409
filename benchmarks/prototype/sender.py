"""The sending process: claim, join, sign, post, verify, settle; one batch of a channel in flight.

It is driven by its standard input: a line starts the measured part. It answers ``ready`` and, at the end, one line of
JSON.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic_core import from_json

from benchmarks.prototype import signing
from benchmarks.prototype.stores import Claimed, Store, open_store
from benchmarks.records import message

LOAD_ROWS = 5_000


class Sender:
    """Delivers the outbox of one store to one receiver."""

    def __init__(
        self,
        store: Store,
        key: Ed25519PrivateKey,
        receiver: Ed25519PublicKey,
        target: str,
        *,
        batch: int,
        channels: int,
    ) -> None:
        self._store = store
        self._key = key
        self._receiver = receiver
        self._target = target
        self._batch = batch
        self._channels = channels
        self._threads = ThreadPoolExecutor(channels) if channels > 1 else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Sender":
        """Open the client and its first connections."""
        # Room for the answer in one read.
        self._session = aiohttp.ClientSession(auto_decompress=False, read_bufsize=1 << 20)
        async with self._session.get(self._target) as response:
            await response.read()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close them."""
        if self._session is not None:
            await self._session.close()

    def preload(self, count: int) -> None:
        """Write ``count`` messages, evenly over the channels."""
        for channel in range(self._channels):
            share = count // self._channels
            for first in range(1, share + 1, LOAD_ROWS):
                last = min(first + LOAD_ROWS, share + 1)
                self._store.enqueue(channel, [(place, *message(place)) for place in range(first, last)])

    async def drain(self) -> int:
        """Deliver everything; return how many messages got a verdict."""
        return sum(await asyncio.gather(*(self._drain(channel) for channel in range(self._channels))))

    async def _drain(self, channel: int) -> int:
        done = settled = 0
        while claimed := await self._run(self._store.claim, channel, settled, self._batch):
            settled, accepted = await self._deliver(channel, claimed)
            done += accepted
        return done

    async def trickle(self, count: int, pause: float) -> list[float]:
        """Write ``count`` messages one by one, ``pause`` seconds apart, delivering each.

        Returns seconds from the beginning of the local write to the end of the receiver's transaction, as far as the
        sender knows of it: its signed verdict.
        """
        taken = []
        for place in range(1, count + 1):
            identity, text = message(place)
            began = time.perf_counter()
            await self._run(self._store.enqueue, 0, [(place, identity, text)])
            claimed = await self._run(self._store.claim, 0, place - 1, self._batch)
            _, accepted = await self._deliver(0, claimed)
            taken.append(time.perf_counter() - began)
            if accepted != 1:
                raise RuntimeError("a message found no verdict")
            await asyncio.sleep(pause)
        return taken

    async def _deliver(self, channel: int, claimed: Claimed) -> tuple[int, int]:
        body = f'{{"messages":[{",".join([text for _, _, text in claimed])}]}}'.encode()
        headers = signing.sign_request(self._key, self._target, body)
        if self._session is None:
            raise RuntimeError("the client is not open")
        async with self._session.post(self._target, data=body, headers=headers) as response:
            answer = await response.read()
            if response.status != 200:
                raise RuntimeError(f"refused with {response.status}")
            raw = {name.lower(): value for name, value in response.raw_headers}
        signing.verify_answer(self._receiver, raw, answer, headers)
        verdicts = from_json(answer)["outcomes"]
        if [one["id"] for one in verdicts] != [identity for _, identity, _ in claimed]:
            raise RuntimeError("verdicts on other messages")
        last = claimed[-1][0]
        await self._run(self._store.settle, channel, last)
        return last, len(verdicts)

    async def _run(self, work: Any, *given: Any) -> Any:
        if self._threads is None:
            return work(*given)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Do what the command line asks, and return what it took."""
    store = open_store(given.database)
    store.create(given.channels)
    sender = Sender(
        store,
        Ed25519PrivateKey.from_private_bytes(base64.b64decode(given.key)),
        Ed25519PublicKey.from_public_bytes(base64.b64decode(given.receiver)),
        given.target,
        batch=given.batch,
        channels=given.channels,
    )
    async with sender:
        if not given.pause:
            sender.preload(given.count)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began = time.perf_counter()
        if given.pause:
            return {"latencies": await sender.trickle(given.count, given.pause)}
        return {"records": await sender.drain(), "seconds": time.perf_counter() - began}


def main() -> None:
    """Run one measurement."""
    options = argparse.ArgumentParser()
    options.add_argument("--database", required=True)
    options.add_argument("--target", required=True)
    options.add_argument("--channels", type=int, required=True)
    options.add_argument("--batch", type=int, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--pause", type=float, default=0.0, help="seconds between single writes; 0 drains a backlog")
    options.add_argument("--key", required=True, help="our private key, base64")
    options.add_argument("--receiver", required=True, help="the receiver's public key, base64")
    result = uvloop.run(measure(options.parse_args()))
    print(json.dumps(result), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
