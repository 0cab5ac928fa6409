"""What a provider, a stranger or another browser may try: each answer counts once, where it was asked for, if true."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from starlette.responses import JSONResponse, RedirectResponse

from shared.wire.states import Role
from tests.oidc.provider import SECRET, Claims, IdentityProvider, by_public_key, encoded, key_named, signed, unsigned
from tests.oidc.world import ISSUER, SLUG, House, provider_on_a_port

pytestmark = pytest.mark.anyio

CALLBACK = f"/sign-in/oidc/{SLUG}/callback"
Sign = Callable[[Claims], str]


def bent(url: str, **changes: str | None) -> str:
    """Return a callback with members of the answer changed or, by None, left out."""
    members = {**dict(parse_qsl(urlsplit(url).query)), **changes}
    return f"{urlsplit(url).path}?{urlencode({name: value for name, value in members.items() if value is not None})}"


def changed_after(claims: Claims) -> str:
    head, _, signature = signed(claims, key_named("first")).split(".")
    return f"{head}.{encoded(claims | {'sub': 'root'})}.{signature}"


async def test_no_lie_of_a_token_lets_anybody_in(house: House) -> None:
    await house.linked("ada", Role.ADMIN)
    await house.linked("root", Role.ADMIN)
    idp, now = house.idp, int(house.clock())
    lies: list[tuple[str, Claims, Sign | None]] = [
        ("id_token_iss", {"iss": "https://evil.example"}, None),
        ("id_token_iss", {"iss": f"{idp.issuer}/"}, None),
        ("id_token_iss", {"iss": None}, None),
        ("id_token_aud", {"aud": "another client"}, None),
        ("id_token_aud", {"aud": None}, None),
        ("id_token_azp", {"aud": ["exchange", "another"], "azp": "another"}, None),
        ("id_token_nonce", {"nonce": "x" * 43}, None),
        ("id_token_nonce", {"nonce": None}, None),
        ("id_token_exp", {"exp": now - 61}, None),
        ("id_token_exp", {"exp": None}, None),
        ("id_token_iat", {"iat": now - 3600}, None),
        ("id_token_iat", {"iat": now + 3600, "exp": now + 7200}, None),
        ("id_token_sub", {"sub": ""}, None),
        ("id_token_sub", {"sub": 1}, None),
        ("id_token_algorithm", {}, unsigned),
        ("id_token_algorithm", {}, by_public_key),
        ("id_token_signature", {}, changed_after),
        ("id_token_key_unknown", {}, lambda claims: signed(claims, key_named("stranger"))),
        ("id_token_signature", {}, lambda claims: signed(claims, key_named("stranger"), kid="first")),
        ("id_token_malformed", {}, lambda _: "no token"),
        ("id_token_malformed", {}, lambda claims: signed(claims, key_named("first"), typ="at+jwt")),
    ]
    for _code, claims, sign in lies:
        idp.claims_lies, idp.sign = claims, sign
        browser = await house.stranger()
        assert (await browser.sign_in("ada")).headers["location"] == "/sign-in"
        assert not await browser.inside()
    assert [code for code, _ in reversed(await house.refusals())] == [code for code, _, _ in lies]
    idp.claims_lies, idp.sign = {}, None
    browser = await house.stranger()
    await browser.sign_in("ada")
    assert await browser.inside()


async def test_an_answer_counts_once(house: House) -> None:
    await house.linked("ada")
    browser = await house.stranger()
    back = await browser.answered("ada")
    await browser.get(back)
    await browser.post("/sign-out")
    again = await browser.get(back)
    assert "cannot be completed" in await browser.shown(again)
    assert not await browser.inside()
    assert house.idp.asked["/token"] == 1


async def test_an_answer_that_failed_does_not_count_later(house: House) -> None:
    await house.linked("ada")
    browser = await house.stranger()
    back = await browser.answered("ada")
    await browser.get(bent(back, code="made-up"))
    assert "cannot be completed" in await browser.shown(await browser.get(back))
    assert not await browser.inside()
    assert await house.refusals() == [("identity_provider_refused", "")]


async def test_nobody_is_signed_in_by_a_link_from_another_browser(house: House) -> None:
    """Else whoever makes somebody click works on in the account they chose."""
    await house.linked("eve")
    theirs, victim = await house.stranger(), await house.stranger()
    back = await theirs.answered("eve")
    for _ in range(2):
        assert "cannot be completed" in await victim.shown(await victim.get(back))
        assert not await victim.inside()
        await victim.begin()
    await theirs.get(back)
    assert await theirs.inside()


async def test_a_code_of_somebody_else_is_worth_nothing(house: House) -> None:
    """Neither where the provider checks PKCE nor, by the nonce, where it does not."""
    await house.linked("ada", Role.ADMIN)
    for checks, code in ((True, "identity_provider_refused"), (False, "id_token_nonce")):
        house.idp.checks_pkce = checks
        stolen = dict(parse_qsl(urlsplit(await (await house.stranger()).answered("ada")).query))["code"]
        thief = await house.stranger()
        mine = await thief.answered("eve")
        await thief.get(bent(mine, code=stolen))
        assert not await thief.inside()
        assert (await house.refusals())[0][0] == code


async def test_a_question_is_answered_within_ten_minutes(house: House) -> None:
    await house.linked("ada")
    browser = await house.stranger()
    back = await browser.answered("ada")
    house.clock.forward(600)
    assert "more than ten minutes ago" in await browser.shown(await browser.get(back))
    assert not await browser.inside()


async def test_an_answer_without_state_or_with_two_is_none(house: House) -> None:
    await house.linked("ada")
    browser = await house.stranger()
    back = await browser.answered("ada")
    for spoilt in (bent(back, state=None), bent(back, state="x" * 43), f"{back}&state=x", f"{back}&state="):
        assert "cannot be completed" in await browser.shown(await browser.get(spoilt))
    assert not await browser.inside()


async def test_the_answer_of_one_provider_is_not_taken_for_another_s(house: House) -> None:
    """RFC 9207: a provider of the attacker's must not get the code of an honest one, nor the honest one its answer."""
    await house.linked("ada")
    async with provider_on_a_port(house.clock) as evil:
        evil.redirect_uris.add(f"{ISSUER}{CALLBACK}")
        browser = await house.stranger()
        back = await browser.answered("ada")
        for named in (evil.issuer, None, f"{house.idp.issuer}/"):
            await browser.get(bent(back, iss=named))
            assert (await house.refusals())[0] == ("issuer_mixed_up", "")
            back = await browser.answered("ada")
        assert house.idp.asked["/token"] == 0
        other = back.replace(f"/oidc/{SLUG}/", "/oidc/other/")
        assert "cannot be completed" in await browser.shown(await browser.get(other))
        assert evil.asked == {}


async def test_a_provider_that_names_no_issuer_in_its_answers_is_taken_at_its_word(house: House) -> None:
    await house.linked("ada")
    house.idp.metadata_lies = {"authorization_response_iss_parameter_supported": None}
    house.idp.answer_lies = {"iss": None}
    browser = await house.stranger()
    await browser.sign_in("ada")
    assert await browser.inside()


async def test_a_redirect_address_that_is_not_registered_is_the_provider_s_to_refuse(house: House) -> None:
    """We send the same one always; no parameter of ours moves it."""
    browser = await house.stranger()
    for path in (f"/sign-in/oidc/{SLUG}?redirect_uri=https://evil.example", f"/sign-in/oidc/{SLUG}"):
        asked = dict(parse_qsl(urlsplit(await browser.begin(path)).query))
        assert asked["redirect_uri"] == f"{ISSUER}{CALLBACK}"


async def test_a_refusal_of_the_provider_is_told_without_its_markup(house: House) -> None:
    browser = await house.stranger()
    shown = await browser.shown(await browser.sign_in(None))
    assert "staff did not sign you in. It answered access_denied." in shown
    back = await browser.answered(None)
    shown = await browser.shown(await browser.get(bent(back, error="<script>alert(1)</script>")))
    assert "It answered no code." in shown
    assert "<script>alert(1)" not in shown


async def test_a_provider_that_cannot_be_asked_costs_nothing_but_the_sign_in(house: House) -> None:
    browser = await house.stranger()
    for answer in (
        lambda: JSONResponse({}, 500),
        lambda: JSONResponse({"issuer": house.idp.issuer}),
        lambda: RedirectResponse("http://127.0.0.1:1/", 302),
    ):
        house.idp.answers = {"/.well-known/openid-configuration": answer}
        sent = await browser.get(f"/sign-in/oidc/{SLUG}")
        assert sent.headers["location"] == "/sign-in?next=%2F"
        assert "The identity provider cannot be used" in await browser.shown(sent)
        house.clock.forward(10)
    house.idp.answers = {}
    assert (await browser.begin()).startswith(house.idp.issuer)


async def test_what_a_provider_says_at_the_code_is_not_quoted(house: House) -> None:
    """Its description may repeat what it was sent, the secret among it."""
    house.idp.answers = {
        "/token": lambda: JSONResponse({"error": "invalid_client", "error_description": f"not {SECRET}"}, 401)
    }
    browser = await house.stranger()
    shown = await browser.shown(await browser.sign_in("ada"))
    assert "It answered invalid_client." in shown
    assert SECRET not in shown


async def test_a_provider_cannot_send_us_to_places_of_its_choice(house: House) -> None:
    browser = await house.stranger()
    for member in ("token_endpoint", "jwks_uri", "userinfo_endpoint", "authorization_endpoint"):
        for place in (
            "http://169.254.169.254/latest",
            "https://10.0.0.1/",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ):
            house.clock.forward(3600)
            house.idp.metadata_lies = {member: place}
            sent = await browser.get(f"/sign-in/oidc/{SLUG}")
            assert sent.headers["location"] == "/sign-in?next=%2F"


async def test_an_endless_answer_is_cut_off(house: House) -> None:
    await house.linked("ada")
    huge: dict[str, Any] = {"padding": "x" * 300_000}
    for path in ("/token", "/keys"):
        house.idp.answers = {path: lambda: JSONResponse(huge)}
        browser = await house.stranger()
        await browser.sign_in("ada")
        assert not await browser.inside()
        assert (await house.refusals())[0] == ("identity_provider_unusable", "")


async def test_signing_in_goes_on_when_the_provider_changes_its_keys(house: House) -> None:
    await house.linked("ada")
    idp: IdentityProvider = house.idp
    for kid in ("first", "second"):
        idp.key = key_named(kid)
        browser = await house.stranger()
        await browser.sign_in("ada")
        assert await browser.inside()
    assert idp.asked["/keys"] == 2
    assert idp.asked["/.well-known/openid-configuration"] == 1
