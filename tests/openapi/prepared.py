"""A prepared world on disk, made once a process and copied for every test that changes it.

In it a provider is connected with a consumer that it calls and one that it does not, a third registration waits for
its consumer, incidents have crossed in both directions, and one message could not be applied.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from consumer_service.self_service.service import AccessRequest
from shared.wire.messages import Message
from shared.wire.problems import Problem
from tests.openapi.onboarding import Operator, announce, connect, register, take_up, until
from tests.openapi.world import ORIGINS, Instance, Seen, World, opened

_FACTS = "facts.json"


@dataclass
class Facts:
    """What a prepared world consists of: path parameters by instance, and what peers asked of each other."""

    known: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[Seen] = field(default_factory=list)


async def prepare(folder: Path) -> Facts:
    """Live through all of it in ``folder``."""
    async with opened(folder, *ORIGINS) as world:
        facts = await _lived(world)
    (folder / _FACTS).write_text(json.dumps(facts.known))
    return facts


def copied(template: Path, folder: Path) -> dict[str, dict[str, str]]:
    """Copy a prepared world whose instances are stopped; return its path parameters by instance."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    known: dict[str, dict[str, str]] = json.loads((folder / _FACTS).read_text())
    return known


async def _lived(world: World) -> Facts:
    await world.turn()  # without a record there are issues
    for instance, name in zip(world.instances.values(), ("hub-one", "desk-one", "desk-two", "desk-three"), strict=True):
        body = {"name": name, "instance_type": "sub_production", "sender_address": "desk@example.com"}
        await Operator(instance).call("POST", "/api/v1/instance", body)
    await world.turn()
    pushed = await _onboarded(world, world.consumer, "first", "push")
    pulled = await _onboarded(world, world.puller, "second", "pull")
    await _given_up(world)
    waiting = await register(world, world.newcomer, "waiting")
    incidents = await _talked(world, pushed["connection_id"])
    await _pulled(world, pulled["connection_id"])
    relayed = await _relayed(world, pushed["connection_id"])
    sides = (world.provider, world.consumer)
    held = {side.name: [await _stuck(world, side, pushed["connection_id"]) for _ in range(2)] for side in sides}
    await _restored(world)
    desk = Operator(world.provider)
    spare = await desk.call("POST", "/api/v1/contacts", {"email": "spare@example.com"})
    declared = {"object": "contact", "code": "Region_c", "type": "text", "label": "Region"}
    await desk.call("POST", "/api/v1/custom-attributes", declared)
    known = {
        "provider": await _known(world.provider) | {
            "spare_contact_id": spare["id"],
            "relayed_request_id": relayed["provider"],
            "object": declared["object"],
            "code": declared["code"],
            "option": "SVC_CSS_ALLOW_CONTACT",
            "company_id": waiting["company_id"],
            "contact_id": waiting["contact_id"],
            "connected_contact_id": pushed["contact_id"],
            "number": waiting["number"],
            "closed_number": pulled["number"],
            **await _provisioning(world.provider),
            **await _registering(world.provider, waiting["company_id"]),
        },
        "consumer": await _known(world.consumer),
    }  # fmt: skip
    for side in (world.provider, world.consumer):
        known[side.name] |= {
            "connection_id": pushed["connection_id"],
            "pull_connection_id": pulled["connection_id"],
            "message_id": held[side.name][0],
            "skipped_message_id": held[side.name][1],
            **incidents[side.name],
        }
    taken = (await Operator(world.consumer).call("GET", "/api/v1/provider-connections"))["items"]
    known["consumer"] |= {"request_id": relayed["consumer"]}
    known["consumer"] |= {"provider_connection_id": taken[0]["id"], "number": taken[0]["number"]}
    for side in sides:
        await _contested(side, pushed["connection_id"])
    return Facts(known, list(world.calls))


async def _onboarded(world: World, consumer: Instance, label: str, delivery: str) -> dict[str, Any]:
    registration = await register(world, consumer, label)
    taken = await take_up(world, consumer, registration, delivery)
    await connect(world, consumer, registration, taken)
    found: dict[str, Any] = await Operator(world.provider).call("GET", f"/api/v1/registrations/{taken['number']}")
    return found


async def _given_up(world: World) -> None:
    """End one connection of the newcomer; let it give up the next registration, and the provider the one after."""
    operator, newcomer = Operator(world.provider), Operator(world.newcomer)
    why = {"reason": "Changed our minds"}
    ended = await _onboarded(world, world.newcomer, "ended", "push")
    await operator.call("POST", f"/api/v1/connections/{ended['connection_id']}/disconnect", why)
    await world.turn()
    registration = await register(world, world.newcomer, "third")
    taken = await take_up(world, world.newcomer, registration, "push")
    path = f"/api/v1/provider-connections/{taken['id']}"
    await newcomer.call("POST", f"{path}/validation")
    await until(world, newcomer, path, "Awaiting Validation")
    await announce(world.newcomer, taken)
    await newcomer.call("POST", f"{path}/cancellation", why)
    await world.turn()
    registration = await register(world, world.newcomer, "fourth")
    taken = await take_up(world, world.newcomer, registration, "push")
    await announce(world.newcomer, taken)
    path = f"/api/v1/registrations/{registration['number']}"
    await operator.call("POST", f"{path}/reset", why)
    await announce(world.newcomer, taken)
    await operator.call("POST", f"{path}/cancellation", why)
    await world.turn()


async def _talked(world: World, connection_id: str) -> dict[str, dict[str, str]]:
    """Share an incident each, and comment on it."""
    for side in (world.provider, world.consumer):
        operator = Operator(side)
        body = {
            "fields": {"short_description": f"From the {side.name}", "state": "New"},
            "connection_id": connection_id,
        }
        incident = await operator.call("POST", "/api/v1/incidents", body)
        await operator.call("POST", f"/api/v1/incidents/{incident['id']}/comments", {"text": "Looking into it."})
        await world.turn()
    known = {}
    for side in (world.provider, world.consumer):
        bond = (await Operator(side).call("GET", "/api/v1/bonds"))["items"][0]
        known[side.name] = {"bond_id": bond["id"], "incident_id": bond["incident_id"]}
    return known


async def _pulled(world: World, connection_id: str) -> None:
    """Let something cross that has to be fetched."""
    body = {"fields": {"short_description": "To be fetched", "state": "New"}, "connection_id": connection_id}
    await Operator(world.provider).call("POST", "/api/v1/incidents", body)
    await world.turn()
    await world.turn()


async def _restored(world: World) -> None:
    """Let either side come back from a backup, and compare its marks with the others."""
    for side in (world.provider, world.consumer):
        await Operator(side).call("POST", "/api/v1/instance/declarations", {"decision": "restored"})
        await world.turn()
        await world.turn()


async def _relayed(world: World, connection_id: str) -> dict[str, str]:
    """Let the consumer ask for access for one of its people; return the request's id on either side."""
    desk = Operator(world.consumer)
    person = (await desk.call("GET", "/api/v1/users"))["items"][0]
    body = {"connection_id": connection_id, "user_id": person["id"]}
    made = await desk.call("POST", "/api/v1/access-requests", body)
    await world.turn()
    shown = await desk.call("POST", f"/api/v1/access-requests/{made['id']}/refresh")
    with world.consumer.app.state.context.database.transaction() as session:
        taken = session.get(AccessRequest, shown["id"])
        return {"consumer": shown["id"], "provider": str(taken and taken.peer_request_id)}


async def _contested(side: Instance, connection_id: str) -> None:
    """Let a copy of the peer have called."""
    connections = side.module("connections.service")
    word = "a-word-of-another-history"
    await side.write(connections.contest, connection_id=connection_id, history=word, now=side.context.clock())


async def _stuck(world: World, side: Instance, connection_id: str) -> str:
    """Let a message reach ``side`` that it cannot apply, and return its id."""

    def broken(_session: Session, _connection: str, _run: Sequence[Message], _now: int) -> list[Problem | None]:
        raise RuntimeError("this cannot be applied")

    other = world.consumer if side is world.provider else world.provider
    whole = side.app.state.message_handlers
    side.app.state.message_handlers = {**whole, "incident": broken}
    body = {"fields": {"short_description": "Gets stuck", "state": "New"}, "connection_id": connection_id}
    await Operator(other).call("POST", "/api/v1/incidents", body)
    await other.turn()
    side.app.state.message_handlers = whole
    path = f"/api/v1/connections/{connection_id}/messages?direction=in&status=quarantined"
    return str((await Operator(side).call("GET", path))["items"][0]["id"])


async def _known(side: Instance) -> dict[str, str]:
    """Make or find one of everything that has an id."""
    operator = Operator(side)
    person = await operator.call("POST", "/api/v1/users", {"email": "ada@example.com", "name": "Ada Lovelace"})
    token = await operator.call("POST", "/api/v1/tokens", {"name": "spare", "scopes": ["users:read"]})
    await operator.call("POST", f"/api/v1/users/{person['id']}/password-mail", {"delivery": "mail"})
    provider = {"slug": "people", "issuer": "https://id.example.com", "name": "People", "client_id": "exchange"}
    provider = await operator.call("POST", "/api/v1/identity-providers", provider)
    myself = (await operator.call("GET", "/api/v1/me"))["user"]["id"]
    identities = [
        await operator.call(
            "POST", f"/api/v1/users/{user}/identities", {"provider_id": provider["id"], "subject": user}
        )
        for user in (person["id"], myself)
    ]
    await _handed_over(side)
    mails = (await operator.call("GET", "/api/v1/mails"))["items"]
    issues = (await operator.call("GET", "/api/v1/issues"))["items"]
    staged = await operator.call("POST", "/api/v1/keys/rotations", {"purpose": "token"})
    return {
        "user_id": person["id"],
        "provider_id": provider["id"],
        "identity_id": identities[0]["id"],
        "own_identity_id": identities[1]["id"],
        "token_id": token["id"],
        "mail_id": mails[0]["id"],
        "issue_id": issues[0]["id"],
        "kid": staged["kid"],
    }


async def _provisioning(provider: Instance) -> dict[str, str]:
    """Make a system that provisions people, and a group to give to it."""
    operator = Operator(provider)
    client = await operator.call("POST", "/api/v1/scim-clients", {"name": "Directory of the test"})
    group = await operator.call("POST", "/api/v1/groups", {"name": "People of the test"})
    return {"client_id": client["id"], "group_id": group["id"]}


async def _registering(provider: Instance, company_id: str) -> dict[str, str]:
    """Submit a request for each operation that changes one, and have one approved."""
    operator, at = Operator(provider), "/api/v1/self-service/requests"
    company = await operator.call("GET", f"/api/v1/companies/{company_id}")
    known = {}
    for what in ("", "rejected_", "asked_", "chosen_", "withdrawn_", "bulk_", "approved_"):
        mailbox = f"{what or 'request_'}1@example.com"
        attributes = {"EmailAddress": mailbox, "AccountKey": company["name"]}
        made = await operator.call("POST", at, {"attributes": attributes})
        known[f"{what}request_id"] = made["id"]
    attributes = {"EmailAddress": "started@example.com", "RequestTypeCd": "ORA_CSS_REQ_TYPE_CONSUMER"}
    known["started_request_id"] = (await operator.call("POST", at, {"attributes": attributes}))["id"]
    approved = await operator.call("POST", f"{at}/{known['approved_request_id']}/approve", {})
    roles = (await operator.call("GET", "/api/v1/self-service/roles"))["items"]
    role = next(one for one in roles if not one["administrator"])
    known |= {"role_id": role["id"], "registered_contact_id": approved["contact_id"]}
    return known | await _invited(provider, company_id)


async def _invited(provider: Instance, company_id: str) -> dict[str, str]:
    """Invite people, the operator too, who accepts."""
    operator, at = Operator(provider), "/api/v1/self-service/invitations"
    known = {}
    for what in ("", "revoked_"):
        body = {"company_id": company_id, "email": f"{what or 'open_'}1@example.com"}
        known[f"{what}invitation_id"] = (await operator.call("POST", at, body))["id"]
    me = (await operator.call("GET", "/api/v1/me"))["user"]
    own = await operator.call("POST", at, {"company_id": company_id, "email": me["email"]})
    render = provider.module("self_service.service").link_renderer("")
    link = await provider.write(render, f"invite:{own['id']}:1", provider.context.clock())
    await operator.call("POST", f"{at}/acceptance", {"token": link.partition("#token=")[2]})
    return known


async def _handed_over(side: Instance) -> None:
    """Let the mail server have taken every mail."""
    mail, composition = side.module("mail.service"), side.module("composition")
    context, handover = side.context, side.module("mail.domain").Handover
    given = (context.settings, context.masters, "desk@example.com")
    desk = composition.mail_desk(*(given if side.name == "provider" else (given[0], given[2])))
    for outgoing in await side.write(mail.claim_due, desk, now=context.clock()):
        await side.write(mail.settle, outgoing.mail_id, handover.DONE, problem="", now=context.clock())
