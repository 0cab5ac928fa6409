"""The receiving process: raw ASGI under uvicorn with httptools and uvloop.

Verify digest and signature, parse, insert what is new in one transaction, answer with a verdict a message, signed.
"""

import argparse
import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic_core import from_json, to_json

from benchmarks.prototype import signing
from benchmarks.prototype.stores import Store, open_store

_Send = Callable[[dict[str, Any]], Awaitable[None]]
_Receive = Callable[[], Awaitable[dict[str, Any]]]


class Receiver:
    """An ASGI application with one operation."""

    def __init__(
        self, store: Store, key: Ed25519PrivateKey, sender: Ed25519PublicKey, target: str, channels: int
    ) -> None:
        self._store = store
        self._key = key
        self._sender = sender
        self._target = target
        # One channel has one request at a time: nothing else could use the loop while it is stored.
        self._threads = ThreadPoolExecutor(channels) if channels > 1 else None

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if scope["method"] == "GET":
            await _answer(send, 200, {}, b"{}")
            return
        try:
            content, nonce = signing.verify_request(self._sender, self._target, dict(scope["headers"]), body)
        except (signing.Refused, InvalidSignature, KeyError):
            await _answer(send, 401, {}, b"{}")
            return
        if self._threads is None:
            answer = self._apply(body)
        else:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._apply, body)
        await _answer(send, 200, signing.sign_answer(self._key, answer, content, nonce), answer)

    def _apply(self, body: bytes) -> bytes:
        messages = from_json(body)["messages"]
        arrived = time.time_ns() // 1000
        rows = [(one["id"], one["lane"], one["sequence"], to_json(one["data"]).decode(), arrived) for one in messages]
        new = self._store.insert(rows)
        verdicts = [
            f'{{"id":"{one["id"]}","outcome":"{"applied" if one["id"] in new else "duplicate"}"}}' for one in messages
        ]
        return f'{{"outcomes":[{",".join(verdicts)}]}}'.encode()


async def _body(receive: _Receive) -> bytes:
    chunks = []
    more = True
    while more:
        event = await receive()
        chunks.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(chunks)


async def _answer(send: _Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until stopped."""
    options = argparse.ArgumentParser()
    options.add_argument("--database", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--channels", type=int, required=True)
    options.add_argument("--key", required=True, help="our private key, base64")
    options.add_argument("--sender", required=True, help="the sender's public key, base64")
    given = options.parse_args()
    store = open_store(given.database)
    store.create(given.channels)
    application = Receiver(
        store,
        Ed25519PrivateKey.from_private_bytes(base64.b64decode(given.key)),
        Ed25519PublicKey.from_public_bytes(base64.b64decode(given.sender)),
        f"http://127.0.0.1:{given.port}/messages",
        given.channels,
    )
    uvicorn.run(
        application,
        port=given.port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    main()
