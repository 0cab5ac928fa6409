"""The security headers stand on every answer, and form targets are widened for one answer alone."""

import httpx
import pytest

from shared.interface.headers import allow_form_redirect

pytestmark = pytest.mark.anyio

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


async def get(app, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://north.example") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("path", ["/gallery", "/problem", "/json", "/plain", "/missing", "/static/0/app.css"])
async def test_every_answer_carries_the_strict_policy(console, path):
    headers = (await get(console(https=True), path)).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=63072000")


async def test_a_refused_method_carries_them_too(console):
    assert (await get(console(), "/json", "POST")).headers["content-security-policy"] == POLICY


async def test_plain_http_promises_no_https(console):
    assert "strict-transport-security" not in (await get(console(), "/json")).headers


async def test_pages_are_never_stored_and_data_is_left_alone(console):
    assert (await get(console(), "/gallery")).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await get(console(), "/json")).headers


async def test_one_answer_s_forms_may_lead_to_one_other_origin_and_no_route_can_weaken_the_rest(console):
    app = console()
    widened = (await get(app, "/elsewhere")).headers["content-security-policy"]
    assert widened == POLICY.replace("form-action 'self'", "form-action 'self' https://login.example:8443")
    assert (await get(app, "/gallery")).headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example/",
        "https://a.example; script-src *",
        "https://*",
        "*",
        "javascript:x",
        "https://a b",
        "a.example",
        "https://A.example",
        "https://a.example\n",
    ],
)
async def test_only_a_bare_origin_can_be_written_into_the_policy(origin):
    with pytest.raises(ValueError, match="origin"):
        allow_form_redirect({}, origin)
