"""From the link to the confirmed provider: inert until an administrator says so, and plain about every refusal."""

import pytest
from sqlalchemy import text

from shared.wire.states import Role
from tests.consumer.console.world import Browser, World

pytestmark = pytest.mark.anyio


def tables(world: World) -> dict[str, int]:
    """How many rows each table has."""
    with world.context.database.transaction() as session:
        names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return {name: session.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in names}


async def test_a_hundred_prefetches_of_the_landing_page_change_nothing(world: World) -> None:
    stranger = await world.browser()
    before = tables(world)
    for number in range(100):
        method = ("GET", "HEAD", "OPTIONS")[number % 3]
        path = ("/onboarding", "/onboarding?utm=mail", "/onboarding/confirm", "/onboarding/token")[number % 4]
        answer = await stranger.client.request(method, path)
        assert answer.status_code < 500
    assert tables(world) == before
    assert world.provider.calls == []


async def test_the_landing_page_answers_before_any_sign_in_and_is_not_stored(world: World) -> None:
    answer = await (await world.browser()).get("/onboarding")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "data-fragment-form" in answer.text


async def test_the_token_waits_for_the_administrator_to_sign_in(world: World) -> None:
    browser = await world.browser()
    link = world.provider.link(world.registration())
    kept = await browser.post("/onboarding/token", page="/onboarding", token=link)
    asked = await browser.follow(kept)
    assert asked.headers["location"] == "/sign-in?next=%2Fonboarding%2Fconfirm"
    person = await world.person(Role.ADMIN)
    signed_in = await browser.post(
        "/sign-in",
        page=asked.headers["location"],
        email=person.email,
        password="correct horse battery staple",
        next="/onboarding/confirm",
    )
    shown = await browser.follow(signed_in)
    assert shown.status_code == 200
    assert "hub.example" in shown.text
    assert "Continue with hub.example" in shown.text
    assert world.provider.calls == []


async def test_a_link_that_re_keys_says_so_and_asks_for_no_way_of_delivery(world: World, admin: Browser) -> None:
    made = world.provider.mint(world.issuer, rekeys="0192aaaa-0000-7000-8000-000000000001")
    await admin.post("/onboarding/token", page="/onboarding", token=world.provider.link(made))
    shown = await admin.get("/onboarding/confirm")
    assert "re-keys your connection with hub.example" in shown.text
    assert "How does the provider reach this instance?" not in shown.text
    refused = await admin.post(
        "/onboarding/confirm", page="/onboarding/confirm", decision="continue", provider=world.provider.issuer
    )
    assert (refused.status_code, "rekeying_unknown" in refused.text) == (409, True)


async def test_a_token_stays_with_the_browser_that_brought_it(world: World, admin: Browser) -> None:
    stranger = await world.browser()
    await stranger.post("/onboarding/token", page="/onboarding", token=world.provider.link(world.registration()))
    answer = await admin.get("/onboarding/confirm")
    assert answer.status_code == 404
    assert "invitation_missing" in answer.text


async def test_only_an_administrator_may_confirm(world: World) -> None:
    reader = await world.browser(Role.SN_SB_READ)
    await reader.post("/onboarding/token", page="/onboarding", token=world.provider.link(world.registration()))
    answer = await reader.get("/onboarding/confirm")
    assert answer.status_code == 403
    assert "role_missing" in answer.text


async def test_nothing_exists_and_nothing_is_called_until_the_host_is_confirmed(world: World, admin: Browser) -> None:
    link = world.provider.link(world.registration())
    await admin.follow(await admin.post("/onboarding/token", page="/onboarding", token=link))
    assert tables(world)["provider_connections"] == 0
    assert world.provider.calls == []
    form = {"provider": world.provider.issuer, "delivery": "push", "decision": "continue"}
    answer = await admin.post("/onboarding/confirm", **form)
    assert answer.headers["location"].startswith("/provider-connections/")
    assert tables(world)["provider_connections"] == 1
    assert tables(world)["invitations"] == 0


async def test_confirming_another_provider_than_the_link_s_is_refused(world: World, admin: Browser) -> None:
    await admin.post("/onboarding/token", page="/onboarding", token=world.provider.link(world.registration()))
    form = {"provider": "https://hub.example.evil.example", "decision": "continue"}
    answer = await admin.post("/onboarding/confirm", **form)
    assert answer.status_code == 409
    assert "provider_not_confirmed" in answer.text
    assert tables(world)["provider_connections"] == 0


async def test_cancel_forgets_the_link(world: World, admin: Browser) -> None:
    await admin.post("/onboarding/token", page="/onboarding", token=world.provider.link(world.registration()))
    await admin.post("/onboarding/confirm", decision="cancel")
    assert tables(world)["invitations"] == tables(world)["provider_connections"] == 0


async def test_a_pasted_token_does_as_well_as_the_link(world: World, admin: Browser) -> None:
    kept = await admin.post("/onboarding/token", page="/onboarding", token=f"  {world.registration().token}\n")
    assert (await admin.follow(kept)).status_code == 200


async def test_what_is_no_link_is_refused_where_it_was_pasted(world: World) -> None:
    browser = await world.browser()
    answer = await browser.post("/onboarding/token", page="/onboarding", token="https://hub.example/")
    assert answer.status_code == 422
    assert "token_malformed" in answer.text
    assert tables(world)["invitations"] == 0


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1_000_000_000}, "token_expired"),
        ({"aud": "https://other.example"}, "token_wrong_host"),
        ({"iss": "http://hub.example"}, "token_malformed"),
    ],
)
async def test_each_refusal_says_what_is_wrong(
    world: World, admin: Browser, claims: dict[str, object], code: str
) -> None:
    link = world.provider.link(world.registration(**claims))
    shown = await admin.follow(await admin.post("/onboarding/token", page="/onboarding", token=link))
    assert shown.status_code == 403
    assert f"<code>{code}</code>" in shown.text


@pytest.mark.parametrize("path", ["/onboarding/token", "/onboarding/confirm"])
async def test_a_form_from_elsewhere_is_refused(world: World, admin: Browser, path: str) -> None:
    link = world.provider.link(world.registration())
    await admin.post("/onboarding/token", page="/onboarding", token=link)
    before = tables(world)
    fields = {"token": link, "provider": world.provider.issuer, "decision": "continue"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-origin"}, {}):
        answer = await admin.client.post(path, data=fields, headers=headers)
        assert answer.status_code == 403
        assert "<code>csrf</code>" in answer.text
    assert tables(world) == before


async def test_without_the_consumer_record_the_page_says_what_to_do_first(tmp_path_factory, world: World) -> None:
    from tests.consumer.console.world import world_at

    async with world_at(tmp_path_factory.mktemp("bare")) as bare:
        admin = await bare.browser(Role.ADMIN)
        link = bare.provider.link(bare.registration())
        shown = await admin.follow(await admin.post("/onboarding/token", page="/onboarding", token=link))
    assert shown.status_code == 409
    assert 'href="/instance"' in shown.text
