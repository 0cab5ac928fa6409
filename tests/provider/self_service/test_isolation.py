"""What is another account's is not there: every route, from the table of routes, for whoever is of another account."""

import re

import pytest
from fastapi.routing import APIRoute

from provider_service.accounts import routes as accounts
from provider_service.registrations import routes as registrations
from provider_service.self_service import routes as self_service
from shared.wire.states import Role
from tests.openapi.matrix import MAY
from tests.provider.self_service.world import ADA, Town

pytestmark = pytest.mark.anyio

MISSING = "0197f3c0-0000-7000-8000-000000000000"
NO_NUMBER = "REG9999999"
CUSTOMERS = {None, Role.SN_SB_PRO_CONSUMER}
OPEN = {name for name, roles in MAY["provider"].items() if roles & CUSTOMERS}
"""What people of customers reach at all."""
ROUTES = [
    route
    for router in (*self_service.ROUTERS, *accounts.ROUTERS, registrations.router)
    for route in router.routes
    if isinstance(route, APIRoute) and (router is not registrations.router or route.name in OPEN)
]
PLAIN: dict[str, object] = {}
BODIES = {
    "submit_request": {"attributes": {**ADA, "EmailAddress": "{email}", "AccountKey": "{key}"}},
    "approve_request": PLAIN,
    "reject_request": PLAIN,
    "ask_applicant": {"question": "Which floor?"},
    "choose_request_company": {"company_id": "{company_id}"},
    "decide_requests": {"ids": ["{request_id}"]},
    "grant_role": {"company_id": "{company_id}", "contact_id": "{contact_id}", "administrator": True},
    "suspend_contact": {"suspended": True},
    "invite_to_account": {"company_id": "{company_id}", "email": "eve@evil.example"},
    "create_company": {"name": "X"},
    "update_company": {"name": "X"},
    "create_company_contact": {"email": "x@example.com", "name": "X"},
    "update_company_contact": {"enabled": False},
    "create_contact": {"email": "x@example.com"},
    "update_contact": {"last_name": "X"},
    "merge_contact": {"into_id": "{contact_id}"},
    "create_custom_attribute": {"object": "company", "code": "X_c", "type": "text", "label": "X"},
    "update_custom_attribute": {"label": "X"},
}
OF_NO_ACCOUNT = {"accept_account_invitation"}
"""Whoever holds the secret of an invitation accepts it: that is no other account's."""
OF_ONESELF = {"get_me", "update_me", "list_my_identities", "unlink_my_identity"} | {
    *("list_tokens", "create_token", "revoke_token", "get_key_health"),
}
"""Open to customers, and of no account: whoever calls is all they are about, and the instance's own keys."""
SAME = {"code", "state", "awaits", "reason", "company_id", "contact_id", "user_id", "outcome", "items"}
"""What an answer is compared by."""
FILTERS = ("company_id", "contact_id")
PARTS = {"company_id", "contact_id", "request_id", "role_id", "invitation_id", "number", "object", "code"}
"""What paths name, of all of which `looms` knows one."""


@pytest.fixture
async def town(house):
    house.app.include_router(registrations.router)
    return await Town(house).set_up()


def filled(value, known):
    """Return a body or path with its names put in."""
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    return value.format(**known) if isinstance(value, str) else value


async def looms(town):
    """Another account with its first user, somebody who waits, and somebody who is invited."""
    company = await town.make_company("Looms")
    cyd = await town.approved(EmailAddress="cyd@looms.example", AccountKey="Looms", LastName="Weaver")
    waiting = await town.proven(EmailAddress="dan@looms.example", AccountKey="Looms", LastName="Weaver")
    role = (await town.admin.get(f"/api/v1/self-service/roles?company_id={company}")).json()["items"][0]["id"]
    wanted = {"company_id": company, "email": "fay@looms.example"}
    invited = await town.staff.post("/api/v1/self-service/invitations", json=wanted)
    assert invited.status_code == 201, invited.text
    number = await registered(town, company, cyd["contact_id"], "https://desk.looms.example")
    await town.post()
    return {
        "number": number,
        "company_id": company,
        "contact_id": cyd["contact_id"],
        "request_id": waiting,
        "role_id": role,
        "invitation_id": invited.json()["id"],
        "key": "Looms",
        "object": "company",
        "code": "X_c",
    }


async def registered(town, company, contact, url):
    """Open a registration task for somebody; return its number."""
    wanted = {"company_id": company, "contact_id": contact, "consumer_url": url}
    made = await town.admin.post("/api/v1/registrations", json=wanted)
    assert made.status_code == 201, made.text
    return made.json()["number"]


async def gets_registrations(town, person_id):
    at = f"/api/v1/users/{person_id}/roles"
    tag = (await town.admin.get(f"/api/v1/users/{person_id}")).headers["etag"]
    answer = await town.admin.put(at, json={"roles": [Role.SN_SB_PRO_CONSUMER]}, headers={"if-match": tag})
    assert answer.status_code == 200, answer.text


async def holdings(town, known):
    """Everything of the other account that somebody could have touched."""
    paths = (
        f"self-service/requests/{known['request_id']}",
        f"self-service/roles?company_id={known['company_id']}",
        f"self-service/invitations/{known['invitation_id']}",
        f"companies/{known['company_id']}",
        f"companies/{known['company_id']}/contacts",
        f"contacts/{known['contact_id']}",
        f"registrations/{known['number']}",
        f"registrations/{known['number']}/entries",
    )
    return [(await town.admin.get(f"/api/v1/{path}")).json() for path in paths]


async def answered(client, route, known):
    body = {"json": filled(BODIES[route.name], known)} if route.name in BODIES else {}
    (method,) = route.methods
    return await client.request(method, filled(route.path, known), headers={"if-match": '"1"'}, **body)


def test_every_route_that_customers_reach_is_called_below():
    """A new one fails here by its name, until this file knows what to call it with."""
    named = {route.name for route in ROUTES}
    assert OPEN - named - OF_ONESELF == set(), "open to customers: call them, or say why they are of no account"
    assert not OF_ONESELF - OPEN, "they are not open to customers any more"
    with_body = {route.name for route in ROUTES if route.openapi_extra} - OF_NO_ACCOUNT
    assert with_body - BODIES.keys() == set(), "routes that take a body: give each one of another account's"
    assert BODIES.keys() - with_body == set(), "there are no such routes any more"
    parts = {(route.name, part) for route in ROUTES for part in re.findall(r"\{(\w+)\}", route.path)}
    assert {(name, part) for name, part in parts if part not in PARTS} == set(), (
        "let `looms` make one of another account"
    )


@pytest.mark.parametrize("who", ["an administrator of another account", "somebody of no account"])
async def test_what_is_another_account_s_is_as_if_it_were_not_there(town, who):
    known = await looms(town)
    assert known.keys() >= PARTS
    ada = await town.approved()
    await gets_registrations(town, ada["user_id"])
    own = await registered(town, town.company, ada["contact_id"], "https://desk.engines.example")
    guest = town.house.person(email="gus@guest.example")
    email = "ada@engines.example" if who.startswith("an") else guest.email
    client = await town.signed_in(email)
    mine = (await client.get("/api/v1/registrations")).json().get("items", [])
    assert [one["number"] for one in mine] == ([own] if who.startswith("an") else [])
    missing = dict.fromkeys(known, MISSING) | {
        "object": "company",
        "code": "X_c",
        "key": "Nothing",
        "number": NO_NUMBER,
    }
    told = {one for name, one in known.items() if name not in {"object", "code", "key"}}  # those are the asker's words
    hidden = {*told, "looms.example", "Weaver"}
    before = await holdings(town, known)
    for route in ROUTES:
        if route.name in OF_NO_ACCOUNT:
            continue
        theirs, nobodys = [await answered(client, route, one | {"email": email}) for one in (known, missing)]
        said = [(one.status_code, {k: v for k, v in body_of(one).items() if k in SAME}) for one in (theirs, nobodys)]
        assert said[0] == said[1], (route.name, theirs.text, nobodys.text)
        if not route.path.count("{") and route.name not in BODIES:
            for query in ("", *(f"?{name}={known[name]}" for name in FILTERS)):
                listed = await client.get(route.path + query)
                assert [word for word in hidden if word in listed.text.replace(query, "")] == [], (route.name, query)
    assert await holdings(town, known) == before


def body_of(answer):
    made = answer.json() if answer.content else {}
    items = [{k: v for k, v in one.items() if k in SAME} for one in made.get("items", [])]
    return made | ({"items": items} if "items" in made else {})
