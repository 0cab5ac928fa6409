"""Incidents, comments and bonds over HTTP, as an integrator meets them."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx import AsyncClient, Response

from provider_service.records.routes import router
from shared.wire.identifiers import new_id
from shared.wire.states import Role
from tests.provider.conftest import House
from tests.provider.records.exchange import Desk

pytestmark = pytest.mark.anyio

READERS = {Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ}
WRITERS = {Role.ADMIN, Role.SN_SB_ADMIN}
ROUTES = [route for route in router.routes if isinstance(route, APIRoute)]
NEW = {"fields": {"short_description": "Mail is down", "state": "New"}}
BODIES: dict[str, dict[str, Any]] = {
    "create_incident": NEW,
    "operate_incidents": {"operations": [{"op": "create", **NEW}]},
    "update_incident": {"state": "Active"},
    "add_incident_comment": {"text": "hello"},
    "share_incident": {"connection_id": "unknown"},
}


@pytest.fixture
def house(house: House) -> House:
    house.app.include_router(router)
    return house


@pytest.fixture
def desk(house: House) -> Desk:
    """The use cases over the same database, with a connection to share over."""
    desk = Desk("provider_service", house.context.database, now=house.clock())
    desk.connect(new_id())
    return desk


async def made(client: AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/incidents", json=NEW | body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_incident_is_created_read_and_found(house: House, desk: Desk) -> None:
    client = await house.client(Role.SN_SB_ADMIN)
    incident = await made(client)
    assert (incident["number"], incident["origin"], incident["fields"]) == ("INC0000001", "local", NEW["fields"])
    assert (await client.get(f"/api/v1/incidents/{incident['id']}")).json() == incident
    await made(client, fields={"state": "Active"})
    for query in ({"state": "New"}, {"number": "INC0000001"}):
        found = (await client.get("/api/v1/incidents", params=query)).json()["items"]
        assert [one["id"] for one in found] == [incident["id"]]


async def test_a_list_is_walked_by_its_cursor(house: House) -> None:
    client = await house.client(Role.ADMIN)
    numbers = [(await made(client))["number"] for _ in range(3)]
    first = await client.get("/api/v1/incidents", params={"limit": 2})
    rest = await client.get("/api/v1/incidents", params={"limit": 2, "cursor": first.json()["next_cursor"]})
    assert [one["number"] for one in first.json()["items"] + rest.json()["items"]] == numbers[::-1]
    assert rest.json()["next_cursor"] is None
    assert 'rel="next"' in first.headers["link"]


async def test_a_change_names_the_version_it_starts_from(house: House) -> None:
    client = await house.client(Role.ADMIN)
    path = f"/api/v1/incidents/{(await made(client))['id']}"
    assert (await client.patch(path, json={"state": "Active"})).status_code == 428
    assert (await client.patch(path, json={"state": "Active"}, headers={"if-match": '"9"'})).status_code == 412
    tag = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"state": "Active", "short_description": None}, headers={"if-match": tag})
    assert (changed.json()["fields"], changed.headers["etag"]) == ({"state": "Active"}, '"2"')


async def test_a_call_repeated_under_its_key_creates_once(house: House) -> None:
    client = await house.client(Role.ADMIN)
    first, again = [
        await client.post("/api/v1/incidents", json=NEW, headers={"idempotency-key": "same"}) for _ in range(2)
    ]
    assert first.json() == again.json()
    assert len((await client.get("/api/v1/incidents")).json()["items"]) == 1
    other = await client.post("/api/v1/incidents", json={"fields": {}}, headers={"idempotency-key": "same"})
    assert refusal(other) == (422, "idempotency_key_reused")


async def test_an_incident_created_over_a_connection_is_queued_for_it(house: House, desk: Desk) -> None:
    client = await house.client(Role.ADMIN)
    incident = await made(client, connection_id=desk.connection_id)
    (told,) = desk.messages()
    assert (told.type, told.subject, told.data["record_id"]) == ("incident", incident["number"], incident["id"])
    found = await client.get("/api/v1/incidents", params={"connection_id": desk.connection_id})
    assert [one["id"] for one in found.json()["items"]] == [incident["id"]]


async def test_a_bond_is_made_shown_disconnected_and_reconnected(house: House, desk: Desk) -> None:
    client = await house.client(Role.ADMIN)
    incident = await made(client)
    shared = await client.post(f"/api/v1/incidents/{incident['id']}/bonds", json={"connection_id": desk.connection_id})
    assert (shared.status_code, shared.json()["state"]) == (201, "Connected")
    path = f"/api/v1/bonds/{shared.json()['id']}"
    assert (await client.get(path)).json() == shared.json()
    for move, state in (("disconnect", "Disconnected"), ("reconnect", "Connected")):
        assert (await client.post(f"{path}/{move}")).json()["state"] == state
        found = await client.get("/api/v1/bonds", params={"state": state, "connection_id": desk.connection_id})
        assert [one["id"] for one in found.json()["items"]] == [shared.json()["id"]]


async def test_comments_and_work_notes_are_listed_the_oldest_first(house: House) -> None:
    client = await house.client(Role.ADMIN)
    path = f"/api/v1/incidents/{(await made(client))['id']}/comments"
    for kind, text in (("comment", "one"), ("work_note", "two")):
        answer = await client.post(path, json={"kind": kind, "text": text})
        assert (answer.status_code, answer.json()["kind"]) == (201, kind)
    assert [one["text"] for one in (await client.get(path)).json()] == ["one", "two"]


async def test_a_bulk_call_creates_changes_and_comments_by_reference(house: House, desk: Desk) -> None:
    client = await house.client(Role.ADMIN)
    known = await made(client)
    operations = [
        {"op": "create", "ref": "a", "fields": {"state": "New"}},
        {"op": "update", "ref": "a", "fields": {"state": "Active"}},
        {"op": "comment", "ref": "a", "text": "hello"},
        {"op": "update", "number": known["number"], "fields": {"state": "Resolved"}},
        {"op": "update", "id": new_id(), "fields": {"state": "Resolved"}},
    ]
    body = {"connection_id": desk.connection_id, "operations": operations}
    answer = await client.post("/api/v1/incidents/bulk", json=body)
    assert [item["status"] for item in answer.json()["items"]] == [200, 200, 200, 200, 404]
    assert answer.json()["items"][-1]["problem"]["code"] == "not_found"
    assert [told.data.get("op", told.type) for told in desk.messages()] == ["create", "update", "incident.comment"]
    assert (await client.get(f"/api/v1/incidents/{known['id']}")).json()["fields"]["state"] == "Resolved"


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{"op": "create", "fields": {}}] * 101,
        [{"op": "create"}],
        [{"op": "comment", "ref": "a"}],
        [{"op": "delete", "id": "x"}],
        [{"op": "create", "fields": {"colour": "red"}}],
    ],
)
async def test_a_bulk_call_of_another_form_is_refused_whole(house: House, operations: list[Any]) -> None:
    client = await house.client(Role.ADMIN)
    answer = await client.post("/api/v1/incidents/bulk", json={"operations": operations})
    assert refusal(answer) == (422, "invalid")
    assert (await client.get("/api/v1/incidents")).json()["items"] == []


async def call(
    client: AsyncClient, route: APIRoute, identifier: str = "0197f3c0-0000-7000-8000-000000000000"
) -> Response:
    path = "/".join(identifier if part.startswith("{") else part for part in route.path.split("/"))
    body = {"json": BODIES[route.name]} if route.name in BODIES else {}
    (method,) = route.methods
    return await client.request(method, path, headers={"if-match": '"1"'}, **body)


@pytest.mark.parametrize("role", [*Role, None])
async def test_a_role_reaches_its_routes_and_no_other(house: House, role: Role | None) -> None:
    house.person(Role.ADMIN)
    client = await house.client(*([role] if role else []))
    for route in ROUTES:
        answer = await call(client, route)
        refused = answer.status_code == 403 and answer.json()["code"] == "role_missing"
        may = READERS if route.methods == {"GET"} else WRITERS
        assert refused is (role not in may), (route.name, answer.text)


async def test_a_token_reaches_what_its_scope_names(house: House) -> None:
    reader = await house.client(Role.ADMIN, scopes=frozenset({"incidents:read"}))
    stranger = await house.client(Role.ADMIN, scopes=frozenset({"users:write"}))
    for route in ROUTES:
        assert refusal(await call(stranger, route)) == (403, "scope_missing"), route.name
        answer = await call(reader, route)
        missing = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
        assert missing is (route.methods != {"GET"}), route.name


async def test_nobody_comes_in_without_a_credential(house: House) -> None:
    client = await house.anybody()
    for route in ROUTES:
        assert (await call(client, route)).status_code == 401, route.name


async def test_what_is_not_there_is_not_found(house: House) -> None:
    client = await house.client(Role.ADMIN)
    for route in ROUTES:
        if "{" in route.path:
            assert (await call(client, route)).status_code == 404, route.name
            assert (await call(client, route, "a%00b")).status_code < 500, route.name


async def test_a_hostile_parameter_is_the_callers_fault(house: House) -> None:
    client = await house.client(Role.ADMIN)
    for path in ("incidents", "bonds"):
        for query in ("state=%00", "connection_id=%00", "cursor=x", "limit=201", "colour=red"):
            answer = await client.get(f"/api/v1/{path}?{query}")
            assert 400 <= answer.status_code < 500, (path, query)


async def test_a_post_without_an_idempotency_key_is_refused(house: House) -> None:
    client = await house.client(Role.ADMIN)
    for route in ROUTES:
        if route.methods == {"POST"}:
            path = route.path.format(incident_id=new_id(), bond_id=new_id())
            answer = await client.post(path, json=BODIES.get(route.name), headers={"idempotency-key": ""})
            assert refusal(answer) == (400, "idempotency_key_malformed"), route.name
