"""The onboarding wizard in every state, against a provider written from the protocol's page alone."""

from urllib.parse import urlsplit

import httpx
import pytest

from consumer_service.checks import Check, Finding, Subject
from consumer_service.context import Context
from consumer_service.handshakes import calls as handshake_calls
from consumer_service.health.domain import CheckRegistry
from consumer_service.provider_connections import service as provider_connections
from shared.wire.states import Role, Severity
from tests.consumer.console.world import Browser, World
from tests.peer.registration import Registration

pytestmark = pytest.mark.anyio

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


def request_uri(page: httpx.Response) -> str:
    """The handle in the address that Go to provider leads to."""
    found = next(part for part in page.text.split('"') if "/oauth/authorize?" in part)
    return dict(httpx.URL(found.replace("&amp;", "&")).params)["request_uri"]


async def validated(world: World, admin: Browser, delivery: str = "push") -> tuple[str, Registration]:
    registration = world.registration()
    path = await world.take_up(admin, registration, delivery=delivery)
    await world.scan()
    return path, registration


async def connected(world: World, admin: Browser, delivery: str = "push") -> tuple[str, Registration, httpx.Response]:
    """As far as the provider's page, and the page here that leads there."""
    path, registration = await validated(world, admin, delivery)
    answer = await admin.post(f"{path}/connect", page=path)
    return path, registration, await admin.follow(answer)


def callback(allowed: str) -> str:
    """What the provider's redirect asks of us."""
    parts = urlsplit(allowed)
    return f"{parts.path}?{parts.query}"


async def test_a_fresh_onboarding_is_being_checked_and_looks_again_by_itself(world: World, admin: Browser) -> None:
    path = await world.take_up(admin)
    page = await admin.get(path)
    assert "Awaiting Validation" in page.text
    assert f'data-hx-get="{path}/progress"' in page.text
    assert "Connect to Provider</button>" not in page.text


async def test_after_the_checks_it_can_be_connected(world: World, admin: Browser) -> None:
    path, _ = await validated(world, admin)
    part = await admin.get(f"{path}/progress", **{"hx-request": "true"})
    assert "Validated" in part.text
    assert "Connect to Provider</button>" in part.text
    assert "<html" not in part.text


async def test_a_provider_that_does_not_answer_fails_validation_and_leads_to_the_dashboard(
    world: World, admin: Browser
) -> None:
    world.provider.keys.set_state(world.provider.keys.active("http").kid, "compromised")
    path, _ = await validated(world, admin)
    page = await admin.get(path)
    assert "Validation Failed" in page.text
    dashboard = f"/health?onboarding={path.rpartition('/')[2]}"
    assert f'href="{dashboard}"' in page.text
    assert "Provider is reachable and the one that invited us" in (await admin.get(dashboard)).text
    assert "Connect to Provider</button>" not in page.text


async def test_connecting_shows_who_must_sign_in_the_code_and_the_way(world: World, admin: Browser) -> None:
    _, registration, page = await connected(world, admin)
    assert "Grace Hopper" in page.text
    assert world.provider.comparison_code(registration) in page.text
    assert f'href="{world.provider.issuer}/oauth/authorize?' in page.text
    assert "Go to provider" in page.text


async def test_the_contact_s_answer_opens_the_connection_at_once(world: World, admin: Browser) -> None:
    path, registration, page = await connected(world, admin)
    allowed = world.provider.allow(request_uri(page), registration.contact)
    back = await admin.get(callback(allowed))
    assert back.headers["location"] == path
    assert registration.spent
    shown = await admin.follow(back)
    assert "Both sides are agreeing on their settings" in shown.text
    assert "Connect to Provider</button>" not in shown.text


async def test_coming_back_signed_out_keeps_the_answer_over_the_sign_in(world: World, admin: Browser) -> None:
    _, registration, page = await connected(world, admin)
    there = callback(world.provider.allow(request_uri(page), registration.contact))
    answer = await (await world.browser()).get(there)
    assert dict(httpx.URL(answer.headers["location"]).params)["next"] == there
    assert not registration.spent


async def test_another_administrator_cannot_bring_the_answer_back(world: World, admin: Browser) -> None:
    path, registration, page = await connected(world, admin)
    allowed = world.provider.allow(request_uri(page), registration.contact)
    other = await world.browser(Role.ADMIN)
    answer = await other.get(callback(allowed))
    assert answer.status_code == 403
    assert "wrong_administrator" in answer.text
    assert not registration.spent
    assert "Another administrator began this attempt" in (await other.get(path)).text


async def test_an_answer_from_another_issuer_is_refused(world: World, admin: Browser) -> None:
    _, registration, page = await connected(world, admin)
    allowed = httpx.URL(world.provider.allow(request_uri(page), registration.contact))
    answer = await admin.get(callback(str(allowed.copy_set_param("iss", "https://evil.example"))))
    assert answer.status_code == 403
    assert "issuer_mismatch" in answer.text


async def test_an_answer_nobody_asked_for_is_refused(admin: Browser) -> None:
    answer = await admin.get("/exchange/v1/oauth/callback?code=x&state=y&iss=https://hub.example")
    assert answer.status_code == 404
    assert "authorization_unknown" in answer.text


async def test_a_denial_is_told_and_can_be_tried_again(world: World, admin: Browser) -> None:
    _, registration, page = await connected(world, admin)
    denied = world.provider.deny(request_uri(page), registration.contact)
    shown = await admin.follow(await admin.get(callback(denied)))
    assert "<code>access_denied</code>" in shown.text
    assert "Connect again</button>" in shown.text


async def test_a_refused_announcement_is_told_with_its_code(world: World, admin: Browser) -> None:
    path, registration = await validated(world, admin)
    registration.revoked = True
    shown = await admin.follow(await admin.post(f"{path}/connect", page=path))
    assert "<code>token_revoked</code>" in shown.text


async def test_a_pull_consumer_confirms_the_code_and_wrong_ones_are_counted(world: World, admin: Browser) -> None:
    path, registration, page = await connected(world, admin, "pull")
    code = world.provider.comparison_code(registration)
    await admin.get(callback(world.provider.allow(request_uri(page), registration.contact, code)))
    assert not registration.spent
    wrong = await admin.follow(await admin.post(f"{path}/confirm", page=path, comparison_code="0000-0000"))
    assert "4 tries are left" in wrong.text
    right = await admin.follow(await admin.post(f"{path}/confirm", page=path, comparison_code=code.lower()))
    assert registration.spent
    assert "Confirm code" not in right.text


async def test_check_again_asks_for_a_new_scan(world: World, admin: Browser) -> None:
    path, _ = await validated(world, admin)
    world.provider.keys.set_state(world.provider.keys.active("http").kid, "compromised")
    await world.scan()
    assert "Validated" in (await admin.get(path)).text
    await admin.follow(await admin.post(f"{path}/validate", page=path))
    await world.scan()
    assert "Validation Failed" in (await admin.get(path)).text


async def test_cancelling_ends_it_and_tells_the_provider(world: World, admin: Browser) -> None:
    path, registration, _ = await connected(world, admin)
    asked = await admin.get(f"{path}/cancel")
    assert "Cancel onboarding" in asked.text
    shown = await admin.follow(await admin.post(f"{path}/cancel", reason="Wrong provider"))
    assert "Cancelled" in shown.text
    assert "Wrong provider" in shown.text
    assert "data-hx-get" not in shown.text
    await handshake_calls.tell_cancellations(world.context, world.now())
    assert registration.state == "Closed Incomplete"


async def test_what_a_provider_says_of_itself_is_never_markup(world: World, admin: Browser) -> None:
    registration = world.registration(contact=EVIL)
    path = await world.take_up(admin, registration)
    await world.scan()
    page = await admin.follow(await admin.post(f"{path}/connect", page=path))
    await admin.post(f"{path}/cancel", reason=EVIL)
    for shown in (page, await admin.get(path), await admin.get("/provider-connections"), await admin.get("/")):
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_findings_are_shown_where_they_block_and_are_never_markup(world: World, admin: Browser) -> None:
    async def broken(_context: Context, _subject: Subject) -> list[Finding]:
        return [Finding(f"Found {EVIL}", "Because", "Mend it")]

    own = Check("test.broken", "Broken", Severity.ERROR, provider_connections.SUBJECT, broken)
    world.registry = CheckRegistry([*world.registry.all(), own])
    path, _ = await validated(world, admin)
    page = await admin.get(path)
    assert "Mend it" in page.text
    assert "<script>alert" not in page.text


async def test_a_reader_sees_everything_and_changes_nothing(world: World, admin: Browser) -> None:
    path, registration = await validated(world, admin)
    reader = await world.browser(Role.SN_SB_READ)
    page = await reader.get(path)
    assert page.status_code == 200
    assert '<button class="button primary"' not in page.text
    for step in ("connect", "confirm", "validate", "cancel"):
        answer = await reader.post(f"{path}/{step}", page=path)
        assert answer.status_code == 403
        assert "role_missing" in answer.text
    assert registration.state == "Awaiting Validation"


async def test_somebody_without_a_role_sees_no_provider_connection(world: World, admin: Browser) -> None:
    path, _ = await validated(world, admin)
    contact = await world.browser(Role.SN_SB_PRO_CONSUMER)
    for place in ("/provider-connections", path, f"{path}/progress"):
        assert (await contact.get(place)).status_code == 403


async def test_every_step_refuses_a_form_without_the_token(world: World, admin: Browser) -> None:
    path, registration = await validated(world, admin)
    for step in ("connect", "confirm", "validate", "cancel"):
        answer = await admin.client.post(f"{path}/{step}", headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 403
        assert "<code>csrf</code>" in answer.text
    assert registration.state == "Awaiting Validation"


async def test_an_unknown_onboarding_is_a_page_that_says_so(admin: Browser) -> None:
    answer = await admin.get("/provider-connections/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_list_is_empty_with_a_way_on_and_then_shows_each(world: World, admin: Browser) -> None:
    assert "No provider yet" in (await admin.get("/provider-connections")).text
    path, _ = await validated(world, admin)
    assert f'href="{path}"' in (await admin.get("/provider-connections")).text


async def test_who_polls_without_a_session_is_sent_to_sign_in_by_htmx(world: World, admin: Browser) -> None:
    path, _ = await validated(world, admin)
    answer = await (await world.browser()).get(f"{path}/progress", **{"hx-request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2F"
