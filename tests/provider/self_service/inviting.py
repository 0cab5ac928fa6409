"""What the tests of invitations do with them."""

from typing import Any

import httpx
import pytest

from provider_service.self_service import calls, service
from shared.wire.errors import ExchangeError, NotFound
from tests.provider.self_service.world import Letter, Town

INVITATIONS = "/api/v1/self-service/invitations"
REQUESTS = "/api/v1/self-service/requests"
ROLES = "/api/v1/self-service/roles"
BEA = "bea@engines.example"
NAMES = {"FirstName": "Bea", "LastName": "Babbage"}


async def invited(
    town: Town, by: httpx.AsyncClient | None = None, email: str = BEA, **body: Any
) -> tuple[dict[str, Any], Letter]:
    """Invite somebody; return the invitation and its mail."""
    answer = await (by or town.staff).post(INVITATIONS, json={"company_id": town.company, "email": email, **body})
    assert answer.status_code == 201, answer.text
    return answer.json(), await town.letter(email, "invited")


async def accept(town: Town, letter: Letter, **changes: Any) -> service.Submitted:
    """Accept as a visitor does."""
    return await calls.accept(town.context, letter.secret, {**NAMES, **changes}, caller=None, address="192.0.2.9")


async def shown(town: Town, invitation: dict[str, Any]) -> dict[str, Any]:
    answer = await town.admin.get(f"{INVITATIONS}/{invitation['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def roles(town: Town) -> set[tuple[str, bool]]:
    """Return who holds what: address of the contact, and whether it is the administrator's role."""
    items = (await town.admin.get(ROLES)).json()["items"]
    contacts = {one["contact_id"] for one in items}
    names = {one: (await town.admin.get(f"/api/v1/contacts/{one}")).json()["email"] for one in contacts}
    return {(names[one["contact_id"]], one["administrator"]) for one in items}


async def administrator(town: Town) -> httpx.AsyncClient:
    """Let Ada in as the first user of the account, which makes her its administrator."""
    await town.approved()
    return await town.signed_in("ada@engines.example")


async def refused(town: Town, letter: Letter, kind: type[ExchangeError]) -> str:
    """Accept in vain; return the code of what is said."""
    with pytest.raises(kind) as told:
        await accept(town, letter)
    assert told.value.fix or kind is NotFound
    return told.value.code


async def actions(town: Town, subject_id: str) -> list[str]:
    answer = await town.admin.get(f"/api/v1/audit?subject_type=self_service_invitation&subject_id={subject_id}")
    return sorted(one["action"] for one in answer.json()["items"])


async def contact_of(town: Town, email: str) -> str:
    (contact,) = (await town.admin.get(f"/api/v1/contacts?email={email}")).json()["items"]
    return str(contact["id"])
