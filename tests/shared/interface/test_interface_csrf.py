"""Who may change something from a browser: only our own pages, with the session's own token."""

import pytest

from shared.interface.csrf import csrf_token, require_csrf, require_same_origin
from shared.wire.errors import Forbidden

ISSUER = "https://north.example:8443"
SECRET = b"session"

ALLOWED = [
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "null"},
    {"origin": ISSUER},
]
REFUSED = [
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "Same-Origin"},
    {"sec-fetch-site": "cross-site", "origin": ISSUER},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://north.example"},
    {"origin": "http://north.example:8443"},
    {"origin": "https://north.example:8443.evil.example"},
    {"origin": "https://evil.example"},
]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post"])
@pytest.mark.parametrize("headers", ALLOWED)
def test_our_own_page_with_its_token_may_change_things(method, headers):
    require_csrf(method, headers, issuer=ISSUER, session_secret=SECRET, given=csrf_token(SECRET))


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("headers", REFUSED)
def test_a_request_from_elsewhere_is_refused_even_with_the_token(method, headers):
    with pytest.raises(Forbidden) as refusal:
        require_csrf(method, headers, issuer=ISSUER, session_secret=SECRET, given=csrf_token(SECRET))
    assert refusal.value.code == "csrf"


@pytest.mark.parametrize("given", [None, "", "x", csrf_token(b"another session"), csrf_token(SECRET) + "=", "\udcff"])
def test_a_missing_or_foreign_token_is_refused_even_from_our_own_page(given):
    with pytest.raises(Forbidden) as refusal:
        require_csrf("POST", {"sec-fetch-site": "same-origin"}, issuer=ISSUER, session_secret=SECRET, given=given)
    assert refusal.value.code == "csrf"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_needs_neither(method):
    require_csrf(method, {"sec-fetch-site": "cross-site"}, issuer=ISSUER, session_secret=SECRET, given=None)
    require_same_origin(method, {}, issuer=ISSUER)


def test_an_address_with_a_path_still_compares_by_origin():
    require_same_origin("POST", {"origin": "https://north.example"}, issuer="https://north.example/exchange")


def test_the_token_does_not_contain_the_session_s_secret():
    assert "session" not in csrf_token(SECRET)
    assert len(csrf_token(SECRET)) == 43
