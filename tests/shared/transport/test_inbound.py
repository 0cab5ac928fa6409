"""Signed requests are read before their JSON is, the target is our own, and every answer is signed."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.requests import Request

from shared.signing.headers import digest_of
from shared.signing.requests import sign_request
from shared.signing.responses import AnsweredRequest, verify_response
from shared.transport import problems
from shared.transport.client import in_process
from shared.transport.inbound import StrictRoute, parsed, parsed_once, signed_response, signed_target
from shared.wire.errors import Invalid, MalformedJson
from shared.wire.messages import Batch
from tests.shared.transport.instance import ISSUER, NOW, SMALL, Letter, Peer

pytestmark = pytest.mark.anyio
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"
PATH = "/exchange/v1/letters"


def _http(app: Any, base: str = ISSUER) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=in_process(app), base_url=base)


def _signed(peer: Peer, body: bytes = b'{"text":"hello"}', target: str = ISSUER + PATH) -> dict[str, str]:
    return dict(
        sign_request(
            peer.caller,
            method="POST",
            target_uri=target,
            body=body,
            content_type="application/json",
            idempotency_key=None,
            connection_id=None,
            nonce=NONCE,
            now=NOW,
        )
    )


def _verify(peer: Peer, answer: httpx.Response, asked: AnsweredRequest) -> None:
    verify_response(
        {peer.key.kid: peer.key.public},
        status=answer.status_code,
        headers=answer.headers.raw,
        body=answer.content,
        request=asked,
        now=NOW,
    )


async def test_the_target_is_the_configured_issuer_whatever_host_and_proxy_headers_say(peer: Peer):
    lies = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    async with _http(peer.app(), "http://10.0.0.1:8000") as http:
        answer = await http.post(PATH, content=b'{"text":"hello"}', headers=_signed(peer) | lies)
        other = _signed(peer, target="http://evil.example" + PATH)
        refused = await http.post(PATH, content=b'{"text":"hello"}', headers=other | lies)
    assert answer.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (401, "signature_invalid")


def test_the_signed_target_has_the_query_that_raw_path_lacks():
    scope = {"path": "/exchange/v1/a", "raw_path": b"/exchange/v1/a", "query_string": b"wait=25"}
    assert signed_target(scope, ISSUER) == "https://peer.example/exchange/v1/a?wait=25"
    assert signed_target(scope | {"query_string": b""}, ISSUER) == "https://peer.example/exchange/v1/a"


@pytest.mark.parametrize("body", [b"{not json", b'{"text":1}', b"\xff", b'{"text":"' + b"x" * 500 + b'"}'])
async def test_an_unsigned_caller_learns_nothing_about_the_body(peer: Peer, body: bytes):
    async with _http(peer.app()) as http:
        answer = await http.post(PATH, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_missing")
    assert answer.headers["www-authenticate"] == "Signature"
    assert "signature" not in answer.headers


async def test_a_signed_caller_is_told_where_the_body_is_wrong_and_not_what_was_in_it(peer: Peer):
    body = b'{"text":"a-secret-that-is-much-too-long","count":"seven"}'
    async with _http(peer.app()) as http:
        answer = await http.post(PATH, content=body, headers=_signed(peer, body))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/text", "/count"]
    assert "a-secret" not in answer.text
    assert "seven" not in answer.text
    _verify(peer, answer, AnsweredRequest("POST", ISSUER + PATH, NONCE, digest_of(body), None))


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 404), ({"content-encoding": "gzip"}, 415), ({"x-long": "x" * 3000}, 431), ({"content-length": "2000"}, 413)],
)
async def test_refusals_before_the_routes_are_signed_for_the_nonce_of_an_unsigned_request(
    peer: Peer, headers: dict[str, str], status: int
):
    async with _http(peer.app(limits=SMALL)) as http:
        asked = {"exchange-request-nonce": NONCE} | headers
        answer = await http.request("POST", "/exchange/v1/nothing", headers=asked)
    assert answer.status_code == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    _verify(peer, answer, AnsweredRequest("POST", ISSUER + "/exchange/v1/nothing", NONCE, None, None))


async def test_a_wrong_method_is_refused_with_the_allowed_ones(peer: Peer):
    async with _http(peer.app()) as http:
        answer = await http.request("DELETE", PATH, headers={"exchange-request-nonce": NONCE})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    _verify(peer, answer, AnsweredRequest("DELETE", ISSUER + PATH, NONCE, None, None))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"exchange-request-nonce": "short"},
        {"exchange-request-nonce": NONCE, "content-digest": "md5=:x:"},
        {"exchange-request-nonce": NONCE, "exchange-connection": "a b"},
        {"signature-input": f'a=();nonce="{NONCE}", b=();nonce="{NONCE}"'},
    ],
)
async def test_nothing_is_signed_where_the_nonce_or_what_it_binds_cannot_be_read(peer: Peer, headers: dict[str, str]):
    async with _http(peer.app()) as http:
        answer = await http.get("/.well-known/service-exchange", headers=headers)
    assert "signature" not in answer.headers


async def test_an_instance_without_a_key_answers_unsigned(peer: Peer):
    app = peer.app()
    app.user_middleware = [layer for layer in app.user_middleware if layer.cls.__name__ != "SignedAnswers"]
    async with _http(app) as http:
        answer = await http.get("/.well-known/service-exchange", headers={"exchange-request-nonce": NONCE})
    assert answer.status_code == 200
    assert "signature" not in answer.headers


def test_an_answer_can_be_signed_by_hand(peer: Peer):
    asked = AnsweredRequest("GET", ISSUER + PATH, NONCE, None, None)
    for content in (Letter(text="a"), {"text": "a", "count": 1}, b'{"text":"a","count":1}'):
        response = signed_response(key=peer.key, answered=asked, content=content, now=NOW)
        assert response.body == b'{"text":"a","count":1}'
        verify_response(
            {peer.key.kid: peer.key.public},
            status=200,
            headers=response.raw_headers,
            body=bytes(response.body),
            request=asked,
            now=NOW,
        )


async def test_an_answer_that_is_already_signed_passes_untouched(peer: Peer):
    app = peer.app()
    asked = AnsweredRequest("GET", ISSUER + "/exchange/v1/own", NONCE, None, None)

    @app.get("/exchange/v1/own")
    async def own() -> Any:
        return signed_response(key=peer.caller, answered=asked, content={"own": True}, now=NOW)

    async with _http(app) as http:
        answer = await http.get("/exchange/v1/own", headers={"exchange-request-nonce": NONCE})
    assert answer.headers["signature-input"].count(peer.caller.kid) == 1
    assert answer.headers.get_list("signature") == [answer.headers["signature"]]


def test_a_body_is_decoded_strictly_before_it_is_a_model():
    assert parsed(Letter, b'{"text":"a"}').text == "a"
    with pytest.raises(MalformedJson):
        parsed(Letter, b'{"text":"a","text":"b"}')
    with pytest.raises(Invalid) as caught:
        parsed(Letter, b"[]")
    assert caught.value.errors[0].pointer == ""


class Nested(BaseModel):
    items: list[Letter]
    amount: float = 0


def _api() -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=StrictRoute)

    @router.post("/api/v1/nested")
    async def store(nested: Nested, request: Request) -> dict[str, int]:
        return {"items": len(nested.items), "bytes": len(await request.body())}

    app.include_router(router)
    problems.install(app)
    return app


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[],"amount":NaN}',
        b'{"items":[],"amount":1e999}',
        b'{"items":[{"text":"\\ud800"}]}',
        b'{"items":[],"items":[]}',
        b"[" * 5000,
        b'{"items":[],"amount":' + b"1" * 5000 + b"}",
        '{"items":[]}'.encode("utf-16"),
        b"\xff\xfe",
        b"{",
    ],
)
async def test_hostile_json_to_an_ordinary_route_is_malformed_and_never_our_fault(body: bytes):
    async with _http(_api()) as http:
        answer = await http.post("/api/v1/nested", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_framework_without_the_strict_route_would_take_it():
    """Why `StrictRoute` exists: the day this fails, it can go."""
    app = FastAPI()

    @app.post("/")
    async def store(body: dict[str, Any]) -> str:
        return json.dumps(body)

    async with _http(app) as http:
        answer = await http.post("/", content=b'{"a":NaN,"a":NaN}', headers={"content-type": "application/json"})
    assert answer.status_code == 200


async def test_an_ordinary_route_names_the_faulty_members_by_pointer():
    body = {"items": [{"text": "x" * 30}, {"text": "ok", "count": "secret"}], "amount": "much"}
    async with _http(_api()) as http:
        answer = await http.post("/api/v1/nested", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/items/0/text", "/items/1/count", "/amount"]
    assert "secret" not in answer.text


async def test_a_route_can_still_read_the_raw_body():
    async with _http(_api()) as http:
        answer = await http.post("/api/v1/nested", json={"items": []})
    assert answer.json() == {"items": 0, "bytes": 12}


_MESSAGE = {
    "id": "0192f0c4-0000-7000-8000-000000000001",
    "lane": "a",
    "sequence": 1,
    "type": "incident",
    "time": "2026-11-01T10:00:00.000Z",
    "subject": "",
    "data": {"op": "create", "deep": [1, {"a": None}]},
}
_PLACES = (("epoch",), ("messages",), ("messages", 0), *(("messages", 0, name) for name in _MESSAGE))
_VALUES = (True, None, 0, 1, -1, 1.0, 1.5, 2**53 + 1, 10**19, "", "1", "A" * 300, [], [1], {}, {"a": 1})


def _taken(read: Callable[[type[Batch], bytes], Batch], body: bytes) -> Any:
    try:
        return read(Batch, body).model_dump()
    except Invalid as error:
        return [(fault.pointer, fault.detail) for fault in error.errors]


@pytest.mark.parametrize("place", _PLACES, ids=lambda place: "/".join(map(str, place)))
def test_a_batch_read_once_is_taken_and_refused_exactly_as_one_read_twice(place: tuple[Any, ...]) -> None:
    for value in _VALUES:
        batch: Any = {"epoch": 1, "messages": [dict(_MESSAGE)]}
        holder = batch
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = value
        body = json.dumps(batch).encode()

        assert _taken(parsed_once, body) == _taken(parsed, body)


def test_a_batch_read_once_passes_the_strict_decoder() -> None:
    with pytest.raises(MalformedJson):
        parsed_once(Batch, b'{"epoch":1,"epoch":2,"messages":[]}')
