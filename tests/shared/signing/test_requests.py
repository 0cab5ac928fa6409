"""Signed requests and responses at the edges of the profile: ages, sizes, keys, and what a signer refuses to sign."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.signing.errors import HeaderMalformed, KeyUnknown, SignatureRefused, WrongParameters
from shared.signing.keys import PrivateKey, generate
from shared.signing.requests import UnverifiedRequest, answerable, read_request, sign_request
from shared.signing.responses import AnsweredRequest, sign_response, verify_response
from shared.wire.states import KeyPurpose

NOW = 1_800_000_000
KEY, TOKEN = generate(KeyPurpose.HTTP), generate(KeyPurpose.TOKEN)
NONCE = "q" * 21 + "A"
POST = {
    "method": "POST",
    "target_uri": "https://provider.example/exchange/v1/messages",
    "body": b"{}",
    "content_type": "application/json",
    "idempotency_key": "idem-1",
    "connection_id": "connection-1",
    "nonce": NONCE,
    "now": NOW,
}
GET = POST | {"method": "GET", "body": None, "content_type": None, "idempotency_key": None}
ANSWERED = AnsweredRequest("GET", "https://provider.example/.well-known/service-exchange", NONCE, None, None)


def raw(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


def received(
    signed: dict[str, Any], headers: list[tuple[bytes, bytes]] | None = None, **more: Any
) -> UnverifiedRequest:
    arguments = {
        "method": signed["method"],
        "target_uri": signed["target_uri"],
        "headers": raw(sign_request(KEY, **signed)) if headers is None else headers,
        "body": signed["body"] or b"",
        "now": NOW,
        "requires_idempotency_key": False,
    }
    return read_request(**(arguments | more))


def answer(key: PrivateKey = KEY, **changes: Any) -> list[tuple[str, str]]:
    arguments = {"status": 200, "content_type": "application/json", "body": b"{}", "request": ANSWERED, "now": NOW}
    return sign_response(key, **(arguments | changes))


def test_a_verified_request_says_what_was_signed() -> None:
    found = received(POST, requires_idempotency_key=True).verify(KEY.public)
    assert (found.method, found.target_uri, found.body) == ("POST", POST["target_uri"], b"{}")
    assert (found.key_id, found.nonce, found.created, found.expires) == (KEY.kid, NONCE, NOW, NOW + 60)
    assert (found.connection_id, found.idempotency_key) == ("connection-1", "idem-1")


def test_both_sides_agree_on_what_an_answer_covers() -> None:
    for signed in (POST, GET):
        sent = AnsweredRequest.sent(
            method=signed["method"],
            target_uri=signed["target_uri"],
            nonce=NONCE,
            body=signed["body"],
            connection_id="connection-1",
        )
        assert received(signed).answered == sent


def test_a_refused_request_can_still_be_answered_signed() -> None:
    headers = raw(sign_request(KEY, **POST))
    found = answerable(method="POST", target_uri=POST["target_uri"], headers=headers)
    assert found == received(POST).answered
    assert answerable(method="POST", target_uri=POST["target_uri"], headers=headers[:-1]) is None
    assert answerable(method="POST", target_uri="/", headers=headers) is None


def test_names_of_headers_have_no_case_and_strangers_do_not_matter() -> None:
    headers = [(name.title(), value) for name, value in raw(sign_request(KEY, **POST))]
    found = received(POST, [*headers, (b"x-request-id", b"\xff"), (b"x-request-id", b"2")])
    assert found.verify(KEY.public).body == b"{}"


@given(
    segments=st.lists(
        st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12), min_size=1, max_size=5
    ),
    body=st.binary(min_size=1, max_size=300),
    nonce=st.integers(0, 2**126 - 1),
)
def test_whatever_the_profile_allows_is_verified(segments: list[str], body: bytes, nonce: int) -> None:
    letters = string.ascii_letters + string.digits + "-_"
    text = "".join(letters[nonce >> (6 * index) & 63] for index in range(21)) + "g"
    target = "https://provider.example:8443/" + "/".join(segments)
    found = received(POST | {"target_uri": target, "body": body, "nonce": text})
    assert found.verify(KEY.public).nonce == text


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:8000/a",
        "http://127.0.0.1:8000/a.b_c-d",
        "http://[::1]:8000/a",
        "https://xn--bcher-kva.example/a/?b=1",
    ],
)
def test_targets_of_every_issuer_are_allowed(target: str) -> None:
    assert received(GET | {"target_uri": target}).verify(KEY.public).target_uri == target


def test_a_request_counts_from_ten_seconds_before_to_sixty_after() -> None:
    assert received(POST, now=NOW - 10).created == received(POST, now=NOW + 60).created == NOW
    for now, code in ((NOW - 11, "signature_from_future"), (NOW + 61, "signature_too_old")):
        with pytest.raises(SignatureRefused) as refusal:
            received(POST, now=now)
        assert (refusal.value.code, refusal.value.extra) == (code, {"server_time": now})


def test_an_idempotency_key_is_asked_for_on_unsafe_calls_only() -> None:
    assert received(GET, requires_idempotency_key=True).idempotency_key is None
    with pytest.raises(SignatureRefused) as refusal:
        received(POST | {"idempotency_key": None}, requires_idempotency_key=True)
    assert refusal.value.code == "signature_coverage"


def test_a_body_may_have_exactly_the_limit() -> None:
    assert received(POST, max_body=2).verify(KEY.public).body == b"{}"
    with pytest.raises(SignatureRefused) as refusal:
        received(POST, max_body=1)
    assert (refusal.value.code, refusal.value.extra) == ("too_large", {"limit": 1})
    with pytest.raises(SignatureRefused) as refusal:
        verify_response({}, status=200, headers=raw(answer()), body=b"{}", request=ANSWERED, now=NOW, max_body=1)
    assert refusal.value.code == "too_large"


def test_another_key_or_kind_of_key_does_not_verify() -> None:
    for key in (generate(KeyPurpose.HTTP), TOKEN):
        with pytest.raises(KeyUnknown):
            received(POST).verify(key.public)
        keys = {KEY.kid: key.public}
        with pytest.raises(KeyUnknown):
            verify_response(keys, status=200, headers=raw(answer()), body=b"{}", request=ANSWERED, now=NOW)


def test_only_http_keys_sign() -> None:
    with pytest.raises(KeyUnknown):
        sign_request(TOKEN, **POST)
    with pytest.raises(KeyUnknown):
        answer(TOKEN)


def test_an_unsigned_message_is_told_so_first() -> None:
    for headers in ([], raw(sign_request(KEY, **POST))[:-1]):
        with pytest.raises(SignatureRefused) as refusal:
            received(POST, headers)
        assert refusal.value.code == "signature_missing"
    with pytest.raises(SignatureRefused) as refusal:
        verify_response({}, status=502, headers=[(b"content-type", b"text/html")], body=b"", request=ANSWERED, now=NOW)
    assert refusal.value.code == "signature_missing"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "HEAD"},
        {"method": "post"},
        {"target_uri": "https://provider.example"},
        {"target_uri": "https://provider.example/a//b"},
        {"target_uri": "https://provider.example/a/../b"},
        {"target_uri": "https://provider.example/a%20b"},
        {"target_uri": "ftp://provider.example/a"},
        {"body": None},
        {"body": b""},
        {"content_type": None},
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": "text/plain\r\nx: y"},
        {"content_type": "text/pl\u00e4in"},
        {"idempotency_key": ""},
        {"idempotency_key": 'a"b'},
        {"idempotency_key": "x" * 129},
        {"connection_id": "a b"},
    ],
)
def test_what_no_verifier_accepts_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(HeaderMalformed):
        sign_request(KEY, **(POST | change))


@pytest.mark.parametrize("nonce", ["", "short", "q" * 21, "q" * 65, "q" * 22 + '"'])
def test_a_nonce_of_less_than_128_bits_is_not_signed(nonce: str) -> None:
    with pytest.raises((WrongParameters, HeaderMalformed)):
        sign_request(KEY, **(POST | {"nonce": nonce}))


def test_a_get_takes_neither_body_nor_idempotency_key() -> None:
    for change in ({"body": b"{}"}, {"content_type": "application/json"}, {"idempotency_key": "a"}):
        with pytest.raises(HeaderMalformed):
            sign_request(KEY, **(GET | change))


@pytest.mark.parametrize(
    "change",
    [
        {"status": 103},
        {"status": 600},
        {"content_type": "text/html"},
        {"body": b""},
        {"content_type": ""},
        {"request": AnsweredRequest("GET", "https://provider.example/a", "short", None, None)},
        {"request": AnsweredRequest("GET", "/a", NONCE, None, None)},
    ],
)
def test_a_response_that_no_verifier_accepts_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(HeaderMalformed):
        answer(**change)


def test_an_answer_to_an_unsigned_request_echoes_its_nonce_and_tells_the_skew() -> None:
    found = verify_response(
        {KEY.kid: KEY.public}, status=200, headers=raw(answer()), body=b"{}", request=ANSWERED, now=NOW - 300
    )
    assert (found.skew, found.created, found.key_id, found.content_type) == (300, NOW, KEY.kid, "application/json")
