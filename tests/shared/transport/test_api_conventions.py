"""Query parameters, pages, versions, patches and idempotency, as every API of ours does them."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.transport import problems
from shared.transport.client import in_process
from shared.transport.conventions import (
    Page,
    PageCursor,
    PageLimit,
    cut_page,
    decode_cursor,
    encode_cursor,
    etag_of,
    is_unchanged,
    known_parameters,
    link_header,
    merge_patch,
    patched,
    require_match,
)
from shared.transport.idempotency import IdempotencyKey, Record, StoredAnswer, decide, fingerprint, once
from shared.wire.errors import (
    Conflict,
    ExchangeError,
    Invalid,
    MalformedJson,
    PreconditionFailed,
    PreconditionRequired,
)

pytestmark = pytest.mark.anyio


class Filter(BaseModel):
    state: str | None = None
    tags: list[str] = []


async def tenant(tenant: str = "own") -> str:
    return tenant


def _app() -> FastAPI:
    app = FastAPI()
    router = APIRouter(dependencies=[Depends(known_parameters)])

    @router.get("/numbers")
    async def list_numbers(
        request: Request, response: Response, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[int]:
        after = decode_cursor("number", cursor)[0] if cursor else 0
        rows = [number for number in range(1, 8) if number > int(after)][: limit + 1]
        items, following = cut_page(rows, limit=limit, sort="number", key=lambda number: [number])
        response.headers.update(link_header(request, following))
        return Page(items=list(items), next_cursor=following)

    @router.get("/filtered")
    async def list_filtered(
        chosen: Annotated[Filter, Query()], ids: Annotated[list[int] | None, Query()] = None
    ) -> dict[str, object]:
        return {"state": chosen.state, "tags": chosen.tags, "ids": ids}

    @router.post("/made")
    async def make(key: IdempotencyKey) -> str:
        return key

    app.include_router(router, prefix="/api/v1", dependencies=[Depends(tenant)])
    problems.install(app)
    return app


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=in_process(_app()), base_url="http://test/api/v1")


@pytest.mark.parametrize(
    ("query", "code"),
    [("limits=5", "unknown_parameter"), ("limit=5&limit=6", "duplicate_parameter"), ("%00=1", "unknown_parameter")],
)
async def test_a_query_parameter_nobody_declared_is_refused(query: str, code: str):
    async with _http() as http:
        answer = await http.get(f"/numbers?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_declared_parameters_pass_wherever_they_are_declared():
    async with _http() as http:
        answer = await http.get("/filtered?state=new&tags=a&tags=b&ids=1&ids=2&tenant=x")
    assert answer.json() == {"state": "new", "tags": ["a", "b"], "ids": [1, 2]}


async def test_the_pages_of_a_list_follow_each_other_by_link_and_cursor():
    seen: list[int] = []
    path = "/numbers?limit=3"
    async with _http() as http:
        for _ in range(3):
            answer = await http.get(path)
            seen += answer.json()["items"]
            if "link" in answer.headers:
                assert 'rel="next"' in answer.headers["link"]
                path = "/numbers" + answer.links["next"]["url"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert answer.json()["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "201", "x"])
async def test_a_page_has_at_most_200_items(limit: str):
    async with _http() as http:
        answer = await http.get(f"/numbers?limit={limit}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/limit")


@pytest.mark.parametrize(
    "cursor", ["", "%", "é", "AAAA", encode_cursor("name", ["a"]), encode_cursor("number", []), "W251bGwsMV0"]
)
def test_a_cursor_of_another_list_or_of_no_list_is_refused(cursor: str):
    with pytest.raises(Invalid) as caught:
        decode_cursor("number", cursor)
    assert caught.value.code == "cursor_invalid"


def test_a_cursor_gives_back_what_it_was_made_of():
    assert decode_cursor("-name", encode_cursor("-name", ["ä/ö", 7])) == ["ä/ö", 7]


def test_a_change_must_name_the_version_it_starts_from():
    current = etag_of(3)
    require_match('"3"', current)
    require_match('"1", "3"', current)
    with pytest.raises(PreconditionRequired):
        require_match(None, current)
    for stale in ('"2"', "*", 'W/"3"', "3", ""):
        with pytest.raises(PreconditionFailed):
            require_match(stale, current)


def test_a_304_is_due_when_the_version_is_the_known_one():
    assert [is_unchanged(known, '"3"') for known in ('"3"', 'W/"3"', "*", '"2"', None)] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_rfc_7396_lists(target: object, patch: object, result: object):
    assert merge_patch(target, patch) == result


class Account(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=5)
    note: str | None = None


def test_a_patch_changes_what_it_names_and_nothing_else():
    current = {"name": "a", "note": "kept"}
    assert patched(Account, current, b'{"name":"b"}') == Account(name="b", note="kept")
    assert patched(Account, current, b'{"note":null}') == Account(name="a")
    assert current == {"name": "a", "note": "kept"}


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"[]", "patch_invalid"), (b'{"role":"admin"}', "unknown_member"), (b'{"name":"too-long"}', "invalid")],
)
def test_a_patch_that_would_break_the_resource_is_refused(body: bytes, code: str):
    with pytest.raises(Invalid) as caught:
        patched(Account, {"name": "a"}, body)
    assert caught.value.code == code


def test_a_patch_is_strict_json():
    with pytest.raises(MalformedJson):
        patched(Account, {"name": "a"}, b'{"name":"a","name":"b"}')


class Kept:
    """Keys in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}

    def claim(self, owner: str, key: str, fingerprint: str) -> Record | None:
        known = self.records.get((owner, key))
        if known is None:
            self.records[owner, key] = Record(fingerprint, None)
        return known

    def finish(self, owner: str, key: str, answer: StoredAnswer) -> None:
        self.records[owner, key] = Record(self.records[owner, key].fingerprint, answer)


def test_the_same_request_twice_is_done_once_and_answered_twice():
    kept, done = Kept(), []

    def work() -> StoredAnswer:
        done.append("once")
        return StoredAnswer(201, b"made")

    wanted = fingerprint("POST", "/api/v1/made", b"{}")
    first = once(kept, owner="a", key="k", wanted=wanted, work=work)
    second = once(kept, owner="a", key="k", wanted=wanted, work=work)
    assert (first, second) == ((StoredAnswer(201, b"made"), False), (StoredAnswer(201, b"made"), True))
    assert done == ["once"]
    once(kept, owner="b", key="k", wanted=wanted, work=work)
    assert done == ["once", "once"]


@pytest.mark.parametrize(
    ("known", "refusal", "code"),
    [
        (Record("other", None), Invalid, "idempotency_key_reused"),
        (Record("other", StoredAnswer(200, b"")), Invalid, "idempotency_key_reused"),
        (Record("same", None), Conflict, "idempotency_running"),
    ],
)
def test_a_key_that_stands_for_something_else_or_is_in_use_is_refused(
    known: Record, refusal: type[ExchangeError], code: str
):
    with pytest.raises(refusal) as caught:
        decide(known, "same")
    assert caught.value.code == code


def test_every_part_of_a_request_makes_its_fingerprint():
    prints = {
        fingerprint(*parts)
        for parts in (("POST", "/a", b""), ("PUT", "/a", b""), ("POST", "/b", b""), ("POST", "/a", b"x"))
    }
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "idempotency_key_missing"),
        ({"idempotency-key": "a b"}, 400, "idempotency_key_malformed"),
        ({"idempotency-key": "x" * 129}, 400, "idempotency_key_malformed"),
    ],
)
async def test_a_missing_or_odd_key_is_refused(headers: dict[str, str], status: int, code: str):
    async with _http() as http:
        answer = await http.post("/made", headers=headers)
        good = await http.post("/made", headers={"idempotency-key": "job-1"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert good.json() == "job-1"
