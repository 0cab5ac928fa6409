"""How people get accounts, and how who knows their address tries to have them too (Sudhodanan and Paverd 2022)."""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from provider_service.directory.domain import Person
from provider_service.self_service import calls, service
from provider_service.self_service.domain import Draft, Submission
from shared.wire.self_service import SubmitterKind
from tests.oidc.world import SLUG, Browser, house_of
from tests.oidc.world import House as Door
from tests.provider.conftest import House
from tests.provider.self_service.inviting import INVITATIONS, NAMES, REQUESTS
from tests.provider.self_service.world import Town

OWN, STOLEN, FRESH = "the owner's own passphrase", "a password of the attacker", "what the owner sets by a link"
EVE = "eve@evil.example"
CREATING = {"may_create_users": True, "email_trusted": True}
LINK = f"/account/identities/{SLUG}/link"
_KEY = re.compile(r'name="key" value="([^"]+)"')


@dataclass
class Owner:
    """Somebody to whom a mailbox belongs, and how they come in."""

    email: str
    subject: str = ""
    password: str = ""


@dataclass
class Attacker:
    """Somebody who knows an address, and all they have got by it."""

    browser: Browser
    email: str
    trojan: str
    secrets: list[str] = field(default_factory=list)


@dataclass
class Street:
    """The whole provider with an account, its staff, an identity provider, and a company of the attacker's."""

    door: Door
    town: Town
    evil: str
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def attacker(self, email: str) -> Attacker:
        number = next(self.numbers)
        return Attacker(await self.door.stranger(), email, f"trojan{number}")

    async def enters(self, owner: Owner) -> Browser:
        """A browser in which the owner signs in."""
        browser = await self.door.stranger()
        if owner.password:
            await browser.post("/sign-in", email=owner.email, password=owner.password)
        else:
            await browser.sign_in(owner.subject)
        return browser

    async def whose(self, browser: Browser) -> str:
        """The address of whoever is signed in, or nothing."""
        answer = await browser.api("GET", "/me")
        return str(answer.json()["user"]["email"]) if answer.status_code == 200 else ""

    def person(self, email: str) -> Person:
        found = self.town.user(email)
        assert found is not None
        return found

    async def recovers(self, owner: Owner) -> None:
        """The owner sets a password by a link to the mailbox."""
        assert (await self.door.reset(self.person(owner.email), FRESH)).status_code == 303
        owner.password, owner.subject = FRESH, ""

    async def claims(self, subject: str, email: str, *, verified: bool) -> None:
        """Somebody signs in at the identity provider, whose word about an address is taken as the options say."""
        self.door.idp.accounts[subject] = {"email": email, "email_verified": verified}
        await (await self.door.stranger()).sign_in(subject)

    async def with_password(self, email: str) -> Owner:
        """Set the password by the welcome mail."""
        letter = await self.town.letter(email, "password")
        answer = await (await self.door.stranger()).post("/password/set", token=letter.secret, password=OWN)
        assert answer.headers["location"] == "/sign-in", answer.text
        return Owner(email, password=OWN)


@asynccontextmanager
async def street_at(database_url: str, data_dir: Path) -> AsyncIterator[Street]:
    async with house_of("provider_service", database_url, data_dir) as door:
        town = await Town(House(door.context, door.context.clock, door.app, door.exits, door.numbers)).set_up()
        yield Street(door, town, await town.make_company("Evil Works"))


async def by_sign_up(street: Street, email: str) -> Owner:
    await street.town.approved(EmailAddress=email)
    return await street.with_password(email)


async def by_invitation(street: Street, email: str) -> Owner:
    town = street.town
    answer = await town.staff.post(INVITATIONS, json={"company_id": town.company, "email": email})
    assert answer.status_code == 201, answer.text
    letter = await town.letter(email, "invited")
    made = await calls.accept(town.context, letter.secret, NAMES, caller=None, address="192.0.2.9")
    assert made.request.state == "ORA_CSS_APPROVED"
    return await street.with_password(email)


async def relayed(street: Street, email: str, company: str) -> str:
    by = Submission(
        SubmitterKind.RELAYED, name="https://c.example", connection_id=company, company_id=company, subject=email
    )
    draft = Draft({"EmailAddress": email, "LastName": "Lovelace"})
    made = await street.town.context.database.write(service.relay, draft, by, now=street.door.now())
    return made.id


async def by_relay(street: Street, email: str) -> Owner:
    town = street.town
    made = await relayed(street, email, town.company)
    await calls.prove(town.context, (await town.letter(email, "Confirm")).secret)
    answer = await town.staff.post(f"{REQUESTS}/{made}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
    return await street.with_password(email)


async def by_oidc(street: Street, email: str) -> Owner:
    owner = Owner(email, subject=f"the owner of {email}")
    await street.door.change(**CREATING)
    await street.claims(owner.subject, email, verified=True)
    await street.door.change(may_create_users=False, email_trusted=False)
    return owner


async def by_staff(street: Street, email: str) -> Owner:
    attributes = {"EmailAddress": email, "LastName": "Lovelace", "AccountKey": "Engines"}
    made = (await street.town.admin.post(REQUESTS, json={"attributes": attributes})).json()
    answer = await street.town.admin.post(f"{REQUESTS}/{made['id']}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
    return await street.with_password(email)


PATHS: dict[str, Callable[[Street, str], Awaitable[Owner]]] = {
    "sign-up": by_sign_up,
    "invitation": by_invitation,
    "relay": by_relay,
    "oidc": by_oidc,
    "staff": by_staff,
}
"""Every way somebody gets an account with an address."""


async def begins(street: Street, attacker: Attacker, **more: str) -> None:
    """Ask for access with the owner's address by each way that strangers can set off; keep whatever is answered."""
    asked = {"AccountKey": "Engines", "EmailAddress": attacker.email, "LastName": "Evil", **more}
    answer = await attacker.browser.post("/sign-up", **asked)
    assert answer.status_code == 200, answer.text
    attacker.secrets += re.findall(r"/sign-up/status#token=([\w-]+)", html.unescape(answer.text))
    assert attacker.secrets
    await relayed(street, attacker.email, street.evil)
    wanted = {"company_id": street.evil, "email": attacker.email}
    assert (await street.town.staff.post(INVITATIONS, json=wanted)).status_code == 201
    await street.town.post()  # the owner opens no link in what they did not ask for


async def inside(street: Street, attacker: Attacker, owner: Owner) -> Browser:
    """The attacker has come into the owner's account, however: by a password seen, a computer left alone."""
    attacker.browser = await street.enters(owner)
    assert await street.whose(attacker.browser) == owner.email
    return attacker.browser


async def links_own_account(browser: Browser, subject: str) -> None:
    """Link an account at the identity provider to the one that is signed in."""
    shown = await browser.shown(await browser.get(await browser.answered(subject, LINK)))
    found = _KEY.search(shown)
    assert found is not None, shown
    answer = await browser.post("/account/identities", key=html.unescape(found[1]))
    assert answer.headers["location"] == "/account"


async def changes_address(browser: Browser, email: str) -> None:
    """Try to give the account that is signed in another address, by its API and its page."""
    version = (await browser.api("GET", "/me")).json()["user"]["version"]
    answer = await browser.api("PATCH", "/me", {"email": email}, **{"if-match": f'"{version}"'})
    assert answer.status_code == 422, answer.text
    await browser.post("/account", name="Eve", language="en", email=email, EmailAddress=email)
