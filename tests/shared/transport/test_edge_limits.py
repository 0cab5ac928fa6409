"""What the outermost layers refuse, in process and on a real connection."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from shared.transport.client import in_process
from shared.transport.edge import protect
from shared.transport.limits import EdgeLimits
from shared.transport.rates import RateLimiter, address_key
from shared.wire.errors import TooMany
from tests.patience import PATIENCE_SECONDS
from tests.shared.transport.instance import ISSUER, SMALL, Peer, chunks, serving

pytestmark = pytest.mark.anyio


def _app(limits: EdgeLimits = SMALL) -> FastAPI:
    app = FastAPI()

    @app.post("/api/v1/echo")
    @app.post("/upload/one")
    @app.post("/exchange/v1/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.post("/api/v1/careless")
    async def careless(request: Request) -> str:
        try:
            await request.body()
        except Exception:  # noqa: BLE001 - a careless route is what this is about
            return "all is well"
        return "read"

    @app.get("/api/v1/state")
    async def state(request: Request) -> str:
        return str(request.state.request_id)

    protect(app, issuer=ISSUER, signer=lambda: None, clock=lambda: 0.0, limits=limits)
    return app


def _http(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=in_process(app), base_url=ISSUER)


async def test_a_body_that_says_it_is_too_large_is_refused_unread():
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with _http(_app()) as http:
        answer = await http.post("/api/v1/echo", content=never(), headers={"content-length": "1001"})
        absurd = await http.post("/api/v1/echo", content=never(), headers={"content-length": "9" * 30})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit_bytes"]) == (413, "too_large", 1000)
    assert absurd.status_code == 413
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/api/v1/echo", "/api/v1/careless", "/exchange/v1/echo"])
async def test_a_chunked_body_is_cut_at_the_limit_whatever_the_route_makes_of_it(path: str):
    async with _http(_app()) as http:
        answer = await http.post(path, content=chunks(b"x" * 100, 1000))
        whole = await http.post(path, content=chunks(b"x" * 100, 10))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert whole.status_code == 200


async def test_uploads_have_a_limit_of_their_own():
    limits = EdgeLimits(body_bytes=10, body_bytes_by_prefix={"/upload": 2000, "/upload/one/more": 1})
    async with _http(_app(limits)) as http:
        assert (await http.post("/upload/one", content=b"x" * 2000)).status_code == 200
        assert (await http.post("/api/v1/echo", content=b"x" * 11)).status_code == 413


async def test_a_gigabyte_is_refused_at_once_over_a_real_connection():
    with serving(_app()) as origin:
        began = time.perf_counter()
        async with httpx.AsyncClient() as http:
            try:
                answer = await http.post(origin + "/api/v1/echo", content=chunks(b"x" * 65536, 16384))
            except httpx.TransportError:
                pass  # the server closes while we still send; nothing was accepted either way
            else:
                assert answer.status_code == 413
            answer = await http.post(origin + "/api/v1/echo", content=b"x" * 1001)
            assert answer.status_code == 413
        assert time.perf_counter() - began < 5


async def test_a_body_that_dawdles_is_given_up_with_408():
    with serving(_app()) as origin:
        host, port = origin.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/v1/careless HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"receipt_timeout" in answer


async def test_the_server_stops_although_half_a_body_is_outstanding():
    with serving(_app(EdgeLimits(receipt_seconds=60))) as origin:
        host, port = origin.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()
        began = time.perf_counter()
    writer.close()
    assert time.perf_counter() - began < 8


async def test_too_many_or_too_large_headers_are_refused():
    async with _http(_app()) as http:
        many = await http.get("/api/v1/state", headers={f"x-{number}": "1" for number in range(30)})
        large = await http.get("/api/v1/state", headers={"x-large": "x" * 3000})
    assert (many.status_code, large.status_code) == (431, 431)
    assert many.json()["code"] == "headers_too_large"


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/exchange/v1/%65cho", [], "path_form"),
        ("/%65xchange/v1/echo", [], "path_form"),
        ("/exchange/v1/a~b", [], "path_form"),
        ("/exchange/v1/echo", [("content-type", "a/b"), ("content-type", "c/d")], "duplicate_header"),
        ("/exchange/v1/echo", [("idempotency-key", "a"), ("idempotency-key", "a")], "duplicate_header"),
        ("/exchange/v1/echo", [("signature", "a"), ("signature", "b")], "duplicate_header"),
        ("/exchange/v1/echo", [("content-encoding", "gzip")], "content_encoding"),
        ("/exchange/v1/echo", [("trailer", "x")], "trailers"),
    ],
)
async def test_the_exchange_takes_one_form_only(path: str, headers: list[tuple[str, str]], code: str):
    async with _http(_app()) as http:
        answer = await http.post(path, headers=headers)
    assert answer.json()["code"] == code
    assert answer.status_code == (415 if code == "content_encoding" else 400)


async def test_a_get_with_a_body_is_refused_beneath_exchange(peer: Peer):
    async with _http(peer.app()) as http:
        answer = await http.request("GET", "/exchange/v1/letters", content=b"x")
    assert answer.json()["code"] == "unexpected_body"


async def test_the_callers_request_id_is_kept_where_it_is_well_formed():
    async with _http(_app()) as http:
        kept = await http.get("/api/v1/state", headers={"x-request-id": "job-17"})
        changed = await http.get("/api/v1/state", headers={"x-request-id": "a b\t"})
    assert kept.headers["x-request-id"] == kept.json() == "job-17"
    assert changed.headers["x-request-id"] == changed.json() != "a b"


def test_a_limit_is_counted_for_each_key_apart():
    limiter = RateLimiter("sign-in", "2/hour")
    assert [limiter.use("a").remaining, limiter.use("a").remaining] == [1, 0]
    with pytest.raises(TooMany) as caught:
        limiter.require("a")
    assert 3590 <= (caught.value.retry_after or 0) <= 3600
    assert limiter.require("b").granted


async def test_the_limit_is_announced_and_kept():
    app = FastAPI()

    @app.get("/api/v1/thing")
    async def thing() -> str:
        return "here"

    limiter = RateLimiter("api", "2/hour")
    protect(
        app,
        issuer=ISSUER,
        signer=lambda: None,
        clock=lambda: 0.0,
        rate_rule=lambda scope: (limiter, address_key(scope)),
    )
    async with _http(app) as http:
        answers = [await http.get("/api/v1/thing") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"api";q=2;w=3600'
    assert answers[0].headers["ratelimit"].startswith('"api";r=1;t=')
    assert answers[2].headers["retry-after"] == str(answers[2].json()["retry_after"])
    assert answers[2].json()["code"] == "too_many_requests"
