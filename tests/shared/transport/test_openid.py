"""Asking identity providers: discovery, keys that change, ways to prove who asks. A real one on a port answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from shared.signing.errors import IdTokenKeyUnknown
from shared.signing.id_tokens import IdToken
from shared.transport.client import PeerClient
from shared.transport.egress import EgressPolicy
from shared.transport.errors import CallFailed, EgressRefused
from shared.transport.openid import FAILURE_SECONDS, FORCED_SECONDS, KEPT_SECONDS, Client, OpenIdClient
from shared.wire.errors import ExchangeError, Invalid
from tests.oidc.provider import CLIENT, SECRET, IdentityProvider, key_named, signed
from tests.oidc.world import provider_on_a_port
from tests.peer.network import Clock

pytestmark = pytest.mark.anyio

REDIRECT = "https://exchange.example/sign-in/oidc/staff/callback"
NONCE, VERIFIER = "n" * 43, "v" * 43


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def idp(clock: Clock) -> AsyncIterator[IdentityProvider]:
    async with provider_on_a_port(clock) as found:
        found.redirect_uris.add(REDIRECT)
        yield found


@pytest.fixture
async def peers(idp: IdentityProvider, clock: Clock) -> AsyncIterator[PeerClient]:
    async with PeerClient(EgressPolicy(allowed_origins=[idp.issuer]), clock=clock) as client:
        yield client


@pytest.fixture
def openid(peers: PeerClient, clock: Clock) -> OpenIdClient:
    return OpenIdClient(peers, clock=clock)


def client_of(idp: IdentityProvider, secret: str | None = SECRET) -> Client:
    return Client(idp.issuer, CLIENT, secret, REDIRECT)


async def signed_in(openid: OpenIdClient, idp: IdentityProvider, **changes: Any) -> IdToken:
    """Get a code as a browser would, and redeem it."""
    client = replace(client_of(idp), **changes)
    url = await openid.authorization_url(client, scopes=["openid"], state="s", nonce=NONCE, verifier=VERIFIER)
    code = (await idp.visited(url, "ada")).partition("code=")[2].partition("&")[0]
    told, _ = await openid.redeem(client, code=code, verifier=VERIFIER, nonce=NONCE)
    return told


async def failure(openid: OpenIdClient, idp: IdentityProvider) -> str:
    with pytest.raises(ExchangeError) as failed:
        await openid.metadata(idp.issuer)
    return failed.value.code


async def test_what_does_not_change_is_asked_once_an_hour(
    openid: OpenIdClient, idp: IdentityProvider, clock: Clock
) -> None:
    for _ in range(3):
        assert (await signed_in(openid, idp)).subject == "ada"
    assert (idp.asked["/.well-known/openid-configuration"], idp.asked["/keys"]) == (1, 1)
    clock.forward(KEPT_SECONDS)
    await signed_in(openid, idp)
    assert (idp.asked["/.well-known/openid-configuration"], idp.asked["/keys"]) == (2, 2)


async def test_a_new_key_is_looked_for_at_once_and_made_up_ones_not_each_time(
    openid: OpenIdClient, idp: IdentityProvider, clock: Clock
) -> None:
    await signed_in(openid, idp)
    idp.key = key_named("second")
    await signed_in(openid, idp)
    assert idp.asked["/keys"] == 2
    idp.sign = lambda claims: signed(claims, key_named("stranger"))
    for _ in range(3):
        with pytest.raises(IdTokenKeyUnknown):
            await signed_in(openid, idp)
    assert idp.asked["/keys"] == 2
    clock.forward(FORCED_SECONDS)
    with pytest.raises(IdTokenKeyUnknown):
        await signed_in(openid, idp)
    assert idp.asked["/keys"] == 3


async def test_a_key_that_was_taken_back_stops_counting_within_the_hour(
    openid: OpenIdClient, idp: IdentityProvider, clock: Clock
) -> None:
    await signed_in(openid, idp)
    idp.published = [key_named("second")]
    clock.forward(KEPT_SECONDS)
    with pytest.raises(IdTokenKeyUnknown):
        await signed_in(openid, idp)


@pytest.mark.parametrize(
    ("offered", "secret", "way"),
    [
        (["client_secret_basic", "client_secret_post"], "plain-secret_1.~", "Basic"),
        (["client_secret_basic", "client_secret_post"], SECRET, "post"),
        (["client_secret_post"], "plain-secret", "post"),
        (["client_secret_basic"], SECRET, "Basic"),
        (None, SECRET, "Basic"),
        (["private_key_jwt"], "plain-secret", "Basic"),
        (["client_secret_basic"], None, "none"),
    ],
)
async def test_we_prove_who_we_are_as_the_provider_understands_it(
    openid: OpenIdClient, idp: IdentityProvider, offered: list[str] | None, secret: str | None, way: str
) -> None:
    idp.clients = {CLIENT: secret}
    idp.metadata_lies = {"token_endpoint_auth_methods_supported": offered}
    assert (await signed_in(openid, idp, secret=secret)).subject == "ada"
    assert idp.ways == [way]


async def test_a_wrong_secret_or_verifier_is_told_in_the_provider_s_word(
    openid: OpenIdClient, idp: IdentityProvider
) -> None:
    with pytest.raises(CallFailed) as refused:
        await signed_in(openid, idp, secret="wrong")
    assert (refused.value.code, refused.value.cause) == ("identity_provider_refused", "It answered invalid_client.")
    url = await openid.authorization_url(client_of(idp), scopes=["openid"], state="s", nonce=NONCE, verifier="other")
    code = (await idp.visited(url, "ada")).partition("code=")[2].partition("&")[0]
    with pytest.raises(CallFailed) as refused:
        await openid.redeem(client_of(idp), code=code, verifier=VERIFIER, nonce=NONCE)
    assert refused.value.cause == "It answered invalid_grant."
    idp.answers = {"/token": lambda: PlainTextResponse("<h1>Oh</h1>", 502)}
    with pytest.raises(CallFailed) as refused:
        await signed_in(openid, idp)
    assert refused.value.cause == "It answered status 502."


async def test_an_issuer_is_who_it_says_letter_by_letter(openid: OpenIdClient, idp: IdentityProvider) -> None:
    idp.metadata_lies = {"issuer": f"{idp.issuer}/"}
    assert await failure(openid, idp) == "identity_provider_unusable"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: PlainTextResponse("{", 200),
        lambda: PlainTextResponse('{"issuer":"a","issuer":"b"}', 200),
        lambda: JSONResponse([], 200),
        lambda: JSONResponse({"issuer": "x"}, 200),
        lambda: JSONResponse({"padding": "x" * 300_000}, 200),
        lambda: JSONResponse({}, 404),
        lambda: PlainTextResponse("", 302, {"location": "https://evil.example/"}),
    ],
)
async def test_a_discovery_document_that_is_none_is_refused(
    openid: OpenIdClient, idp: IdentityProvider, answer: Any
) -> None:
    idp.answers = {"/.well-known/openid-configuration": answer}
    assert await failure(openid, idp) == "identity_provider_unusable"


async def test_a_provider_that_failed_is_left_alone_for_a_moment(
    openid: OpenIdClient, idp: IdentityProvider, clock: Clock
) -> None:
    idp.answers = {"/.well-known/openid-configuration": lambda: JSONResponse({}, 500)}
    for _ in range(3):
        await failure(openid, idp)
    assert idp.asked["/.well-known/openid-configuration"] == 1
    clock.forward(FAILURE_SECONDS)
    idp.answers = {}
    assert (await openid.metadata(idp.issuer)).issuer == idp.issuer


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "place", ["http://login.example.com/", "https://169.254.169.254/", "https://localhost/", "x:y"]
)
async def test_every_address_a_provider_names_passes_the_guard(
    openid: OpenIdClient, idp: IdentityProvider, member: str, place: str
) -> None:
    idp.metadata_lies = {member: place}
    with pytest.raises(EgressRefused):
        await openid.metadata(idp.issuer)


async def test_an_answer_names_the_issuer_where_it_always_does(openid: OpenIdClient, idp: IdentityProvider) -> None:
    await openid.check_answerer(idp.issuer, idp.issuer)
    for stated in (None, "", "https://evil.example"):
        with pytest.raises(Invalid) as refused:
            await openid.check_answerer(idp.issuer, stated)
        assert refused.value.code == "issuer_mixed_up"


async def test_what_is_said_about_a_person_is_about_them_or_nothing(
    openid: OpenIdClient, peers: PeerClient, clock: Clock, idp: IdentityProvider
) -> None:
    idp.accounts["ada (userinfo)"] = {"email": "ada@example.com"}
    assert (await openid.person(idp.issuer, "access.ada", "ada"))["email"] == "ada@example.com"
    assert await openid.person(idp.issuer, "access.eve", "ada") == {}
    assert await openid.person(idp.issuer, "", "ada") == {}
    for answer in (lambda: JSONResponse({}, 401), lambda: JSONResponse(["ada"])):
        idp.answers = {"/userinfo": answer}
        assert await openid.person(idp.issuer, "access.ada", "ada") == {}
    idp.metadata_lies, idp.answers = {"userinfo_endpoint": None}, {}
    later = OpenIdClient(peers, clock=clock)
    assert await later.person(idp.issuer, "access.ada", "ada") == {}
