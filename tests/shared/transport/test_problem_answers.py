"""Every error becomes a problem by one table, and comes back as the error it was."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Query

from shared.signing.errors import KeyUnknown, TooOld
from shared.transport import errors as crossing
from shared.transport import problems
from shared.transport.client import in_process
from shared.wire import errors as tree
from shared.wire.errors import ExchangeError, FieldError
from shared.wire.problems import Problem

pytestmark = pytest.mark.anyio


def _app(error: Exception) -> FastAPI:
    app = FastAPI()

    @app.get("/api/v1/thing")
    async def raise_it() -> None:
        raise error

    @app.get("/api/v1/number")
    async def number(count: Annotated[int, Query(le=5)]) -> int:
        return count

    problems.install(app)
    return app


async def _get(error: Exception, path: str = "/api/v1/thing") -> httpx.Response:
    async with httpx.AsyncClient(transport=in_process(_app(error)), base_url="http://test") as http:
        return await http.get(path)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (tree.Invalid(), 422),
        (tree.MalformedJson(), 400),
        (tree.Unauthenticated(), 401),
        (KeyUnknown(), 401),
        (TooOld(), 401),
        (tree.Forbidden(), 403),
        (tree.NotFound(), 404),
        (tree.Conflict(), 409),
        (tree.IllegalMove(), 409),
        (tree.Gone(), 410),
        (tree.PreconditionFailed(), 412),
        (tree.TooLarge(), 413),
        (tree.PreconditionRequired(), 428),
        (tree.TooMany(), 429),
        (tree.Unavailable(), 503),
        (crossing.EgressRefused(), 422),
        (crossing.UnknownParameter(), 400),
        (crossing.ReceiptTimeout(), 408),
        (crossing.Unreachable(), 502),
        (crossing.DeadlinePassed(), 504),
        (crossing.UnsignedAnswer(), 502),
        (crossing.RefusedByPeer(Problem(status=409, code="x")), 502),
    ],
)
async def test_an_error_has_the_status_of_its_nearest_class(error: ExchangeError, status: int):
    answer = await _get(error)
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, error.code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_problem_tells_cause_fix_fields_and_when_to_come_back():
    error = tree.TooMany(
        "Too fast", cause="c", fix="f", errors=[FieldError("/a", "b")], retry_after=9, extra={"server_time": 5}
    )
    answer = await _get(error)
    assert answer.headers["retry-after"] == "9"
    back = Problem.model_validate(answer.json()).to_error()
    assert (type(back), back.cause, back.fix, back.errors) == (tree.TooMany, "c", "f", (FieldError("/a", "b"),))
    assert (back.retry_after, back.extra) == (9, {"server_time": 5})


async def test_a_401_names_the_scheme():
    assert (await _get(tree.Unauthenticated())).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("error", [RuntimeError("secret"), ExchangeError("secret"), KeyError("secret")])
async def test_a_fault_of_ours_tells_nothing_of_itself(error: Exception):
    answer = await _get(error)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("status", "code"), [(404, "not_found"), (403, "forbidden"), (418, "invalid"), (507, "internal")]
)
async def test_an_exception_of_the_framework_is_a_problem_too(status: int, code: str):
    answer = await _get(HTTPException(status, "secret"))
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/thing/more"])
async def test_an_unknown_path_is_a_problem(path: str):
    assert (await _get(RuntimeError(), path)).json()["code"] == "not_found"


async def test_a_faulty_query_parameter_is_named_and_not_repeated():
    answer = await _get(RuntimeError(), "/api/v1/number?count=%00secret")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/count")
    assert "secret" not in answer.text


def test_pointers_escape_what_rfc_6901_says():
    assert problems.pointer_of(["a/b", 0, "m~n", "\ud800"]) == "/a~1b/0/m~0n/\\ud800"


async def test_a_failed_commit_of_a_function_scoped_session_is_not_answered_as_success():
    """Fact 1 of the architecture: without the scope the answer would have left before the commit."""
    app = FastAPI()

    async def session():
        yield None
        raise tree.Unavailable("the commit failed")

    @app.get("/function")
    async def function_scoped(_: Annotated[None, Depends(session, scope="function")]) -> str:
        return "done"

    problems.install(app)
    async with httpx.AsyncClient(transport=in_process(app), base_url="http://test") as http:
        answer = await http.get("/function")
    assert answer.status_code == 503
