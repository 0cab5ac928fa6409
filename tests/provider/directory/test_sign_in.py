"""Sessions: signing in, what a cookie is worth, how it ends."""

from datetime import UTC, datetime

import pytest
from fastapi import Response

from provider_service.directory import deps, service
from provider_service.directory.domain import LOCK_LONGEST, address_key, lock_until
from shared.interface.csrf import CSRF_HEADER, csrf_token
from shared.wire.errors import TooMany, Unauthenticated
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery staple"


def sign_in(house, email, password=PASSWORD, **more):
    return deps.sign_in(house.context, email=email, password=password, address="192.0.2.1", **more)


def name(house):
    return deps.session_cookie_name(house.context)


async def me(house, cookie):
    client = await house.anybody(cookie=f"{name(house)}={cookie}")
    return await client.get("/api/v1/me")


async def test_a_session_shows_who_signed_in(house):
    person = house.person(Role.SN_SB_READ)
    signed_in = await sign_in(house, person.email.upper())
    answer = await me(house, signed_in.cookie)
    assert (answer.json()["user"]["id"], answer.json()["scopes"]) == (person.id, None)


@pytest.mark.parametrize("email", ["known", "nobody@example.com", "inactive", "no-password", "\ud800\0"])
async def test_every_wrong_sign_in_is_refused_alike(house, email):
    keeper = house.person(Role.ADMIN, Role.SN_KMF_ADMIN)
    given = {"known": house.person().email, "no-password": house.person(password=None).email}
    inactive = house.person()
    client = await house.client_of(keeper)
    await client.patch(f"/api/v1/users/{inactive.id}", json={"active": False}, headers={"if-match": '"1"'})
    password = PASSWORD if email in {"inactive", "no-password"} else "not the right password"
    with pytest.raises(Unauthenticated) as caught:
        await sign_in(house, (given | {"inactive": inactive.email}).get(email, email), password)
    assert (caught.value.code, caught.value.detail) == ("credentials_wrong", "Mail address or password is wrong")


async def test_a_session_ends_by_idleness_and_by_age(house):
    cookie = (await sign_in(house, house.person().email)).cookie
    for _ in range(25):
        house.clock.advance(minutes=28)
        assert (await me(house, cookie)).status_code == 200
    house.clock.advance(minutes=21)
    assert (await me(house, cookie)).json()["code"] == "session_ended"
    idle = (await sign_in(house, house.person().email)).cookie
    house.clock.advance(minutes=30)
    assert (await me(house, idle)).status_code == 401


async def test_signing_in_ends_the_session_the_browser_brought_along(house):
    person = house.person()
    planted = (await sign_in(house, person.email)).cookie
    fresh = (await sign_in(house, person.email, previous=planted)).cookie
    assert fresh != planted
    assert [(await me(house, cookie)).status_code for cookie in (planted, fresh)] == [401, 200]


async def test_signing_out_ends_the_session_on_the_server(house):
    person = house.person()
    cookie = (await sign_in(house, person.email)).cookie
    with house.context.database.transaction() as session:
        caller = service.resolve_session(session, cookie, address="", now=house.clock()).caller
        service.sign_out(session, cookie, caller=caller, now=house.clock())
    assert (await me(house, cookie)).status_code == 401


async def test_a_change_by_cookie_needs_the_token_of_our_own_page(house):
    person = house.person(Role.ADMIN)
    cookie = (await sign_in(house, person.email)).cookie
    client = await house.anybody(cookie=f"{name(house)}={cookie}")
    with house.context.database.transaction() as session:
        secret = service.resolve_session(session, cookie, address="", now=house.clock()).caller.csrf_secret
    body = {"name": "t", "scopes": ["users:read"]}
    own = {"origin": house.context.settings.issuer}
    token = {CSRF_HEADER: csrf_token(secret)}
    statuses = [
        (await client.post("/api/v1/tokens", json=body, headers=headers)).status_code
        for headers in (own, token, own | token, {"sec-fetch-site": "cross-site"} | token)
    ]
    assert statuses == [403, 403, 201, 403]


async def test_ten_wrong_passwords_make_an_account_wait_longer_and_longer(house):
    person = house.person()
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await sign_in(house, person.email, "wrong wrong wrong")
    for wait in (60, 120, 240, 480, 900, 900):
        with pytest.raises(TooMany) as caught:
            await sign_in(house, person.email)
        assert caught.value.retry_after == wait
        house.clock.advance(seconds=wait)
        with pytest.raises(Unauthenticated):
            await sign_in(house, person.email, "wrong wrong wrong")
    house.clock.advance(minutes=15)
    await sign_in(house, person.email)
    with pytest.raises(Unauthenticated):
        await sign_in(house, person.email, "wrong wrong wrong")


async def test_an_account_nobody_has_is_locked_like_any_other(house):
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await sign_in(house, "nobody@example.com", "wrong wrong wrong")
    with pytest.raises(TooMany) as caught:
        await sign_in(house, "NOBODY@example.com", "wrong wrong wrong")
    assert (caught.value.code, caught.value.retry_after) == ("locked_out", 60)


async def test_one_address_trying_many_accounts_has_to_wait(house):
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await sign_in(house, f"nobody{number}@example.com", "wrong wrong wrong")
    with pytest.raises(TooMany):
        await sign_in(house, "somebody@example.com", "wrong wrong wrong")


async def test_a_cookie_is_kept_from_scripts_and_other_sites_and_is_named_after_the_instance(house):
    response = Response()
    deps.set_session_cookie(response, house.context, "value")
    plain = response.headers["set-cookie"]
    assert plain.startswith("session-")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain
    other = house.context.settings.model_copy(update={"issuer": "https://exchange.example.com"})
    secured = Response()
    deps.set_session_cookie(secured, type(house.context)(other, *[None] * 4), "value")
    assert secured.headers["set-cookie"].startswith("__Host-session-")
    assert "Secure" in secured.headers["set-cookie"]
    assert "Domain" not in secured.headers["set-cookie"]


async def test_only_a_hash_of_the_cookie_is_stored(house):
    cookie = (await sign_in(house, house.person().email)).cookie
    with house.context.database.transaction() as session:
        stored = session.connection().exec_driver_sql("SELECT id_hash FROM user_sessions").scalars().all()
    assert len(cookie) >= 43
    assert cookie not in stored


async def test_what_has_ended_is_cleared_away(house):
    await sign_in(house, house.person().email)
    house.clock.advance(hours=13)
    with house.context.database.transaction() as session:
        service.forget_ended(session, now=house.clock())
        for table in ("user_sessions", "attempts"):
            assert session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_addresses_of_one_ipv6_customer_count_together():
    assert address_key("2001:db8::1", "x") == address_key("2001:db8::ffff", "x") != address_key("2001:db8:0:1::1", "x")
    assert address_key("192.0.2.1", "x") != address_key("192.0.2.2", "x")


def test_a_pause_never_passes_its_longest():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert lock_until(10_000, 10, start) == start + LOCK_LONGEST
