"""A directory over SCIM that fails, refuses, or answers what is none; and settings that must not run."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from provider_service.audit.domain import SYSTEM
from provider_service.context import Context
from provider_service.identity.calls import directory_of
from provider_service.identity.domain import NewUser
from provider_service.settings import Settings
from shared.runtime.settings import SettingsRefused, load
from shared.wire.errors import Conflict, NotFound, Unavailable
from tests.provider.conftest import House
from tests.provider.identity.conftest import calling
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ADA = NewUser("reference-1", "ada", "ada@engines.example", "Ada", "en")
TOKEN = "the token of the directory"


@dataclass
class Service:
    """Answers by method and path; keeps what it was sent."""

    answers: dict[tuple[str, str], Callable[[], Response]] = field(default_factory=dict)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "PATCH"])])

    async def answer(self, request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        self.raw.append(request.scope["raw_path"])
        path = request.url.path.removeprefix("/scim/v2")
        body = await request.body()
        self.sent.append((request.method, path, json.loads(body) if body else dict(request.query_params)))
        return self.answers[(request.method, path)]()


def resource(**changes: Any) -> dict[str, Any]:
    """A user as a service with attributes of its own shows it."""
    told = {
        "schemas": [USER, "urn:vendor:1.0:User"],
        "id": "42",
        "externalId": ADA.reference,
        "userName": "ada",
        "active": False,
        "emails": [{"value": "other@engines.example"}, {"value": ADA.email, "primary": True, "vendor": 1}],
        "urn:vendor:1.0:User": {"isFederatedUser": True},
        "meta": {"resourceType": "User", "vendor": "x"},
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


def listed(*found: Any, **changes: Any) -> Callable[[], Response]:
    told = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(found)}
    return lambda: JSONResponse(told | {"Resources": list(found)} | changes)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def asking(context: Context, service: Service) -> Context:
    return calling(context, service.app, TOKEN)


async def test_attributes_of_its_own_do_no_harm(asking: Context, service: Service) -> None:
    service.answers[("GET", "/Users")] = listed(resource())
    found = await directory_of(asking).find_by_login("ada")
    assert found is not None
    assert (found.id, found.login, found.email, found.active) == ("42", "ada", ADA.email, False)
    assert service.sent[0][2]["filter"] == 'userName eq "ada"'


async def test_somebody_else_is_not_taken_for_the_one_asked_for(asking: Context, service: Service) -> None:
    service.answers[("GET", "/Users")] = listed(resource(userName="adam"), "nobody", resource(userName="bea"))
    assert await directory_of(asking).find_by_login("ada") is None
    service.answers[("GET", "/Users")] = listed(resource(), resource(id="43", userName="ADA"))
    with pytest.raises(Conflict) as refused:
        await directory_of(asking).find_by_login("ada")
    assert refused.value.code == "directory_ambiguous"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: PlainTextResponse("<html>sign in</html>"),
        lambda: PlainTextResponse(""),
        lambda: JSONResponse([]),
        listed(resource(id=None)),
        listed(resource(id=42)),
        listed(resource(active="no way")),
        listed(resource(emails=[{"value": "no address"}])),
        listed(Resources={}),
    ],
)
async def test_an_answer_that_is_none_is_refused(asking: Context, service: Service, answer: Any) -> None:
    service.answers[("GET", "/Users")] = answer
    with pytest.raises(Conflict) as refused:
        await directory_of(asking).find_by_login("ada")
    assert refused.value.code == "directory_unusable"


@pytest.mark.parametrize(
    ("answer", "kind", "code", "wait"),
    [
        (lambda: JSONResponse({"detail": "no\u0007pe"}, 401), Conflict, "directory_refused", None),
        (lambda: JSONResponse({}, 403), Conflict, "directory_refused", None),
        (lambda: PlainTextResponse("", 302, {"location": "https://evil.example"}), Conflict, "directory_refused", None),
        (lambda: JSONResponse({}, 400), Conflict, "directory_refused", None),
        (lambda: JSONResponse({}, 404), NotFound, "directory_unknown", None),
        (lambda: JSONResponse({}, 429, {"retry-after": "7"}), Unavailable, "directory_unavailable", 7),
        (lambda: JSONResponse({}, 429, {"retry-after": "99999999"}), Unavailable, "directory_unavailable", 3600),
        (lambda: JSONResponse({}, 503, {"retry-after": "soon"}), Unavailable, "directory_unavailable", None),
        (lambda: PlainTextResponse("x" * 70_000_000), Unavailable, "directory_unavailable", None),
    ],
)
async def test_a_failure_is_told_as_the_port_says(
    asking: Context, service: Service, answer: Any, kind: Any, code: str, wait: int | None
) -> None:
    service.answers = {("PATCH", "/Users/42"): answer}
    with pytest.raises(kind) as refused:
        await directory_of(asking).activate("42", actor=SYSTEM)
    assert (refused.value.code, refused.value.retry_after) == (code, wait)
    assert TOKEN not in str(refused.value.cause)
    assert "\u0007" not in str(refused.value.cause)


async def test_a_user_that_was_made_active_against_our_word_is_shut_out(asking: Context, service: Service) -> None:
    service.answers = {
        ("POST", "/Users"): lambda: JSONResponse(resource(active=True), 201),
        ("PATCH", "/Users/42"): lambda: Response(status_code=204),
    }
    assert (await directory_of(asking).create_inactive(ADA, actor=SYSTEM)).id == "42"
    assert service.sent[0][2]["active"] is False
    assert service.sent[1][2]["Operations"] == [{"op": "replace", "path": "active", "value": False}]


async def test_a_user_made_before_is_ours_by_our_reference_only(asking: Context, service: Service) -> None:
    taken = lambda: JSONResponse({"status": "409", "scimType": "uniqueness"}, 409)  # noqa: E731 - an answer
    service.answers = {("POST", "/Users"): taken, ("GET", "/Users"): listed(resource())}
    assert (await directory_of(asking).create_inactive(ADA, actor=SYSTEM)).id == "42"
    for other in (listed(resource(externalId="another")), listed(resource(externalId=None)), listed()):
        service.answers[("GET", "/Users")] = other
        with pytest.raises(Conflict) as refused:
            await directory_of(asking).create_inactive(ADA, actor=SYSTEM)
        assert refused.value.code == "login_taken"


async def test_an_id_stays_one_part_of_a_path(asking: Context, service: Service) -> None:
    with pytest.raises(Unavailable):
        await directory_of(asking).activate("../Groups/1?x=#", actor=SYSTEM)
    assert service.raw == [b"/scim/v2/Users/..%2FGroups%2F1%3Fx%3D%23"]


async def test_taking_out_of_a_group_one_who_is_not_in_it_is_done(asking: Context, service: Service) -> None:
    group = {"id": "7", "displayName": "Role"}
    service.answers = {
        ("GET", "/Groups"): listed(group),
        ("PATCH", "/Groups/7"): lambda: JSONResponse({"scimType": "noTarget"}, 400),
    }
    await directory_of(asking).revoke("42", "role", actor=SYSTEM)
    assert service.sent[-1][2]["Operations"] == [{"op": "remove", "path": 'members[value eq "42"]'}]
    service.answers[("PATCH", "/Groups/7")] = lambda: JSONResponse({"scimType": "mutability"}, 400)
    with pytest.raises(Conflict):
        await directory_of(asking).revoke("42", "role", actor=SYSTEM)


async def test_a_group_that_cannot_be_seen_is_not_written(asking: Context, service: Service) -> None:
    service.answers = {("GET", "/Groups"): listed(), ("POST", "/Groups"): lambda: JSONResponse({}, 409)}
    with pytest.raises(Conflict) as refused:
        await directory_of(asking).grant("42", "Role", actor=SYSTEM)
    assert refused.value.code == "directory_refused"


@pytest.mark.parametrize("url", ["http://10.0.0.1/scim/v2", "https://169.254.169.254/scim", "https://localhost/scim"])
async def test_a_directory_the_guard_stands_before_is_not_called(context: Context, service: Service, url: str) -> None:
    asking = calling(context, service.app, TOKEN, url)
    with pytest.raises(Conflict) as refused:
        await directory_of(asking).find_by_login("ada")
    assert refused.value.code == "directory_refused"


async def test_a_request_waits_for_a_directory_that_is_away(
    house: House, context: Context, service: Service, asking: Context
) -> None:
    house.context = house.app.state.context = asking
    service.answers = {("GET", "/Users"): listed(), ("POST", "/Users"): lambda: JSONResponse({}, 503)}
    town = await Town(house).set_up()
    request_id = await town.proven()
    path = f"/api/v1/self-service/requests/{request_id}"
    answer = await town.staff.post(f"{path}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_FAILED", answer.text
    assert "status 503" in answer.json()["failure"]
    reference = service.sent[-1][2]["externalId"]
    made = resource(externalId=reference, userName="ada@engines.example")
    service.answers = {
        ("GET", "/Users"): listed(made),
        ("POST", "/Users"): lambda: JSONResponse({}, 409),
        ("GET", "/Users/42"): lambda: JSONResponse(made),
        ("PATCH", "/Users/42"): lambda: JSONResponse(made),
        ("GET", "/Groups"): listed(),
        ("POST", "/Groups"): lambda: JSONResponse({"id": "7"}, 201),
        ("PATCH", "/Groups/7"): lambda: Response(status_code=204),
    }
    answer = await town.staff.post(f"{path}/approve", json={})
    assert (answer.json()["state"], answer.json()["user_id"]) == ("ORA_CSS_APPROVED", "42"), answer.text
    letters = [letter for letter in await town.post() if letter.to == "ada@engines.example"]
    assert len(letters) == 1


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"directory_url": "http://id.example.com/scim/v2", "directory_token": "t"}, "PROVIDER_DIRECTORY_URL"),
        ({"directory_url": "https://id.example.com/scim/v2"}, "PROVIDER_DIRECTORY_TOKEN"),
    ],
)
def test_production_starts_with_a_directory_by_https_and_token_only(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], setting: str
) -> None:
    master = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    present = {"environment": "production", "issuer": "https://hub.example.com", "master_key": master}
    for name, value in (present | given).items():
        monkeypatch.setenv(f"PROVIDER_{name.upper()}", value)
    with pytest.raises(SettingsRefused) as refused:
        load(Settings)
    assert [error.pointer for error in refused.value.errors] == [setting]
