"""Setting identity providers up: by the API, by pages, and from the command line."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from shared.wire.states import Role
from tests.oidc.conftest import PACKAGES
from tests.oidc.provider import CLIENT, SECRET
from tests.oidc.world import ISSUER, SLUG, House

pytestmark = pytest.mark.anyio

NEW = {"slug": "other", "issuer": "https://login.example.com/realms/one", "name": "Other", "client_id": "c"}


async def test_the_secret_is_sealed_and_never_shown(house: House) -> None:
    shown = await house.admin.api("GET", f"/identity-providers/{house.provider['id']}")
    page = await house.admin.get(f"/identity-providers/{house.provider['id']}")
    trail = await house.admin.api("GET", "/audit")
    assert shown.json()["has_client_secret"] is True
    for answer in (shown, page, trail):
        assert SECRET not in answer.text
    with house.context.database.transaction() as session:
        stored = session.execute(text("SELECT client_secret_sealed FROM identity_providers")).scalar_one()
    assert SECRET not in stored


async def test_a_secret_is_changed_removed_or_kept(house: House) -> None:
    await house.linked("ada")
    for given, kept in (({"client_secret": "new"}, "new"), ({"name": "Staff"}, "new"), ({"client_secret": ""}, None)):
        house.idp.clients = {CLIENT: kept}
        changed = await house.change(**given)
        assert changed["has_client_secret"] is (kept is not None)
        browser = await house.stranger()
        await browser.sign_in("ada")
        assert await browser.inside()
    assert house.idp.ways == ["Basic", "Basic", "none"]


async def test_what_cannot_be_an_identity_provider_is_refused_and_says_why(house: House) -> None:
    for wrong, status, code in (
        ({"issuer": "http://login.example.com"}, 422, "url_not_allowed"),
        ({"issuer": "https://10.0.0.1"}, 422, "address_not_allowed"),
        ({"issuer": "https://localhost"}, 422, "url_not_allowed"),
        ({"issuer": "https://login.example.com/?a=b"}, 422, "invalid"),
        ({"issuer": "login.example.com"}, 422, "invalid"),
        ({"slug": "../x"}, 422, "invalid"),
        ({"slug": SLUG}, 409, "slug_taken"),
        ({"issuer": house.idp.issuer}, 409, "issuer_taken"),
        ({"scopes": ["email"]}, 422, "scope_missing"),
        ({"allowed_domains": ["no domain"]}, 422, "domain_invalid"),
        ({"client_secret": "a\nb"}, 422, "invalid"),
        ({"redirect_uri": "https://evil.example"}, 422, "invalid"),
    ):
        answer = await house.admin.api("POST", "/identity-providers", NEW | wrong)
        assert (answer.status_code, answer.json()["code"]) == (status, code), wrong


async def test_issuer_and_slug_never_change(house: House) -> None:
    path = f"/identity-providers/{house.provider['id']}"
    for member in ({"issuer": "https://evil.example"}, {"slug": "evil"}):
        answer = await house.admin.api("PATCH", path, member, **{"if-match": '"1"'})
        assert answer.status_code == 422
    assert (await house.admin.api("PATCH", path, {"name": "x"}, **{"if-match": '"7"'})).status_code == 412
    assert (await house.admin.api("PATCH", path, {"name": "x"})).status_code == 428


async def test_an_administrator_does_it_all_by_pages(house: House) -> None:
    person = await house.person()
    await house.change(active=False)
    assert "/identity-providers/new" in (await house.admin.get("/identity-providers")).text
    form: dict[str, Any] = {
        "slug": "pages",
        "issuer": "https://login.example.com",
        "name": "By pages",
        "client_id": "c",
    }
    wrong = await house.admin.post("/identity-providers", **form, scopes="email")
    assert (wrong.status_code, "openid" in wrong.text) == (422, True)
    refused = await house.admin.post("/identity-providers", **form | {"issuer": "http://10.0.0.1"}, scopes="openid")
    assert refused.status_code == 422
    made = await house.admin.post("/identity-providers", **form, scopes="openid email", client_secret="s", active="on")
    path = made.headers["location"]
    shown = (await house.admin.get(path)).text
    assert f"{ISSUER}/sign-in/oidc/pages/callback" in shown
    changed = {"name": "Changed", "client_id": "c", "scopes": "openid", "may_create_users": "on"}
    assert (await house.admin.post(path, **changed)).headers["location"] == path
    found = (await house.admin.api("GET", path)).json()
    assert (found["name"], found["has_client_secret"], found["may_create_users"]) == ("Changed", True, True)
    assert found["active"] is False
    await house.admin.post(path, **changed, no_secret="on")
    assert (await house.admin.api("GET", path)).json()["has_client_secret"] is False
    at = f"/users/{person.id}/identities"
    assert (await house.admin.post(at, provider_id=found["id"], subject=" ")).status_code == 422
    linked = await house.admin.post(at, provider_id=found["id"], subject="ada")
    assert "ada" in await house.admin.shown(linked)
    identity = (await house.admin.api("GET", at)).json()["items"][0]
    assert (await house.admin.post(f"{at}/{identity['id']}/unlink")).headers["location"] == at
    assert (await house.admin.api("GET", at)).json() == {"items": []}


async def test_pages_of_identity_providers_are_for_administrators(house: House) -> None:
    browser = await house.browser(await house.person(*set(Role) - {Role.ADMIN}))
    stranger = await house.stranger()
    for path in ("/identity-providers", "/identity-providers/new", f"/identity-providers/{house.provider['id']}"):
        assert (await browser.get(path)).status_code == 403
        assert (await stranger.get(path)).headers["location"].startswith("/sign-in?next=")
    assert (await browser.post("/identity-providers", **NEW)).status_code == 403


@pytest.mark.parametrize("package", PACKAGES)
def test_an_operator_does_it_all_from_the_command_line(
    package: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = package.partition("_")[0].upper()
    for name, value in {"DATABASE_URL": sqlite_url, "DATA_DIR": str(tmp_path), "ISSUER": ISSUER}.items():
        monkeypatch.setenv(f"{prefix}_{name}", value)
    cli = import_module(f"{package}.cli").cli

    def run(*words: str, entered: str | None = None, code: int = 0) -> str:
        done = CliRunner().invoke(cli, [*words], input=entered, env={"COLUMNS": "200"})
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.output + str(done.exception or "")

    run("migrate")
    run("users", "create", "ada@example.com", "Ada")
    at = "identity-providers"
    told = run(at, "create", "staff", "https://login.example.com", "c", entered="secret\n", code=1)
    assert "no data key yet" in told
    run(at, "create", "staff", "https://login.example.com", "c", "--client-secret", "")
    assert "https://login.example.com" in run(at, "list")
    run(at, "link", "ada@example.com", "staff", "248289761001")
    line = next(line for line in run(at, "linked", "ada@example.com").splitlines() if "248289761001" in line)
    run(at, "unlink", "ada@example.com", line.split()[0])
    assert "248289761001" not in run(at, "linked", "ada@example.com")
    run(at, "deactivate", "staff")
    assert "no" in run(at, "list").splitlines()[-1]
    run(at, "activate", "staff")
    assert "There is no such identity provider" in run(at, "activate", "nobody", code=1)
