"""What holds for every route alike, generated from the table of routes: roles, bodies, parameters, hostile input."""

import pytest
from fastapi.routing import APIRoute

from provider_service.accounts import routes as accounts
from provider_service.audit import routes as audit
from provider_service.directory import routes as directory
from provider_service.mail import routes as mail
from provider_service.options import routes as options
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

READERS = {Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ}
EXCHANGE = {Role.ADMIN, Role.SN_SB_ADMIN}
KEEPERS = {Role.ADMIN, Role.SN_KMF_ADMIN}
ADMIN = {Role.ADMIN}
EVERYBODY = set(Role)
MAY = {
    "list_audit_entries": ADMIN,
    "list_events": READERS,
    "list_mails": EXCHANGE,
    "get_mail": EXCHANGE,
    "resend_mail": EXCHANGE,
    "send_test_mail": EXCHANGE,
    "get_me": EVERYBODY,
    "update_me": EVERYBODY,
    "list_users": KEEPERS,
    "create_user": ADMIN,
    "get_user": KEEPERS,
    "update_user": ADMIN,
    "set_user_roles": KEEPERS,
    "send_password_mail": ADMIN,
    "list_tokens": EVERYBODY,
    "create_token": EVERYBODY,
    "revoke_token": EVERYBODY,
    "list_companies": READERS | {Role.SN_SB_PRO_CONSUMER},
    "create_company": EXCHANGE,
    "get_company": READERS | {Role.SN_SB_PRO_CONSUMER},
    "update_company": EXCHANGE,
    "list_company_contacts": READERS | {Role.SN_SB_PRO_CONSUMER},
    "create_company_contact": EXCHANGE,
    "get_company_contact": READERS | {Role.SN_SB_PRO_CONSUMER},
    "link_contact": EXCHANGE,
    "update_company_contact": EXCHANGE,
    "list_contacts": READERS | {Role.SN_SB_PRO_CONSUMER},
    "create_contact": EXCHANGE,
    "get_contact": READERS | {Role.SN_SB_PRO_CONSUMER},
    "update_contact": EXCHANGE,
    "merge_contact": ADMIN,
    "list_custom_attributes": READERS,
    "create_custom_attribute": ADMIN,
    "get_custom_attribute": READERS,
    "update_custom_attribute": ADMIN,
    "delete_custom_attribute": ADMIN,
    "list_options": READERS,
    "get_option": READERS,
    "set_option": ADMIN,
    "reset_option": ADMIN,
    "list_option_changes": READERS,
}
"""Operation to the roles that reach it."""

ROUTES = [
    route
    for router in (audit.router, mail.router, directory.router, *accounts.ROUTERS, options.router)
    for route in router.routes
    if isinstance(route, APIRoute)
]
WITH_BODY = [route for route in ROUTES if route.openapi_extra]
BODIES = {
    "send_test_mail": {"to": "x@example.com"},
    "update_me": {"name": "X"},
    "create_user": {"email": "x@example.com", "name": "X"},
    "update_user": {"name": "X"},
    "set_user_roles": {"roles": []},
    "send_password_mail": {},
    "create_token": {"name": "X", "scopes": ["users:read"]},
    "create_company": {"name": "X"},
    "update_company": {"name": "X"},
    "create_company_contact": {"email": "x@example.com", "name": "X"},
    "update_company_contact": {"enabled": False},
    "create_contact": {"email": "x@example.com"},
    "update_contact": {"last_name": "X"},
    "merge_contact": {"into_id": "0197f3c0-0000-7000-8000-000000000001"},
    "create_custom_attribute": {"object": "company", "code": "X_c", "type": "text", "label": "X"},
    "update_custom_attribute": {"label": "X"},
    "set_option": {"value": "TRUE"},
}
HOSTILE = [
    b"",
    b"{",
    b"NaN",
    b'{"name": NaN}',
    b'{"name": 1e999}',
    b'{"name": "\\ud800"}',
    b'{"name": "\\u0000"}',
    b'{"name": "a", "name": "b"}',
    b"\xff\xfe",
    b"[" * 1000,
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b'{"__proto__": {"roles": ["admin"]}}',
]


def method(route):
    (only,) = route.methods
    return only


def path(route, identifier="0197f3c0-0000-7000-8000-000000000000"):
    named = route.path.replace("{object}", "company")
    return "/".join(identifier if part.startswith("{") else part for part in named.split("/"))


async def call(client, route, **given):
    return await client.request(method(route), path(route), **given)


def test_every_route_has_its_row():
    assert {route.name for route in ROUTES} == MAY.keys()
    assert {route.name for route in WITH_BODY} == BODIES.keys()


@pytest.mark.parametrize("role", [*Role, None])
async def test_a_role_reaches_its_routes_and_no_other(house, role):
    house.person(Role.ADMIN)
    client = await house.client(*([role] if role else []))
    for route in ROUTES:
        body = {"json": BODIES[route.name]} if route.name in BODIES else {}
        answer = await call(client, route, **body)
        refused = answer.status_code == 403 and answer.json()["code"] == "role_missing"
        allowed = role in MAY[route.name] or MAY[route.name] == EVERYBODY
        assert refused is not allowed, (route.name, role, answer.text)


async def test_nobody_comes_in_without_a_credential(house):
    for headers in ({}, {"authorization": "Bearer sx_wrong"}, {"authorization": "Basic eDp5"}, {"cookie": "session=x"}):
        client = await house.anybody(**headers)
        for route in ROUTES:
            answer = await call(client, route, content=b"{")
            assert answer.status_code == 401, (route.name, headers)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_member_nobody_offered_is_refused(house):
    client = await house.client(*Role)
    extra = {"id": "x", "version": 9, "password_hash": "x", "is_admin": True, "user_id": "x", "created_at": "x"}
    for route in WITH_BODY:
        for name, value in extra.items():
            body = BODIES[route.name] | {name: value}
            target, tag = await existing(house, client, route)
            answer = await client.request(method(route), target, json=body, headers={"if-match": tag})
            assert answer.status_code == 422, (route.name, name, answer.text)


async def test_a_hostile_body_is_the_callers_fault(house):
    client = await house.client(*Role)
    for route in WITH_BODY:
        for content in HOSTILE:
            answer = await call(client, route, content=content, headers={"content-type": "application/json"})
            assert 200 <= answer.status_code < 500, (route.name, content, answer.text)
            assert "1e999" not in answer.text
        wrong = await call(client, route, content=b"{}", headers={"content-type": "text/plain"})
        assert wrong.status_code == 415, route.name


async def test_a_hostile_path_or_parameter_is_the_callers_fault(house):
    client = await house.client(*Role)
    for route in ROUTES:
        for identifier in ("%00", "%FF", "..%2F..", "a" * 500, "%27%20OR%201"):
            answer = await client.request(method(route), path(route, identifier))
            assert answer.status_code < 500, (route.name, identifier)
        if method(route) != "GET":
            continue
        for query in ("limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=WyJvbGRlc3QiLCJcdTAwMDAiXQ", "cursor=x"):
            answer = await client.get(f"{path(route)}?{query}")
            assert 400 <= answer.status_code < 500, (route.name, query)
        for field in (
            "email",
            "subject_id",
            "related_id",
            "external_key",
            "action",
            "type",
            "subject_type",
            "company_id",
            "object",
        ):
            answer = await client.get(f"{path(route)}?{field}=%00")
            assert answer.status_code < 500, (route.name, field)


async def test_a_parameter_nobody_declared_is_refused(house):
    client = await house.client(*Role)
    for route in ROUTES:
        answer = await client.request(method(route), path(route), params={"colour": "red"})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter"), route.name


async def test_a_post_without_an_idempotency_key_is_refused(house):
    client = await house.client(*Role)
    for route in ROUTES:
        if method(route) != "POST":
            continue
        answer = await call(client, route, json=BODIES.get(route.name), headers={"idempotency-key": ""})
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed"), route.name


async def test_the_document_describes_every_operation(house):
    document = house.app.openapi()
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert {operation["operationId"] for operation in operations} >= MAY.keys() == {route.name for route in ROUTES}
    for operation in operations:
        assert operation["tags"]
        assert operation["description"]
        assert operation["operationId"] not in BODIES or "example" in str(operation["requestBody"])


async def existing(house, client, route):
    """Return the path of something that is there, and its ETag."""
    if route.name == "update_me":
        return route.path, f'"{(await client.get("/api/v1/me")).json()["user"]["version"]}"'
    if "{user_id}" in route.path:
        return route.path.format(user_id=house.person().id), '"1"'
    if "{" not in route.path:
        return route.path, ""
    if "{option}" in route.path:
        return route.path.format(option="SVC_CSS_ALLOW_CONTACT"), '"0"'
    if "{code}" in route.path:
        await client.post("/api/v1/custom-attributes", json=BODIES["create_custom_attribute"])
        return route.path.format(object="company", code="X_c"), '"1"'
    company = (await client.post("/api/v1/companies", json={"name": "X"})).json()["id"]
    body = {"email": "contact@example.com", "name": "C"}
    contact = await client.post(f"/api/v1/companies/{company}/contacts", json=body)
    return route.path.format(company_id=company, contact_id=contact.json()["id"]), '"1"'
