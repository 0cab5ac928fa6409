"""Callers that leave, answers that break off, redirects, bodies of other types: the ends nobody plans for."""

import asyncio
import contextlib
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from shared.signing.errors import SignatureRefused
from shared.signing.responses import AnsweredRequest
from shared.transport import problems
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.client import PeerClient, in_process
from shared.transport.edge import protect
from shared.transport.egress import EgressPolicy, system_resolver
from shared.transport.errors import ReceiptTimeout, RefusedByPeer, UnsignedAnswer
from shared.transport.inbound import read_body, signed_response
from shared.transport.limits import RequestIds
from shared.wire.errors import Conflict, TooLarge
from tests.shared.transport.instance import ISSUER, NOW, Letter, Peer

pytestmark = pytest.mark.anyio
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"


def _request(*messages: dict[str, Any]) -> Request:
    pending = iter(messages)

    async def receive() -> dict[str, Any]:
        for message in pending:
            return message
        return await asyncio.Event().wait()  # type: ignore[return-value]

    return Request({"type": "http", "headers": [], "method": "POST", "path": "/"}, receive)


def _piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_read_by_hand_keeps_to_size_and_deadline():
    assert await read_body(_request(_piece(b"a", more=True), _piece(b"b", more=False)), max_bytes=2) == b"ab"
    with pytest.raises(TooLarge):
        await read_body(_request(_piece(b"abc", more=True)), max_bytes=2)
    with pytest.raises(ReceiptTimeout):
        await read_body(_request(_piece(b"a", more=True)), seconds=0.05)


async def _drive(app: Any, *messages: dict[str, Any], path: str = "/api/v1/x") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    pending = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(pending)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "headers": [],
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    await app(scope, receive, send)
    return sent


async def test_a_caller_who_leaves_half_way_gets_no_answer_and_is_no_fault():
    app = FastAPI()

    @app.post("/api/v1/x")
    async def read(request: Request) -> int:
        return len(await request.body())

    protect(app, issuer=ISSUER, signer=lambda: None, clock=lambda: 0.0)
    assert await _drive(app, _piece(b"a", more=True), {"type": "http.disconnect"}) == []


@pytest.mark.parametrize("error", [RuntimeError("late"), Conflict("late"), ClientDisconnect()])
async def test_an_error_after_the_answer_has_begun_adds_nothing_to_it(error: Exception):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with contextlib.suppress(RuntimeError, Conflict):
        await problems.UnexpectedErrors(app)({"type": "http", "path": "/"}, None, send)  # type: ignore[arg-type]
    assert len(sent) == 1


async def test_an_error_no_handler_saw_is_still_a_problem():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Conflict("from a layer")

    async with httpx.AsyncClient(transport=in_process(problems.UnexpectedErrors(app)), base_url=ISSUER) as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_other_protocols_pass_all_layers():
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await RequestIds(problems.UnexpectedErrors(inner))({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    "answer", [RedirectResponse("/elsewhere", 303), HTMLResponse("<p>"), Response(status_code=204)]
)
async def test_what_is_meant_for_a_browser_passes_unsigned(peer: Peer, answer: Any):
    app = peer.app()

    @app.get("/exchange/v1/away")
    async def away() -> Any:
        return answer

    async with httpx.AsyncClient(transport=in_process(app), base_url=ISSUER) as http:
        got = await http.get("/exchange/v1/away", headers={"exchange-request-nonce": NONCE})
    assert (got.status_code, got.content, "signature" in got.headers) == (answer.status_code, answer.body, False)


async def test_a_signed_refusal_nobody_can_read_is_a_refusal_still(peer: Peer):
    app = peer.app()

    @app.get("/exchange/v1/odd")
    async def odd() -> JSONResponse:
        return JSONResponse(["no problem document"], 410)

    client = PeerClient(EgressPolicy(), clock=lambda: float(NOW), transports={ISSUER: in_process(app)})
    async with client:
        with pytest.raises(RefusedByPeer) as caught:
            await client.fetch_signed(ISSUER, "/exchange/v1/odd", keys_from=lambda _: {peer.key.kid: peer.key.public})
    assert (caught.value.problem.status, caught.value.problem.code) == (410, "unreadable_problem")


async def test_keys_that_cannot_be_read_from_the_answer_leave_it_unsigned(peer: Peer):
    def unreadable(body: bytes) -> dict[str, Any]:
        raise SignatureRefused("no keys in it")

    client = PeerClient(EgressPolicy(), clock=lambda: float(NOW), transports={ISSUER: in_process(peer.app())})
    async with client:
        with pytest.raises(UnsignedAnswer):
            await client.fetch_signed(ISSUER, "/.well-known/service-exchange", keys_from=unreadable)


async def test_the_operating_system_resolves_this_machine_to_itself():
    assert set(await system_resolver("localhost", 443)) <= {"127.0.0.1", "::1"}


def _typed() -> FastAPI:
    app = FastAPI()

    @app.post("/api/v1/letters")
    async def post(letter: Annotated[Letter, Depends(body_of(Letter))]) -> str:
        return letter.text

    @app.patch("/api/v1/letters")
    async def patch(raw: Annotated[bytes, Depends(merge_patch_body)]) -> int:
        return len(raw)

    problems.install(app)
    return app


@pytest.mark.parametrize(
    ("method", "content_type", "body", "status", "code"),
    [
        ("POST", "application/json; charset=utf-8", b'{"text":"a"}', 200, None),
        ("POST", "text/plain", b'{"text":"a"}', 415, "unsupported_media_type"),
        ("POST", "application/json", b'{"text":1}', 422, "invalid"),
        ("POST", "application/json", b"{", 400, "malformed"),
        ("PATCH", "application/merge-patch+json", b"{}", 200, None),
        ("PATCH", "application/x-www-form-urlencoded", b"a=b", 415, "unsupported_media_type"),
    ],
)
async def test_a_body_has_the_type_its_operation_takes(
    method: str, content_type: str, body: bytes, status: int, code: str | None
):
    async with httpx.AsyncClient(transport=in_process(_typed()), base_url=ISSUER) as http:
        answer = await http.request(method, "/api/v1/letters", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


def test_models_values_and_bytes_can_be_signed_as_they_are(peer: Peer):
    asked = AnsweredRequest("GET", ISSUER + "/exchange/v1/a", NONCE, None, None)
    assert signed_response(key=peer.key, answered=asked, content=["é"], now=NOW).body == '["é"]'.encode()
