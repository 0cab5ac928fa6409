"""What people do about requests for access that come over a connection, at the provider."""

from typing import Any

from tests.interaction.sides import Document
from tests.interaction.world import World

REQUESTS = "self-service/requests"


async def screened(world: World) -> None:
    """The provider's worker writes to the mailboxes and carries out what was approved."""
    calls = world.provider.module("self_service.calls")
    await calls.screen_due(world.provider.context)
    await calls.provision_due(world.provider.context)


async def confirmed(world: World, request_id: str) -> None:
    """The mailbox's owner opens the link in the mail and says so."""
    await screened(world)
    mailing = world.provider.module("self_service.service.mailing")
    secret = await world.provider.write(mailing.new_secret, request_id, "prove")
    await world.provider.module("self_service.calls").prove(world.provider.context, secret)


async def option(world: World, code: str, value: str) -> None:
    """An administrator sets a profile option."""
    tag = (await world.provider.ask("GET", f"options/{code}")).headers["etag"]
    await world.provider.api("PUT", f"options/{code}", {"value": value}, if_match=tag)


async def seen(world: World, request_id: str) -> Document:
    """The request as the provider's staff see it."""
    return dict(await world.provider.api("GET", f"{REQUESTS}/{request_id}"))


async def another_company(world: World) -> Document:
    """A company of somebody else: a contact with a user, one without; ids by name."""
    company = await world.provider.api("POST", "companies", {"name": "Other Ltd"})
    at = f"companies/{company['id']}/contacts"
    person = await world.provider.api("POST", at, {"email": "victor@other.example", "name": "Victor"})
    plain = await world.provider.api("POST", "contacts", {"email": "vera@other.example"})
    await world.provider.api("PUT", f"{at}/{plain['id']}")
    return {"company": company["id"], "victor": person["id"], "victors_user": person["user_id"], "vera": plain["id"]}


async def holdings(world: World) -> dict[str, Any]:
    """Everything a request could have gained: people, contacts, companies, roles."""
    api = world.provider.items
    companies = await api("companies")
    ties = {one["id"]: await api(f"companies/{one['id']}/contacts") for one in companies}
    return {
        "users": await api("users"),
        "contacts": await api("contacts"),
        "companies": companies,
        "ties": ties,
        "roles": await api("self-service/roles"),
        "connections": [one["id"] for one in await api("connections")],
    }
