"""What is another account's is not there: every route, from the table of routes, for whoever is of another account."""

import pytest
from fastapi.routing import APIRoute

from provider_service.accounts import routes as accounts
from provider_service.self_service import routes as self_service
from tests.provider.self_service.world import ADA, Town

pytestmark = pytest.mark.anyio

MISSING = "0197f3c0-0000-7000-8000-000000000000"
ROUTES = [
    route
    for router in (*self_service.ROUTERS, *accounts.ROUTERS)
    for route in router.routes
    if isinstance(route, APIRoute)
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
SAME = {"code", "state", "awaits", "reason", "company_id", "contact_id", "user_id", "outcome", "items"}
"""What an answer is compared by."""
FILTERS = ("company_id", "contact_id")


@pytest.fixture
async def town(house):
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
    await town.post()
    return {
        "company_id": company,
        "contact_id": cyd["contact_id"],
        "request_id": waiting,
        "role_id": role,
        "invitation_id": invited.json()["id"],
        "key": "Looms",
        "object": "company",
        "code": "X_c",
    }


async def holdings(town, known):
    """Everything of the other account that somebody could have touched."""
    paths = (
        f"self-service/requests/{known['request_id']}",
        f"self-service/roles?company_id={known['company_id']}",
        f"self-service/invitations/{known['invitation_id']}",
        f"companies/{known['company_id']}",
        f"companies/{known['company_id']}/contacts",
        f"contacts/{known['contact_id']}",
    )
    return [(await town.admin.get(f"/api/v1/{path}")).json() for path in paths]


async def answered(client, route, known):
    body = {"json": filled(BODIES[route.name], known)} if route.name in BODIES else {}
    (method,) = route.methods
    return await client.request(method, filled(route.path, known), headers={"if-match": '"1"'}, **body)


def test_every_route_that_takes_a_body_has_one():
    with_body = {route.name for route in ROUTES if route.openapi_extra}
    assert with_body - OF_NO_ACCOUNT == BODIES.keys()


@pytest.mark.parametrize("who", ["an administrator of another account", "somebody of no account"])
async def test_what_is_another_account_s_is_as_if_it_were_not_there(town, who):
    known = await looms(town)
    await town.approved()
    guest = town.house.person(email="gus@guest.example")
    email = "ada@engines.example" if who.startswith("an") else guest.email
    client = await town.signed_in(email)
    missing = dict.fromkeys(known, MISSING) | {"object": "company", "code": "X_c", "key": "Nothing"}
    hidden = {*known.values(), "looms.example", "Weaver"} - {
        "company",
        "X_c",
        known["key"],
    }  # the key is the asker's word
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
