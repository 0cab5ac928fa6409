"""The pages both consoles share: who sees which, that forms work, and that nothing said elsewhere becomes markup."""

from datetime import timedelta

import pytest

from consumer_service.audit.domain import SYSTEM
from consumer_service.checks import Check, Finding, Subject
from consumer_service.connections import service as connections
from consumer_service.context import Context
from consumer_service.directory import service as directory
from consumer_service.health.domain import CheckRegistry
from shared.wire.discovery import SignedStatement
from shared.wire.states import DeliveryMode, InstanceType, Role, Severity
from tests.consumer.console.test_wizard import EVIL
from tests.consumer.console.world import ISSUER, PASSWORD, Browser, World, world_at

pytestmark = pytest.mark.anyio

EVERYBODY = ("/", "/keys", "/tokens", "/tokens/new", "/account")
STAFF = ("/provider-connections", "/connections", "/incidents", "/health", "/health?show=all", "/instance")
OPERATORS = ("/access-requests", "/access-requests/new")
ADMIN = ("/users", "/users/new", "/audit", "/instance/edit")


@pytest.mark.parametrize("path", [*EVERYBODY, *STAFF, *OPERATORS, *ADMIN])
async def test_an_administrator_sees_every_page(admin: Browser, path: str) -> None:
    answer = await admin.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", [*STAFF, *OPERATORS, *ADMIN])
async def test_somebody_without_a_role_sees_none_of_it(world: World, path: str) -> None:
    nobody = await world.browser(Role.SN_SB_PRO_CONSUMER)
    answer = await nobody.get(path)
    assert answer.status_code == 403
    assert "role_missing" in answer.text


@pytest.mark.parametrize("path", EVERYBODY)
async def test_everybody_sees_what_is_their_own(world: World, path: str) -> None:
    assert (await (await world.browser(Role.SN_SB_PRO_CONSUMER)).get(path)).status_code == 200


@pytest.mark.parametrize("path", [*EVERYBODY, *STAFF, *OPERATORS, *ADMIN])
async def test_who_is_not_signed_in_is_asked_to_and_comes_back(world: World, admin: Browser, path: str) -> None:
    answer = await (await world.browser()).get(path)
    assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", ""]
)
async def test_signing_in_never_leads_elsewhere(world: World, following: str) -> None:
    person = await world.person(Role.ADMIN)
    browser = await world.browser()
    answer = await browser.post("/sign-in", email=person.email, password=PASSWORD, next=following)
    assert answer.headers["location"] == "/"


async def test_a_wrong_password_is_told_on_the_page(world: World) -> None:
    person = await world.person(Role.ADMIN)
    answer = await (await world.browser()).post("/sign-in", email=person.email, password="wrong")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text


async def test_signing_out_ends_the_session(admin: Browser) -> None:
    assert (await admin.post("/sign-out", page="/")).headers["location"] == "/sign-in"
    assert (await admin.get("/")).status_code == 303


async def test_a_sign_in_from_another_site_is_refused(world: World) -> None:
    person = await world.person(Role.ADMIN)
    browser = await world.browser()
    fields = {"email": person.email, "password": PASSWORD}
    answer = await browser.client.post("/sign-in", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_new_instance_is_set_up_by_its_printed_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world_at(tmp_path_factory.mktemp("new")) as bare:
        token = await bare.context.database.write(directory.issue_setup_token, now=bare.now())
        browser = await bare.browser()
        assert (await browser.get("/sign-in")).headers["location"] == "/setup"
        person = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
        wrong = await browser.post("/setup", token="wrong", **person)
        assert wrong.status_code == 410
        done = await browser.post("/setup", token=token, **person)
        assert done.headers["location"] == "/instance"
        created = await browser.post("/instance", name="desk-two", instance_type="production")
        assert created.headers["location"] == "/"
        assert "Open a registration link" in (await browser.follow(created)).text


async def test_the_record_is_changed_by_its_form(admin: Browser) -> None:
    form = await admin.get("/instance/edit")
    version = form.text.partition('name="version" value="')[2].partition('"')[0]
    fields = {"name": "desk-renamed", "instance_type": "production", "version": version}
    assert (await admin.post("/instance/edit", **fields)).headers["location"] == "/instance"
    assert "desk-renamed" in (await admin.get("/instance")).text
    assert (await admin.post("/instance/edit", **fields)).status_code == 412


async def test_a_token_is_shown_once(admin: Browser) -> None:
    form = {"name": "Reports", "expires_in_days": "30", "scopes": "audit:read"}
    made = await admin.post("/tokens", page="/tokens/new", **form)
    assert made.status_code == 201
    secret = made.text.partition('value="sx_')[2].partition('"')[0]
    assert secret
    assert secret not in (await admin.get("/tokens")).text


async def test_keys_are_rotated_by_a_manager_only(world: World, admin: Browser) -> None:
    manager = await world.browser(Role.SN_KMF_CRYPTOGRAPHIC_MANAGER)
    assert (await manager.post("/keys/rotations", page="/keys", purpose="http")).status_code == 303
    assert (await admin.post("/keys/rotations", page="/keys", purpose="http")).status_code == 403
    assert "The diagnostics need one of these roles" in (await admin.get("/keys")).text


async def test_an_issue_is_found_assigned_muted_and_resolved(world: World, admin: Browser) -> None:
    broken = [True]

    async def looks(_context: Context, _subject: Subject) -> list[Finding]:
        return [Finding(f"Found {EVIL}", "Because", "Mend it")] if broken else []

    world.app.state.checks = CheckRegistry([Check("test.broken", "Broken", Severity.ERROR, "instance", looks)])
    await admin.post("/health/validate", page="/health")
    shown = await admin.get("/health")
    assert "Mend it" in shown.text
    assert "<script>alert" not in shown.text
    issue = "/health/issues/" + shown.text.partition('href="/health/issues/')[2].partition('"')[0].partition("#")[0]
    assert (await admin.post(f"{issue}/assignment", page=issue, assign="me")).status_code == 303
    await admin.post(f"{issue}/muting", page=issue, mute="yes", reason="Known")
    assert "Mend it" not in (await admin.get("/health")).text
    assert "Mend it" in (await admin.get("/health?show=muted")).text
    broken.clear()
    await admin.post(f"{issue}/validate", page=issue)
    assert "Mend it" in (await admin.get("/health?show=resolved")).text


async def connection(world: World, name: str = "hub-one") -> str:
    hub = world.provider
    opened = "0192aaaa-0000-7000-8000-000000000001"
    await world.context.database.write(
        connections.open_connection,
        connection_id=opened,
        registration_number="REG0000001",
        peer_name=name,
        peer_issuer=hub.issuer,
        peer_instance_id=hub.instance_id,
        peer_instance_type=InstanceType.PRODUCTION,
        peer_epoch=1,
        identity_jkt=hub.keys.active("identity").kid,
        key_set=SignedStatement.model_validate(hub.key_set()).model_dump(),
        delivery=DeliveryMode.PUSH,
        now=world.now(),
    )
    return f"/connections/{opened}"


async def test_a_connection_s_page_shows_its_peer_without_markup(world: World, admin: Browser) -> None:
    path = await connection(world, EVIL[:60])
    for place in (path, f"{path}/figures", f"{path}/disconnect", f"{path}/suspend", "/connections", "/"):
        answer = await admin.get(place)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


async def test_disconnecting_takes_the_typed_name(world: World, admin: Browser) -> None:
    path = await connection(world)
    wrong = await admin.post(f"{path}/disconnect", confirmation="hub")
    assert wrong.status_code == 400
    done = await admin.follow(await admin.post(f"{path}/disconnect", confirmation="hub-one", reason="Moved"))
    assert "This connection has ended" in done.text


async def test_a_suspended_connection_says_what_to_ask_the_provider_for(world: World, admin: Browser) -> None:
    path = await connection(world)
    assert "lost its identity key" in (await admin.get(f"{path}/suspend")).text
    done = await admin.follow(await admin.post(f"{path}/suspend", reason="Stolen", identity_lost="on"))
    assert "ask the provider for a new invitation" in done.text
    shown = await world.context.database.read(connections.get, path.rpartition("/")[2])
    assert (shown.state, shown.identity_lost_at is not None) == ("Suspended", True)


async def test_a_person_says_which_of_two_histories_of_a_peer_goes_on(world: World, admin: Browser) -> None:
    path, word = await connection(world), "a-word-of-another-history"
    named = path.rpartition("/")[2]
    await world.context.database.write(connections.contest, connection_id=named, history=word, now=world.now())
    assert "Two histories of this peer are calling" in (await admin.get(path)).text
    decided = await admin.follow(await admin.post(f"{path}/history/keep", page=path))
    assert "It is decided which history goes on" in decided.text
    assert "Two histories" not in decided.text


async def test_a_restored_side_says_that_marks_are_compared_and_what_was_lost(world: World, admin: Browser) -> None:
    path = await connection(world)
    await world.context.database.write(connections.restored, SYSTEM, world.now())
    assert "This side sends nothing before that is done" in (await admin.get(path)).text
    named = path.rpartition("/")[2]
    await world.context.database.write(connections.reconciled, connection_id=named, now=world.now())
    assert "Lost here for good" in (await admin.get(path)).text


async def test_an_address_that_leads_nowhere_is_a_page_for_people(admin: Browser) -> None:
    answer = await admin.get("/nowhere", accept="text/html")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert (await admin.get("/api/v1/nowhere")).headers["content-type"] == "application/problem+json"


async def test_a_session_that_has_ended_says_so(world: World, admin: Browser) -> None:
    world.clock.forward(timedelta(hours=1).total_seconds())
    answer = await admin.get("/health")
    assert answer.headers["location"].startswith("/sign-in")
    assert "no longer" in (await admin.follow(answer)).text


@pytest.mark.parametrize(
    ("accepted", "language", "words"), [("de-DE,de;q=0.9", "de", "Anmelden"), ("ja-JP,ja;q=0.9", "ja", "サインイン")]
)
async def test_a_browser_is_spoken_to_in_its_language(world: World, accepted: str, language: str, words: str) -> None:
    browser = await world.browser()
    await world.person(Role.ADMIN)
    answer = await browser.get("/sign-in", **{"accept-language": accepted})
    assert answer.headers["content-language"] == language
    assert words in answer.text


@pytest.mark.parametrize(
    ("language", "refusal", "finding"),
    [
        ("de", "Es gibt keine solche Verbindung", "Noch nie hat ein Worker ein Lebenszeichen gegeben"),
        ("ja", "そのような接続はありません", "稼働の合図を送ったワーカーはまだありません"),
    ],
)
async def test_every_page_refusal_and_finding_is_told_in_every_language(
    admin: Browser, language: str, refusal: str, finding: str
) -> None:
    await admin.post("/account", page="/account", name="Ada", language=language)
    for path in (*EVERYBODY, *STAFF, *ADMIN):
        assert (await admin.get(path)).headers["content-language"] == language
    assert refusal in (await admin.get("/connections/none")).text
    await admin.follow(await admin.post("/health/validate", page="/health"))
    assert finding in (await admin.get("/health")).text


async def test_a_language_with_a_region_is_spoken_and_chosen_as_the_language(admin: Browser) -> None:
    await admin.post("/account", page="/account", name="Ada", language="ja-JP")
    answer = await admin.get("/account")
    assert answer.headers["content-language"] == "ja"
    assert '<option value="ja" selected' in answer.text


async def test_a_method_an_address_does_not_have_is_told_with_those_it_has(admin: Browser) -> None:
    page = await admin.get("/sign-out", accept="text/html")
    assert (page.status_code, page.headers["allow"]) == (405, "POST")
    assert page.headers["content-type"].startswith("text/html")
    call = await admin.client.put("/api/v1/users", json={}, headers={"sec-fetch-site": "same-origin"})
    assert (call.status_code, call.headers["allow"]) == (405, "GET, POST")


async def test_refusals_before_any_page_bear_the_security_headers_too(admin: Browser) -> None:
    many = {f"x-header-{number}": "1" for number in range(120)}
    answer = await admin.client.get("/", headers=many)
    assert answer.status_code == 431
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_part_that_renews_itself_leads_to_the_whole_sign_in_page_and_back(world: World, admin: Browser) -> None:
    world.clock.forward(timedelta(hours=1).total_seconds())
    shown = {"hx-request": "true", "hx-current-url": f"{ISSUER}/health?state=open"}
    answer = await admin.get("/health", **shown)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fhealth"
