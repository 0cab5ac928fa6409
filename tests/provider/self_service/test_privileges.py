"""Who may do what in self-service registration: every operation, from the table of routes, by every role and standing.

``may``: it is done, or refused for what the thing is by now. ``refused``: the thing is seen, and the privilege missing.
``hidden``: there is no such thing, as far as the person can tell; a list does not show it.
"""

from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from provider_service.self_service import routes
from shared.wire.states import Role
from tests.provider.self_service.inviting import INVITATIONS, REQUESTS, ROLES
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

ROUTES = {route.name: route for router in routes.ROUTERS for route in router.routes if isinstance(route, APIRoute)}
BODIES: dict[str, dict[str, Any]] = {
    "submit_request": {"attributes": {"EmailAddress": "{email}", "AccountKey": "Engines"}},
    "approve_request": {},
    "reject_request": {},
    "ask_applicant": {"question": "Which floor?"},
    "choose_request_company": {"company_id": "{company_id}"},
    "decide_requests": {"ids": ["{request_id}"]},
    "grant_role": {"company_id": "{company_id}", "contact_id": "{contact_id}"},
    "suspend_contact": {"suspended": False},
    "invite_to_account": {"company_id": "{company_id}", "email": "{email}"},
    "accept_account_invitation": {"token": "{secret}"},
}
APPLICANT, ITS_ADMINISTRATOR = "the applicant", "the account's administrator"
STANDINGS = (APPLICANT, ITS_ADMINISTRATOR, "a user of the account", "another account's administrator", "nobody")
"""What people without a role of the console are to what is asked for."""

EVERYBODY = {*Role, *STANDINGS}
STAFF = {Role.ADMIN, Role.SN_SB_ADMIN}
DECIDERS = {*STAFF, ITS_ADMINISTRATOR}
READERS = {*DECIDERS, Role.SN_SB_READ}

MAY: dict[str, set[str]] = {
    "submit_request": EVERYBODY,
    "list_requests": {*READERS, APPLICANT},
    "get_request": {*READERS, APPLICANT},
    "get_request_evidence": READERS,
    "start_request": DECIDERS,
    "approve_request": DECIDERS,
    "reject_request": DECIDERS,
    "ask_applicant": DECIDERS,
    "decide_requests": DECIDERS,
    "choose_request_company": STAFF,
    "withdraw_request": {APPLICANT},
    "list_roles": READERS,
    "grant_role": DECIDERS,
    "revoke_role": DECIDERS,
    "suspend_contact": DECIDERS,
    "list_directory_syncs": {*STAFF, Role.SN_SB_READ},
    "list_account_invitations": READERS,
    "get_account_invitation": READERS,
    "invite_to_account": DECIDERS,
    "resend_account_invitation": DECIDERS,
    "revoke_account_invitation": DECIDERS,
    "accept_account_invitation": set(),  # by its secret alone, which nobody of these has: test_invitation_attacks
}
REFUSED: dict[str, set[str]] = {
    "choose_request_company": {Role.SN_SB_READ, ITS_ADMINISTRATOR},
    "withdraw_request": set(),  # whoever did not submit a request has none to withdraw
    "accept_account_invitation": set(),
    "list_directory_syncs": EVERYBODY,
}
"""Who is told that a privilege is missing, where it is not just whoever may only read."""

LISTED = {"list_requests": "request_id", "list_roles": "role_id", "list_account_invitations": "invitation_id"}
MISSING = {"role_missing", "privilege_missing"}


def filled(value: Any, known: dict[str, str]) -> Any:
    """Return a body or path with its names put in."""
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    return value.format(**known) if isinstance(value, str) else value


async def settled(town: Town) -> tuple[dict[str, str], dict[str, httpx.AsyncClient]]:
    """An account with its people, what is over already and so changes no more, and everybody who may come."""
    await town.approved()
    bea = await town.approved(EmailAddress="bea@engines.example")
    await town.make_company("Looms")
    await town.approved(EmailAddress="dan@looms.example", AccountKey="Looms")
    people: dict[str, httpx.AsyncClient] = {role: await town.house.client(role) for role in Role}
    people["nobody"] = await town.house.client()
    people[ITS_ADMINISTRATOR] = await town.signed_in("ada@engines.example")
    people["a user of the account"] = await town.signed_in("bea@engines.example")
    people["another account's administrator"] = await town.signed_in("dan@looms.example")
    cyd = people[APPLICANT] = await town.house.client_of(town.house.person(email="cyd@engines.example"))
    asked = {"attributes": {"EmailAddress": "cyd@engines.example", "AccountKey": "Engines"}}
    over, waiting = [(await cyd.post(REQUESTS, json=asked)).json()["id"] for _ in range(2)]
    assert (await town.staff.post(f"{REQUESTS}/{over}/reject", json={})).status_code == 200
    wanted = {"company_id": town.company, "email": "fay@engines.example"}
    invitation = (await town.staff.post(INVITATIONS, json=wanted)).json()["id"]
    assert (await town.staff.post(f"{INVITATIONS}/{invitation}/revoke")).status_code == 200
    known = {"company_id": town.company, "contact_id": bea["contact_id"], "request_id": over, "waiting": waiting}
    return known | {"invitation_id": invitation, "secret": "x" * 43}, people


async def outcome(town: Town, client: httpx.AsyncClient, name: str, known: dict[str, str]) -> str:
    """Call an operation; return what its answer means for whoever called."""
    held = (await town.admin.get(f"{ROLES}?contact_id={known['contact_id']}")).json()["items"]
    if not held:  # somebody was allowed to take it
        wanted = {"company_id": known["company_id"], "contact_id": known["contact_id"]}
        held = [(await town.staff.post(ROLES, json=wanted)).json()]
    route, known = ROUTES[name], {**known, "role_id": held[0]["id"]}
    if name == "choose_request_company":  # may be said as often as one likes
        known["request_id"] = known["waiting"]
    (method,) = route.methods
    body = {"json": filled(BODIES[name], known)} if name in BODIES else {}
    answer = await client.request(method, filled(route.path, known), **body)
    said = answer.json() if answer.content else {}
    if name in LISTED:
        return "may" if known[LISTED[name]] in {one["id"] for one in said["items"]} else "hidden"
    said = said["items"][0] if name == "decide_requests" else said
    if answer.status_code == 404 or said.get("code") == "request_unknown":
        return "hidden"
    if answer.status_code == 403 or said.get("code") in MISSING:
        assert said["code"] in MISSING, (name, answer.text)
        return "refused"
    assert answer.status_code in {200, 201, 204, 409}, (name, answer.text)
    return "may"


async def test_every_operation_is_for_those_of_its_row_and_hidden_from_whom_it_is_not_theirs_to_see(house):
    assert ROUTES.keys() - MAY.keys() == set(), "who may call these operations? Give them a row"
    assert MAY.keys() - ROUTES.keys() == set(), "there are no such operations any more"
    assert {name for name, route in ROUTES.items() if route.openapi_extra} == BODIES.keys(), "a body to call it with"
    town = await Town(house).set_up()
    known, people = await settled(town)
    assert people.keys() == EVERYBODY
    wrong = []
    for name in ROUTES:
        for number, (who, client) in enumerate(people.items()):
            seen = await outcome(town, client, name, known | {"email": f"x{number}@engines.example"})
            refused = who in REFUSED.get(name, {Role.SN_SB_READ})
            if seen != ("may" if who in MAY[name] else "refused" if refused else "hidden"):
                wrong.append((name, str(who), seen))
    assert wrong == []
