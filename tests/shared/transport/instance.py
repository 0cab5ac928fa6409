"""An instance to talk to: a small signed application behind all layers, in process or on a loopback port."""

import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, Field

from shared.signing.keys import PrivateKey, generate
from shared.transport import inbound
from shared.transport.conventions import known_parameters
from shared.transport.edge import protect
from shared.transport.limits import EdgeLimits
from shared.wire.errors import Conflict
from shared.wire.states import KeyPurpose

NOW = 1_790_000_000
ISSUER = "https://peer.example"


class Letter(BaseModel):
    text: str = Field(max_length=20)
    count: int = 1


class Peer:
    """The keys of both sides, and what arrived."""

    def __init__(self) -> None:
        self.key: PrivateKey = generate(KeyPurpose.HTTP)
        self.caller: PrivateKey = generate(KeyPurpose.HTTP)
        self.letters: list[Letter] = []
        self.now: float = NOW

    def app(self, issuer: str = ISSUER, **options: Any) -> FastAPI:
        app = FastAPI()
        app.router.dependencies.append(Depends(known_parameters))

        @app.get("/.well-known/service-exchange")
        async def discover() -> dict[str, str]:
            return {"issuer": issuer}

        @app.api_route("/exchange/v1/letters", methods=["GET", "POST"])
        async def send_letter(request: Request, wait: int = 0) -> dict[str, Any]:
            unverified = await inbound.read_signed(
                request, issuer=issuer, now=int(self.now), requires_idempotency_key=False
            )
            verified = unverified.verify(self.caller.public)
            if request.method == "GET":
                return {"letters": len(self.letters), "wait": wait}
            self.letters.append(inbound.parsed(Letter, verified.body))
            return {"received": self.letters[-1].text}

        @app.get("/exchange/v1/refusing")
        async def refuse() -> None:
            raise Conflict("No", code="connection_closed", cause="It is closed", fix="Open it", retry_after=7)

        @app.get("/exchange/v1/breaking")
        async def break_down() -> None:
            raise RuntimeError("secret-in-an-exception")

        protect(app, issuer=issuer, signer=lambda: self.key, clock=lambda: self.now, **options)
        return app


@contextlib.contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """Serve ``app`` on a loopback port (any free one unless stated); the server is stopped and joined at the end."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        port = listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(10)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def chunks(piece: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in itertools.repeat(None, times):
        yield piece


SMALL = EdgeLimits(body_bytes=1000, receipt_seconds=0.2, headers=20, header_bytes=2000)
