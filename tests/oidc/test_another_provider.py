"""Signing in by an identity provider others have written, beside the one of these tests."""

import re
import time
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.transport.client import PeerClient
from shared.transport.egress import EgressPolicy
from shared.transport.openid import Client, OpenIdClient

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:authlib.jose"),
    pytest.mark.filterwarnings("ignore:The httpx module"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

REDIRECT, NONCE, VERIFIER = "https://exchange.example/callback", "n" * 43, "v" * 43


@pytest.fixture
def issuer() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock
    claims: dict[str, Any] = {"email": "ada@example.com", "name": "Ada"}
    accounts = [oidc_provider_mock.User(sub="ada", claims=claims)]
    with oidc_provider_mock.run_server_in_thread(user_claims=accounts, require_nonce=True) as server:
        yield f"http://127.0.0.1:{server.server_port}"


async def test_a_code_is_redeemed_for_a_word_that_is_believed(issuer: str) -> None:
    policy = EgressPolicy(allowed_origins=[issuer])
    async with PeerClient(policy, clock=time.time) as peers, httpx.AsyncClient() as browser:
        openid = OpenIdClient(peers, clock=time.time)
        client = Client(issuer, "exchange", "secret", REDIRECT)
        url = await openid.authorization_url(
            client, scopes=["openid", "email"], state="s", nonce=NONCE, verifier=VERIFIER
        )
        sent = await browser.post(url, data={"sub": "ada"})
        assert sent.headers["location"].startswith(f"{REDIRECT}?")
        code = re.search("code=([^&]+)", sent.headers["location"])
        assert code is not None
        told, tokens = await openid.redeem(client, code=code[1], verifier=VERIFIER, nonce=NONCE)
        assert told.subject == "ada"
        assert (await openid.person(issuer, tokens.access_token, "ada"))["email"] == "ada@example.com"
