"""The embedded directory over SCIM: judged by a public tool, and by what a client must not be able to do."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from starlette.routing import Route

from provider_service.audit.domain import SYSTEM
from provider_service.directory import service as directory
from provider_service.directory.domain import Person
from provider_service.scim import peer, routes, service
from shared.wire.states import Role
from tests.provider.conftest import ISSUER, House

pytestmark = pytest.mark.anyio

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
async def door(house: House) -> House:
    """The house with SCIM at its door."""
    house.app.include_router(routes.router)
    house.app.router.routes.extend(peer.routes())
    return house


def token(house: House, name: str = "Identity service") -> str:
    with house.context.database.transaction() as session:
        return service.create_client(session, name=name, actor=SYSTEM, now=house.clock()).secret


async def client(house: House, name: str = "Identity service") -> httpx.AsyncClient:
    return await house.anybody(
        authorization=f"Bearer {token(house, name)}", **{"content-type": "application/scim+json"}
    )


def ada(**more: Any) -> dict[str, Any]:
    mail = {"value": "ada@example.com", "type": "work", "primary": True}
    return {"schemas": [USER], "userName": "ada", "displayName": "Ada Lovelace", "emails": [mail], **more}


async def made(scim: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await scim.post("/scim/v2/Users", json=ada(**more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def person(house: House, user_id: str) -> Person:
    with house.context.database.transaction() as session:
        return directory.get_user(session, user_id)


async def test_a_public_tool_finds_no_fault_with_the_served_directory(door: House) -> None:
    http, loop = await door.anybody(), asyncio.get_running_loop()

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Carry the tool's calls, which come from its own thread, to the application."""
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        url = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ.get("QUERY_STRING") else "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        sent = http.request(environ["REQUEST_METHOD"], url, headers=headers, content=body)
        answer = asyncio.run_coroutine_threadsafe(sent, loop).result()
        start(f"{answer.status_code} {answer.reason_phrase}", list(answer.headers.items()))
        return [answer.content]

    tool = WSGISCIMClient(application, base_url=f"{ISSUER}/scim/v2", headers={"Authorization": f"Bearer {token(door)}"})
    results = await asyncio.to_thread(check_server, tool)
    assert len(results) > 50
    faults = [(one.title, one.resource_type, one.reason) for one in results if one.status is not Status.SUCCESS]
    assert faults == []


async def test_a_person_made_over_scim_is_a_person_of_the_directory(door: House) -> None:
    scim = await client(door)
    found = await made(scim, externalId="701984", active=False, name={"familyName": "Lovelace"})
    assert found["meta"]["location"] == f"{ISSUER}/scim/v2/Users/{found['id']}"
    known = person(door, found["id"])
    assert (known.login, known.email, known.name, known.active) == ("ada", "ada@example.com", "Ada Lovelace", False)
    assert known.roles == frozenset()
    changed = await scim.patch(
        f"/scim/v2/Users/{found['id']}", json=patch({"op": "replace", "path": "active", "value": True})
    )
    assert changed.json()["active"] is True
    assert person(door, found["id"]).active


async def test_the_same_login_or_address_twice_is_told_to_be_taken(door: House) -> None:
    scim = await client(door)
    await made(scim)
    again = await scim.post("/scim/v2/Users", json=ada())
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    door.person(email="grace@example.com")
    mail = {"value": "other@example.com"}
    posed = await scim.post("/scim/v2/Users", json=ada(userName="Grace@example.com", emails=[mail]))
    assert (posed.status_code, posed.json()["scimType"]) == (409, "uniqueness")


async def test_a_client_sees_only_whom_it_made(door: House) -> None:
    mine, other = await client(door), await client(door, "Another")
    found = await made(mine)
    local = door.person(Role.ADMIN, email="root@example.com")
    for user_id in (found["id"], local.id):
        assert (await other.get(f"/scim/v2/Users/{user_id}")).status_code == 404
        answer = await other.patch(
            f"/scim/v2/Users/{user_id}", json=patch({"op": "replace", "path": "active", "value": False})
        )
        assert answer.status_code == 404
        assert (await other.delete(f"/scim/v2/Users/{user_id}")).status_code == 404
    assert (await other.get("/scim/v2/Users")).json()["totalResults"] == 0
    query = {"filter": 'userName eq "root@example.com"'}
    assert (await mine.get("/scim/v2/Users", params=query)).json()["totalResults"] == 0
    assert (await mine.get("/scim/v2/Users", params={"filter": 'userName eq "ADA"'})).json()["totalResults"] == 1


async def test_nobody_with_a_role_here_can_be_taken_over(door: House) -> None:
    scim = await client(door)
    found = await made(scim)
    with door.context.database.transaction() as session:
        directory.grant_role(session, found["id"], Role.SN_SB_READ, actor=SYSTEM, now=door.clock())
    path = f"/scim/v2/Users/{found['id']}"
    thief = [{"value": "thief@example.com", "primary": True}]
    assert (await scim.put(path, json=ada(emails=thief))).status_code == 403
    assert (await scim.delete(path)).status_code == 403
    assert person(door, found["id"]).email == "ada@example.com"


async def test_a_privileged_group_is_shown_where_given_and_never_written(door: House) -> None:
    scim = await client(door)
    found = await made(scim)
    admin = await door.client(Role.ADMIN)
    group = (await admin.post("/api/v1/groups", json={"name": "Administrators", "privileged": True})).json()
    path = f"/scim/v2/Groups/{group['id']}"
    assert (await scim.get(path)).status_code == 404
    clients = (await admin.get("/api/v1/scim-clients")).json()["items"]
    given = await admin.put(f"/api/v1/scim-clients/{clients[0]['id']}/groups/{group['id']}")
    assert given.status_code == 200
    assert (await scim.get(path)).json()["displayName"] == "Administrators"
    member = {"op": "add", "path": "members", "value": [{"value": found["id"]}]}
    assert (await scim.patch(path, json=patch(member))).status_code == 403
    assert (await scim.put(path, json={"schemas": [GROUP], "displayName": "Mine"})).status_code == 403
    assert (await scim.delete(path)).status_code == 403
    await admin.delete(f"/api/v1/scim-clients/{clients[0]['id']}/groups/{group['id']}")
    assert (await scim.get(path)).status_code == 404


async def test_a_group_keeps_the_members_a_client_does_not_see(door: House) -> None:
    scim = await client(door)
    found = await made(scim)
    local = door.person()
    admin = await door.client(Role.ADMIN)
    wanted = {"name": "Users", "members": [local.id]}
    group = (await admin.post("/api/v1/groups", json=wanted)).json()
    clients = (await admin.get("/api/v1/scim-clients")).json()["items"]
    await admin.put(f"/api/v1/scim-clients/{clients[0]['id']}/groups/{group['id']}")
    path = f"/scim/v2/Groups/{group['id']}"
    assert "members" not in (await scim.get(path)).json()
    body = {"schemas": [GROUP], "displayName": "Users", "members": [{"value": found["id"]}]}
    answer = await scim.put(path, json=body)
    assert [one["value"] for one in answer.json()["members"]] == [found["id"]]
    assert (await admin.get(f"/api/v1/groups/{group['id']}")).json()["members"] == sorted([local.id, found["id"]])
    stranger = {"schemas": [GROUP], "displayName": "Users", "members": [{"value": local.id}]}
    assert (await scim.put(path, json=stranger)).status_code == 400
    assert (await scim.get(f"/scim/v2/Users/{found['id']}")).json()["groups"][0]["display"] == "Users"


async def test_a_deleted_person_is_switched_off_and_taken_up_again_by_the_same_client(door: House) -> None:
    scim, other = await client(door), await client(door, "Another")
    found = await made(scim)
    assert (await scim.delete(f"/scim/v2/Users/{found['id']}")).status_code == 204
    assert (await scim.get(f"/scim/v2/Users/{found['id']}")).status_code == 404
    assert not person(door, found["id"]).active
    assert (await other.post("/scim/v2/Users", json=ada())).status_code == 409
    again = await made(scim)
    assert again["id"] == found["id"]
    assert person(door, found["id"]).active


async def test_a_change_of_a_version_gone_by_is_refused(door: House) -> None:
    scim = await client(door)
    found = await made(scim)
    path, first = f"/scim/v2/Users/{found['id']}", found["meta"]["version"]
    change = patch({"op": "replace", "path": "title", "value": "Countess"})
    assert (await scim.patch(path, json=change, headers={"if-match": first})).status_code == 200
    assert (await scim.patch(path, json=change, headers={"if-match": first})).status_code == 412
    unchanged = await scim.get(path, headers={"if-none-match": first})
    assert unchanged.status_code == 200
    assert (await scim.get(path, headers={"if-none-match": unchanged.headers["etag"]})).status_code == 304


async def test_what_was_changed_here_shows_there(door: House) -> None:
    scim = await client(door)
    found = await made(scim)
    admin = await door.client(Role.ADMIN)
    url = f"/api/v1/users/{found['id']}"
    version = (await admin.get(url)).headers["etag"]
    answer = await admin.patch(
        url,
        json={"email": "countess@example.com", "name": "Countess Lovelace"},
        headers={"if-match": version, "content-type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    shown = (await scim.get(f"/scim/v2/Users/{found['id']}")).json()
    assert shown["emails"] == [{"value": "countess@example.com", "primary": True}]
    assert shown["displayName"] == "Countess Lovelace"
    assert shown["userName"] == "ada"


@pytest.mark.parametrize("given", ["", "Bearer nonsense", "Basic YTpi", "Bearer sxs_" + "A" * 43])
async def test_whoever_brings_no_token_of_a_client_learns_nothing(door: House, given: str) -> None:
    nobody = await door.anybody(**({"authorization": given} if given else {}))
    for path in ("/scim/v2/Users", "/scim/v2/ServiceProviderConfig", "/scim/v2/nothing"):
        answer = await nobody.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_a_token_that_was_ended_is_worth_nothing(door: House) -> None:
    scim = await client(door)
    admin = await door.client(Role.ADMIN)
    clients = (await admin.get("/api/v1/scim-clients")).json()["items"]
    assert (await admin.delete(f"/api/v1/scim-clients/{clients[0]['id']}")).json()["revoked_at"]
    assert (await scim.get("/scim/v2/Users")).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","userName":"b"}', "invalidSyntax"),
        (b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a"}', "invalidValue"),
        (b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","emails":[]}', "invalidValue"),
        (
            b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","emails":[{"value":"x@example.com"}],"roles":[{"value":"admin"}]}',
            "invalidSyntax",
        ),
    ],
)
async def test_a_body_that_is_no_resource_is_refused_in_the_words_of_scim(door: House, body: bytes, kind: str) -> None:
    scim = await client(door)
    answer = await scim.post("/scim/v2/Users", content=body)
    assert (answer.status_code, answer.json().get("scimType")) == (400, kind)


async def test_filters_sorting_and_pages_go_together(door: House) -> None:
    scim = await client(door)
    for name in ("carol", "alice", "bob"):
        await made(scim, userName=name, title="Clerk", emails=[{"value": f"{name}@example.com"}])
    await made(scim, userName="dave", emails=[{"value": "dave@example.com"}])
    asked = {"filter": 'title eq "clerk"', "sortBy": "userName", "startIndex": "2", "count": "1"}
    page = (await scim.get("/scim/v2/Users", params=asked)).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    assert [one["userName"] for one in page["Resources"]] == ["bob"]
    searched = await scim.post(
        "/scim/v2/Users/.search",
        json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], **asked, "startIndex": 1, "count": 1},
    )
    assert [one["userName"] for one in searched.json()["Resources"]] == ["alice"]
    wrong = await scim.get("/scim/v2/Users", params={"filter": "userName eq"})
    assert (wrong.status_code, wrong.json()["scimType"]) == (400, "invalidFilter")


def test_there_is_one_route_and_it_asks_for_a_token_first() -> None:
    found = peer.routes()
    assert [type(one) for one in found] == [Route]
