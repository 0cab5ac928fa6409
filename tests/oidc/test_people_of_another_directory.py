"""People whose directory is another one come in by the identity provider that belongs to it, and by nothing else.

Two whole providers: one registers people, the other is its directory over SCIM. The identity provider is on a port.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from provider_service.audit.domain import SYSTEM
from provider_service.identity import calls as identity
from provider_service.identity.domain import NewUser
from provider_service.scim import service as scim
from provider_service.self_service import calls
from provider_service.self_service.domain import Draft, Submission
from provider_service.settings import Settings
from shared.transport.client import PeerClient, in_process
from shared.transport.egress import EgressPolicy
from shared.wire.self_service import SubmitterKind
from tests.oidc.world import Browser, House, house_of
from tests.provider.console.postbox import post, secret

pytestmark = pytest.mark.anyio

THERE = "https://directory.example"
REQUESTS, ROLES = "/self-service/requests", "/self-service/roles"
ADA, BEA = "ada@engines.example", "bea@engines.example"
VISITOR = Submission(SubmitterKind.ANONYMOUS, address="192.0.2.9")


@dataclass
class Town:
    """The house that registers people, the one that is its directory, and an account."""

    here: House
    there: House
    company: str = ""

    def settings(self, **changes: Any) -> None:
        context = self.here.app.state.context
        self.here.app.state.context = replace(context, settings=context.settings.model_copy(update=changes))

    async def signed_up(self, email: str, login: str, **changes: str) -> str:
        """A visitor's request whose mailbox is proven; its id."""
        known = {"EmailAddress": email, "LoginId": login, "LastName": login.title(), "AccountKey": "Engines"}
        made = await calls.submit(self.here.context, Draft({**known, **changes}), VISITOR, proven=False)
        letters = await post(self.here, email)  # type: ignore[arg-type]
        await calls.prove(self.here.context, secret(letters[-1]))
        return made.request.id

    async def approved(self, email: str, login: str) -> dict[str, Any]:
        request_id = await self.signed_up(email, login)
        answer = await self.here.admin.api("POST", f"{REQUESTS}/{request_id}/approve", {})
        assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def came_in(self, subject: str) -> Browser:
        browser = await self.here.stranger()
        await browser.sign_in(subject)
        return browser

    async def refused(self, subject: str, code: str) -> str:
        """Somebody who does not get in; what they are shown."""
        browser = await self.here.stranger()
        shown = await browser.shown(await browser.sign_in(subject))
        assert not await browser.inside()
        assert (await self.here.refusals())[0] == (code, subject), shown
        return shown

    async def switched(self, user_id: str, *, active: bool) -> None:
        """What the directory's own administrator does."""
        etag = (await self.there.admin.api("GET", f"/users/{user_id}")).headers["etag"]
        done = await self.there.admin.api("PATCH", f"/users/{user_id}", {"active": active}, **{"if-match": etag})
        assert done.status_code == 200, done.text


@pytest.fixture(params=["sqlite"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    url = request.getfixturevalue(f"{request.param}_url")
    (tmp_path / "there").mkdir()
    there_url = f"sqlite:///{tmp_path / 'there' / 'database.db'}"
    async with (
        house_of("provider_service", there_url, tmp_path / "there", THERE) as there,
        house_of("provider_service", url, tmp_path) as here,
    ):
        made = await there.context.database.write(
            scim.create_client, name="Registration", actor=SYSTEM, now=there.now()
        )
        context = here.context
        peers = PeerClient(
            EgressPolicy(), clock=lambda: context.clock().timestamp(), transports={THERE: in_process(there.app)}
        )
        here.app.state.context = replace(context, peers=peers)
        town = Town(here, there)
        town.settings(
            directory_url=f"{THERE}/scim/v2", directory_token=SecretStr(made.secret), directory_issuer=here.idp.issuer
        )
        company = await here.admin.api("POST", "/companies", {"name": "Engines"})
        town.company = company.json()["id"]
        yield town
        await peers.aclose()


@pytest.mark.parametrize("town", ["sqlite", "postgresql"], indirect=True)
async def test_who_is_approved_comes_in_administers_the_account_and_is_out_when_the_directory_says_so(
    town: Town,
) -> None:
    ada = await town.approved(ADA, "ada")
    letters = await post(town.here, ADA)  # type: ignore[arg-type]
    assert ["set-password" in text for text in letters] == [False]
    kept = (await town.here.admin.api("GET", f"/users/{ada['user_id']}")).json()
    assert (kept["active"], kept["has_password"], kept["roles"]) == (True, False, [])
    at = f"/companies/{town.company}/contacts/{ada['contact_id']}"
    assert (await town.here.admin.api("GET", at)).json()["active"] is True
    browser = await town.came_in(ada["user_id"])
    me = (await browser.api("GET", "/me")).json()["user"]
    assert (me["id"], me["email"], me["name"]) == (ada["user_id"], ADA, "Ada")

    bea = await town.signed_up(BEA, "bea")
    done = await browser.api("POST", f"{REQUESTS}/{bea}/approve", {})
    assert done.json()["state"] == "ORA_CSS_APPROVED", done.text
    held = (await browser.api("GET", ROLES)).json()["items"]
    assert sorted(one["administrator"] for one in held) == [False, False, True]

    suspension = f"/self-service{at}/suspension"
    await town.here.admin.api("PUT", suspension, {"suspended": True})
    assert not await browser.inside()
    again = await town.came_in(ada["user_id"])
    assert (await again.api("GET", ROLES)).json()["items"] == []
    await town.here.admin.api("PUT", suspension, {"suspended": False})
    assert len((await again.api("GET", ROLES)).json()["items"]) == 3

    token = (await again.api("POST", "/tokens", {"name": "t", "scopes": ["self_service:read"]})).json()["token"]
    await town.switched(ada["user_id"], active=False)
    await identity.follow(town.here.context)
    assert not await again.inside()
    bearer = {"authorization": f"Bearer {token}"}
    stranger = (await town.here.stranger()).client
    assert (await stranger.get(f"/api/v1{ROLES}", headers=bearer)).status_code == 401
    assert (await town.here.admin.api("GET", at)).json()["active"] is False
    await town.refused(ada["user_id"], "user_inactive")
    await town.switched(ada["user_id"], active=True)
    assert await (await town.came_in(ada["user_id"])).inside()


async def test_an_equal_address_or_login_or_another_provider_lets_nobody_in_as_them(town: Town) -> None:
    ada = await town.approved(ADA, "ada")
    claims = {"email": ADA, "email_verified": True, "preferred_username": "ada", "name": "Ada"}
    town.here.idp.accounts |= {"eve": claims, ADA: claims, "ada": claims}
    known = await town.here.users()
    for facts in ({}, {"may_create_users": True, "email_trusted": True}):
        await town.here.change(**facts)
        for subject in ("eve", ADA, "ada", ada["user_id"].upper(), f"{ada['user_id']}/../x", "me"):
            assert "nobody of the directory" in await town.refused(subject, "identity_unknown")
    assert await town.here.users() == known
    town.settings(directory_issuer="https://login.example")
    await town.here.change(may_create_users=False)
    assert "Nobody here is linked" in await town.refused(ada["user_id"], "identity_unknown")


async def test_there_is_no_password_and_no_linked_account_for_them(town: Town) -> None:
    ada = await town.approved(ADA, "ada")
    await post(town.here, ADA)  # type: ignore[arg-type]
    at, admin = f"/users/{ada['user_id']}", town.here.admin
    await (await town.here.stranger()).post("/password/forgot", email=ADA)
    assert await post(town.here, ADA) == []  # type: ignore[arg-type]
    link = {"provider_id": town.here.provider["id"], "subject": "ada"}
    for path, body in ((f"{at}/password-mail", {}), (f"{at}/identities", link)):
        assert (await admin.api("POST", path, body)).json()["code"] == "user_of_directory"
    etag = (await admin.api("GET", at)).headers["etag"]
    for change in ({"email": "other@engines.example"}, {"name": "Other"}):
        refused = await admin.api("PATCH", at, change, **{"if-match": etag})
        assert (refused.status_code, refused.json()["code"]) == (409, "user_of_directory")
    browser = await town.came_in(ada["user_id"])
    shut = await admin.api("PATCH", at, {"active": False}, **{"if-match": (await admin.api("GET", at)).headers["etag"]})
    assert shut.status_code == 200, shut.text
    assert not await browser.inside()
    await town.refused(ada["user_id"], "user_inactive")
    local = await town.here.person(email=ADA)
    assert local.id != ada["user_id"]
    assert await (await town.here.browser(local)).inside()


async def test_the_claim_that_an_operator_names_says_who_somebody_is(town: Town) -> None:
    ada = await town.approved(ADA, "ada")
    directory = identity.other_directory(town.here.context)
    assert directory is not None
    found = await directory.find_by("id", ada["user_id"])
    assert found is not None
    for number, (is_, value) in enumerate(
        {"id": ada["user_id"], "externalId": found.reference or "", "userName": "ADA"}.items()
    ):
        subject = f"subject-{number}"
        town.settings(directory_claim="oid", directory_claim_is=is_)
        town.here.idp.accounts[subject] = {"oid": value}
        browser = await town.came_in(subject)
        assert (await browser.api("GET", "/me")).json()["user"]["id"] == ada["user_id"]
        for wrong in (None, "", 7, [value], f"{value} ", '" or userName pr or userName eq "'):
            town.here.idp.accounts["eve"] = {"oid": wrong}
            await town.refused("eve", "identity_unknown")
    for claim in ("email", "", "Email"):
        with pytest.raises(ValidationError):
            Settings(issuer="http://127.0.0.1:8000", directory_claim=claim)


async def test_what_is_known_of_a_stamp_is_what_the_directory_says_of_it(town: Town) -> None:
    ada = await town.approved(ADA, "ada")
    other = await town.signed_up(ADA, "somebody")
    at = f"{REQUESTS}/{other}/evidence"
    assert (await town.here.admin.api("GET", at)).json()["reason"] == "stamped_otherwise"
    directory = identity.other_directory(town.here.context)
    assert directory is not None
    await directory._ask("DELETE", f"/Users/{ada['user_id']}")
    assert (await town.here.admin.api("GET", at)).json()["reason"] == "stamp_without_user"
    await town.refused(ada["user_id"], "identity_unknown")


async def test_a_directory_that_calls_somebody_as_ours_are_called_makes_nobody_somebody_else(town: Town) -> None:
    admin = (await town.here.admin.api("GET", "/me")).json()["user"]
    directory = identity.other_directory(town.here.context)
    assert directory is not None
    made = await town.approved(ADA, "ada")
    found = await directory.mirror(made["user_id"])
    assert found is not None
    with pytest.raises(Exception, match="instance's own"):
        await directory.keep(replace(found, id=admin["id"]))
    assert (await town.here.admin.api("GET", "/me")).json()["user"] == admin


async def test_somebody_the_directory_knows_comes_in_for_the_first_time_and_asks_for_access(town: Town) -> None:
    """Their address is the directory's word: the mailbox has to be proven all the same."""
    directory = identity.other_directory(town.here.context)
    assert directory is not None
    dan = await directory.create_inactive(NewUser("hr-7", "dan", "dan@engines.example", "Dan", "en"), actor=SYSTEM)
    await directory.activate(dan.id, actor=SYSTEM)
    assert "nobody of the directory" in await town.refused(dan.id, "identity_unknown")
    await town.here.change(may_create_users=True)
    browser = await town.came_in(dan.id)
    me = (await browser.api("GET", "/me")).json()["user"]
    assert (me["id"], me["roles"]) == (dan.id, [])
    wanted = {"EmailAddress": dan.email, "LoginId": dan.login, "LastName": "Dan", "AccountKey": "Engines"}
    taken = (await browser.api("POST", REQUESTS, {"attributes": wanted})).json()
    assert taken["state"] == "ORA_CSS_VERIFYING", taken
    (letter,) = await post(town.here, dan.email)  # type: ignore[arg-type]
    await calls.prove(town.here.context, secret(letter))
    done = (await town.here.admin.api("POST", f"{REQUESTS}/{taken['id']}/approve", {})).json()
    assert (done["state"], done["outcome"], done["user_id"]) == ("ORA_CSS_APPROVED", "create_contact", dan.id)
    assert len((await browser.api("GET", ROLES)).json()["items"]) == 2


async def test_who_comes_in_by_oidc_for_the_first_time_without_roles_is_tied_to_what_they_ask_for(town: Town) -> None:
    """With this instance's own directory, in which the provider may make users."""
    town.settings(directory_url="", directory_issuer="")
    await town.here.change(may_create_users=True, email_trusted=True)
    town.here.idp.accounts["fay"] = {"email": "fay@engines.example", "email_verified": True, "name": "Fay"}
    browser = await town.came_in("fay")
    me = (await browser.api("GET", "/me")).json()["user"]
    assert me["roles"] == []
    wanted = {"EmailAddress": me["email"], "LastName": "Fay", "AccountKey": "Engines"}
    taken = (await browser.api("POST", REQUESTS, {"attributes": wanted})).json()
    assert taken["state"] == "ORA_CSS_PENDING", taken
    done = (await town.here.admin.api("POST", f"{REQUESTS}/{taken['id']}/approve", {})).json()
    assert (done["state"], done["outcome"], done["user_id"]) == ("ORA_CSS_APPROVED", "create_contact", me["id"])
    contact = (await town.here.admin.api("GET", f"/contacts/{done['contact_id']}")).json()
    assert contact["user_id"] == me["id"]
    assert len((await browser.api("GET", ROLES)).json()["items"]) == 2
