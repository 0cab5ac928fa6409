"""People, roles and tokens over HTTP."""

import pytest

from provider_service.directory.domain import operator
from provider_service.directory.service import create_user
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

FIRST = {"if-match": '"1"'}


async def roles(client, person, *wanted, tag='"1"'):
    return await client.put(f"/api/v1/users/{person.id}/roles", json={"roles": wanted}, headers={"if-match": tag})


async def test_a_person_is_made_changed_and_found(house):
    client = await house.client(Role.ADMIN)
    made = await client.post("/api/v1/users", json={"email": "Ada@Example.com", "name": "Ada", "roles": ["sn_sb.read"]})
    assert (made.status_code, made.json()["email"], made.json()["has_password"]) == (201, "Ada@example.com", False)
    path = f"/api/v1/users/{made.json()['id']}"
    tag = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"name": "Ada L."}, headers={"if-match": tag})
    assert (changed.json()["name"], changed.json()["language"]) == ("Ada L.", "en")
    found = await client.get("/api/v1/users", params={"email": "ADA@example.com"})
    assert [one["id"] for one in found.json()["items"]] == [made.json()["id"]]


async def test_an_address_belongs_to_one_person_however_it_is_spelled(house):
    house.person(email="Ada@example.com")
    client = await house.client(Role.ADMIN)
    answer = await client.post("/api/v1/users", json={"email": "ada@EXAMPLE.com", "name": "Eve"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert answer.json()["errors"] == [{"pointer": "/email", "detail": "Taken"}]


async def test_pages_of_people_cover_everybody_once(house):
    people = [house.person() for _ in range(5)]
    client = await house.client(Role.ADMIN)
    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/v1/users", params=params)).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:5] == [person.id for person in people]
    assert len(seen) == len(set(seen)) == 6


async def test_key_roles_are_given_by_their_own_administrator_only(house):
    person = house.person()
    plain, keeper = await house.client(Role.ADMIN), await house.client(Role.SN_KMF_ADMIN)
    key_role, other = "sn_kmf.cryptographic_auditor", "sn_sb.read"
    assert (await roles(plain, person, key_role)).json()["code"] == "role_missing"
    assert (await roles(keeper, person, other)).json()["code"] == "role_missing"
    assert (await roles(keeper, person, key_role)).json()["roles"] == [key_role]
    assert (await roles(plain, person, key_role, other, tag='"2"')).json()["roles"] == [key_role, other]
    assert (await roles(plain, person, other, tag='"3"')).json()["code"] == "role_missing"
    created = await plain.post("/api/v1/users", json={"email": "x@example.com", "name": "X", "roles": [key_role]})
    assert created.status_code == 403


async def test_nobody_raises_their_own_roles(house):
    person = house.person(Role.ADMIN, Role.SN_KMF_ADMIN)
    client = await house.client_of(person)
    tag = (await client.get(f"/api/v1/users/{person.id}")).headers["etag"]
    answer = await roles(client, person, "admin", "sn_kmf.admin", "sn_kmf.cryptographic_manager", tag=tag)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_roles")


async def test_the_last_administrator_is_neither_removed_nor_deactivated(house):
    person = house.person(Role.ADMIN)
    client = await house.client_of(person)
    tag = (await client.get(f"/api/v1/users/{person.id}")).headers["etag"]
    removed = await roles(client, person, tag=tag)
    gone = await client.patch(f"/api/v1/users/{person.id}", json={"active": False}, headers={"if-match": tag})
    assert [answer.json()["code"] for answer in (removed, gone)] == ["last_holder"] * 2
    house.person(Role.ADMIN)
    assert (await roles(client, person, tag=tag)).status_code == 200


async def test_a_change_that_starts_from_an_old_version_is_refused(house):
    person = house.person()
    client = await house.client(Role.ADMIN)
    assert (await client.patch(f"/api/v1/users/{person.id}", json={"name": "B"})).json()[
        "code"
    ] == "precondition_required"
    assert (await client.patch(f"/api/v1/users/{person.id}", json={"name": "B"}, headers=FIRST)).status_code == 200
    assert (await client.patch(f"/api/v1/users/{person.id}", json={"name": "C"}, headers=FIRST)).status_code == 412


async def test_a_deactivated_person_is_out_at_once(house):
    person = house.person()
    theirs, admin = await house.client_of(person), await house.client(Role.ADMIN)
    tag = (await admin.get(f"/api/v1/users/{person.id}")).headers["etag"]
    await admin.patch(f"/api/v1/users/{person.id}", json={"active": False}, headers={"if-match": tag})
    assert (await theirs.get("/api/v1/me")).json()["code"] == "token_invalid"


async def test_everybody_changes_their_own_name_and_nothing_else(house):
    person = house.person()
    client = await house.client_of(person)
    tag = f'"{(await client.get("/api/v1/me")).json()["user"]["version"]}"'
    changed = await client.patch("/api/v1/me", json={"language": "de"}, headers={"if-match": tag})
    assert changed.json()["language"] == "de"
    refused = await client.patch("/api/v1/me", json={"email": "x@example.com"}, headers={"if-match": '"2"'})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_member")


async def test_a_token_is_shown_once_and_kept_as_a_hash(house):
    client = await house.client_of(house.person())
    body, headers = {"name": "ci", "scopes": ["users:read"]}, {"idempotency-key": "one"}
    made = (await client.post("/api/v1/tokens", json=body, headers=headers)).json()
    again = (await client.post("/api/v1/tokens", json=body, headers=headers)).json()
    assert made["token"].startswith("sx_")
    assert again == made | {"token": None}
    with house.context.database.transaction() as session:
        for table in ("api_tokens", "delivery_answers", "audit_entries"):
            rows = session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()
            assert made["token"] not in repr(rows)


async def test_a_token_may_what_its_scopes_say_and_no_more(house):
    person = house.person(Role.ADMIN)
    reader = await house.client_of(person, frozenset({"users:read"}))
    assert (await reader.get("/api/v1/users")).status_code == 200
    refused = await reader.post("/api/v1/users", json={"email": "x@example.com", "name": "X"})
    assert refused.json()["code"] == "scope_missing"
    writer = await house.client_of(person, frozenset({"users:write"}))
    assert (await writer.get("/api/v1/users")).status_code == 200
    assert (await writer.get("/api/v1/audit")).json()["code"] == "scope_missing"


async def test_a_token_makes_no_token_that_may_more_than_itself(house):
    client = await house.client_of(house.person(Role.ADMIN), frozenset({"tokens:write"}))
    more = await client.post("/api/v1/tokens", json={"name": "more", "scopes": ["users:read"]})
    unknown = await client.post("/api/v1/tokens", json={"name": "odd", "scopes": ["everything"]})
    same = await client.post("/api/v1/tokens", json={"name": "same", "scopes": ["tokens:read"]})
    assert [more.json()["code"], unknown.json()["code"], same.status_code] == ["scope_missing", "scope_unknown", 201]


async def test_a_token_ends_when_revoked_or_expired(house):
    person = house.person()
    client = await house.client_of(person)
    (token,) = (await client.get("/api/v1/tokens")).json()["items"]
    house.clock.advance(days=30)
    assert (await client.get("/api/v1/me")).status_code == 401
    other = await house.client_of(person)
    fresh = (await other.get("/api/v1/tokens")).json()["items"][-1]
    assert fresh["id"] != token["id"]
    assert (await other.delete(f"/api/v1/tokens/{fresh['id']}")).json()["revoked_at"]
    assert (await other.get("/api/v1/me")).status_code == 401


async def test_somebody_elses_token_is_not_there(house):
    mine, theirs = await house.client(), await house.client()
    (token,) = (await theirs.get("/api/v1/tokens")).json()["items"]
    assert (await mine.delete(f"/api/v1/tokens/{token['id']}")).status_code == 404
    admin = await house.client(Role.ADMIN)
    listed = (await admin.get("/api/v1/tokens", params={"everyones": "true"})).json()["items"]
    assert token["id"] in [one["id"] for one in listed]
    assert (await admin.delete(f"/api/v1/tokens/{token['id']}")).status_code == 200


async def test_the_last_use_of_a_token_is_noted_once_a_minute(house):
    client = await house.client()

    async def used():
        return (await client.get("/api/v1/tokens")).json()["items"][0]["last_used_at"]

    first = await used()
    house.clock.advance(seconds=59)
    assert await used() == first is not None
    house.clock.advance(seconds=1)
    assert await used() > first


async def test_every_change_of_a_person_is_in_the_trail_with_the_address_it_came_from(house):
    client = await house.client(Role.ADMIN)
    made = (await client.post("/api/v1/users", json={"email": "x@example.com", "name": "X"})).json()
    await client.patch(f"/api/v1/users/{made['id']}", json={"name": "Y"}, headers=FIRST)
    trail = (await client.get("/api/v1/audit", params={"subject_id": made["id"]})).json()["items"]
    assert [entry["action"] for entry in trail] == ["user.updated", "user.created"]
    assert (trail[0]["before"], trail[0]["after"], trail[0]["address"]) == ({"name": "X"}, {"name": "Y"}, "192.0.2.7")


async def test_an_operator_at_the_command_line_may_everything(house):
    with house.context.database.transaction() as session:
        person = create_user(
            session,
            email="a@example.com",
            name="A",
            roles=frozenset(Role),
            caller=operator("root"),
            now=house.clock(),
        )
    assert person.roles == frozenset(Role)
