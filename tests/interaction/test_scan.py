"""The scan has every check its table in docs/operations.md names, on the sides it names, and what it asks is asked."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy.orm import Session

from consumer_service import composition as consumer_composition
from provider_service import composition as provider_composition
from shared.wire.identifiers import new_id
from tests.interaction.sides import Refusal, Side
from tests.interaction.world import CONSUMER, World

pytestmark = pytest.mark.anyio

TABLE = re.compile(r"^\|[^|]+\| `([a-z_.]+)` \| ([a-z ]+) \| (error|warning) \| (✔?) ?\| (✔?) ?\|$", re.MULTILINE)
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


class Told(NamedTuple):
    """What the page says of a check, or the code."""

    about: str
    severity: str


def _told(column: int) -> dict[str, Told]:
    rows = TABLE.findall(PAGE.read_text("utf-8"))
    return {row[0]: Told(row[1].replace(" ", "_"), row[2]) for row in rows if row[column]}


@pytest.mark.requirement("scan.complete")
@pytest.mark.parametrize(("composition", "column"), [(provider_composition, 3), (consumer_composition, 4)])
def test_the_checks_of_the_page_are_those_of_the_code(composition: Any, column: int) -> None:
    registered = {check.id: Told(check.scope, str(check.severity)) for check in composition.check_registry().all()}
    assert _told(column) == registered


async def _found(side: Side, subject: str) -> dict[str, str]:
    """Item and severity of what all checks of one subject find now, by check."""
    health = side.module("health.checks")
    kind, _, name = subject.partition(":")
    issues = await health.validate(
        side.context, side.module("composition").check_registry(), side.module("checks").Subject(kind, name)
    )
    return {f"{issue.check_id}/{issue.item}": str(issue.severity) for issue in issues}


async def _ends_in(side: Side, monkeypatch: pytest.MonkeyPatch, **span: float) -> None:
    end = side.context.clock() + timedelta(**span)

    async def certificate_end(_issuer: str) -> datetime:
        return end

    monkeypatch.setattr(side.context.peers, "certificate_end", certificate_end)


@pytest.mark.requirement("scan.certificate")
async def test_a_consumer_whose_certificate_is_about_to_end_cannot_announce_itself(
    invited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invited.take_up()
    await _ends_in(invited.provider, monkeypatch, days=2)
    with pytest.raises(Refusal) as refused:
        await invited.connect()
    assert refused.value.code == "certificate_ending"
    await _ends_in(invited.provider, monkeypatch, days=20)
    await invited.connect()


@pytest.mark.requirement("scan.certificate")
async def test_the_providers_certificate_is_scanned_before_and_every_peers_after(
    invited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _ends_in(invited.consumer, monkeypatch, days=2)
    assert (await invited.take_up())["state"] == "Validation Failed"
    await _ends_in(invited.consumer, monkeypatch, days=20)
    invited.clock.forward(61)
    await invited.beat()
    await invited.consumer.turn()
    assert (await invited.taken_up())["state"] == "Validated"
    await invited.connect()
    await invited.approve()
    await invited.until(invited.onboarded)
    for side in invited.sides:
        connection = f"connection:{(await side.connection())['id']}"
        for days, severity in ((20, "warning"), (1, "error")):
            await _ends_in(side, monkeypatch, days=days)
            assert (await _found(side, connection))["connections.certificate/ends"] == severity
        await _ends_in(side, monkeypatch, days=60)
        assert "connections.certificate/ends" not in await _found(side, connection)


@pytest.mark.requirement("scan.leftovers")
async def test_the_provider_finds_links_and_connections_of_earlier_attempts(invited: World) -> None:
    provider = invited.provider
    company = await provider.api("POST", "companies", {"name": "Customer Two"})
    person = {"email": "bob@customer.example", "name": "Bob"}
    contact = await provider.api("POST", f"companies/{company['id']}/contacts", person)
    wanted = {"company_id": company["id"], "contact_id": contact["id"], "consumer_url": CONSUMER}
    task = await provider.api("POST", "registrations", wanted)
    found = await _found(provider, f"registration:{task['number']}")
    assert found == {f"registration.leftovers/link-{invited.number}": "warning"}
    await provider.api("DELETE", f"registrations/{invited.number}/invitation")
    assert await _found(provider, f"registration:{task['number']}") == {}


@pytest.mark.requirement("scan.leftovers")
async def test_the_provider_finds_a_suspended_connection_of_the_company(pushing: World) -> None:
    provider, connection = pushing.provider, await pushing.provider.connection()
    await provider.write(
        provider.module("connections.service").suspend,
        connection_id=connection["id"],
        actor=provider.module("audit.domain").SYSTEM,
        now=pushing.clock(),
    )
    pushing.clock.forward(86_500)
    wanted = {"company_id": pushing.known["company"], "contact_id": pushing.known["contact"]}
    task = await provider.api("POST", "registrations", wanted | {"consumer_url": "https://d.example"})
    found = await _found(provider, f"registration:{task['number']}")
    assert found == {f"registration.leftovers/connection-{connection['id']}": "warning"}


@pytest.mark.requirement("scan.leftovers")
async def test_the_consumer_finds_tokens_and_connections_of_earlier_attempts(pushing: World) -> None:
    consumer, onboarding = pushing.consumer, pushing.known["onboarding"]
    tables = consumer.module("provider_connections.tables")

    def forget(session: Session) -> None:
        """A process that died between lines that belong together could leave it so."""
        row = session.get_one(tables.ProviderConnection, onboarding)
        row.connection_id, row.token_sealed = None, "sealed"
        other = {column.key: getattr(row, column.key) for column in tables.ProviderConnection.__table__.columns}
        session.add(tables.ProviderConnection(**other | {"id": new_id(), "live": False}))

    await consumer.write(forget)
    found = await _found(consumer, f"provider_connection:{onboarding}")
    left = {name.partition("/")[2].partition("-")[0] for name in found if name.startswith("provider_connection.left")}
    assert left == {"token", "connection"}


@pytest.mark.requirement("scan.complete")
async def test_a_contact_that_left_the_company_is_found(invited: World) -> None:
    provider, known = invited.provider, invited.known

    def part(session: Session) -> None:
        ties = provider.module("accounts.tables").AccountContact
        session.delete(session.get_one(ties, (known["company"], known["contact"])))

    await provider.write(part)
    assert "registration.contact/company" in await _found(provider, f"registration:{invited.number}")


@pytest.mark.requirement("scan.complete")
async def test_messages_that_nobody_sends_are_found_and_a_paused_peers_are_not(pushing: World) -> None:
    for side in pushing.sides:
        await side.share("a printer")
        await pushing.beat()
        assert "connections.queue/" not in await _found(side, "instance:self")
        pushing.clock.forward(301)
        await pushing.beat()
        assert (await _found(side, "instance:self"))["connections.queue/"] == "warning"
        await side.api("POST", f"connections/{(await side.connection())['id']}/pause", {})
        assert "connections.queue/" not in await _found(side, "instance:self")


@pytest.mark.requirement("scan.complete")
async def test_a_peer_that_takes_less_than_we_may_send_is_found(pushing: World) -> None:
    for side in pushing.sides:
        connection = await side.connection()
        name = f"connection:{connection['id']}"
        assert "connections.limits/" not in await _found(side, name)

        def tighten(session: Session, side: Side = side, connection_id: str = connection["id"]) -> None:
            row = session.get_one(side.module("connections.tables").Connection, connection_id)
            limits = row.peer_settings["limits"] | {"bytes_per_request": 65_536}
            row.peer_settings = row.peer_settings | {"limits": limits}

        await side.write(tighten)
        assert (await _found(side, name))["connections.limits/"] == "warning"
