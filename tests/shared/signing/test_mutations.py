"""Whatever is changed in a signed message, the right rung refuses it, by its own code."""

import secrets
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from shared.signing.errors import SignatureRefused
from shared.signing.keys import generate
from shared.signing.profile import LIFETIME_SECONDS
from shared.signing.requests import VerifiedRequest, read_request, sign_request
from shared.signing.responses import AnsweredRequest, VerifiedResponse, sign_response, verify_response
from shared.wire.states import KeyPurpose
from tests.shared.signing.mutations import Mutation, SignedMessage, request_mutations, response_mutations

NOW = 1_800_000_000
ORIGIN = "https://consumer.example"
KEY = generate(KeyPurpose.HTTP)
NONCE = "q" * 21 + "A"
CONNECTION = "0190b6d5-7f3c-7cc3-98c4-dc0c0c07398f"


def signed(method: str, path: str, *, body: bytes | None, idempotency: str | None, connection: str | None):
    target = f"{ORIGIN}{path}"
    headers = sign_request(
        KEY,
        method=method,
        target_uri=target,
        body=body,
        content_type=None if body is None else "application/json",
        idempotency_key=idempotency,
        connection_id=connection,
        nonce=NONCE,
        now=NOW,
    )
    return SignedMessage(method, target, tuple(headers), body or b"")


REQUESTS = {
    "announcement": signed("POST", "/exchange/v1/heartbeat", body=b'{"a":1}', idempotency="idem-1", connection=None),
    "messages": signed("POST", "/exchange/v1/messages", body=b'{"a":1}', idempotency=None, connection=CONNECTION),
    "heartbeat": signed("PUT", "/exchange/v1/heartbeat", body=b"{}", idempotency="idem-1", connection=CONNECTION),
    "pull": signed("GET", "/exchange/v1/messages?wait=ab", body=None, idempotency=None, connection=CONNECTION),
    "first echo": signed("GET", "/exchange/v1/echo", body=None, idempotency=None, connection=None),
}


def verified(message: SignedMessage, *, requires_idempotency_key: bool = False) -> VerifiedRequest:
    unverified = read_request(
        method=message.method,
        target_uri=message.target_uri,
        headers=message.raw_headers(),
        body=message.body,
        now=NOW,
        requires_idempotency_key=requires_idempotency_key,
    )
    return unverified.verify(KEY.public)


def answered(request: SignedMessage) -> AnsweredRequest:
    headers = dict(request.headers)
    return AnsweredRequest(
        request.method, request.target_uri, NONCE, headers.get("content-digest"), headers.get("exchange-connection")
    )


def response_to(request: SignedMessage, status: int = 200) -> SignedMessage:
    body = b'{"outcomes":[]}'
    headers = sign_response(
        KEY, status=status, content_type="application/json", body=body, request=answered(request), now=NOW
    )
    return SignedMessage(request.method, request.target_uri, tuple(headers), body, status)


def verified_response(message: SignedMessage, request: AnsweredRequest) -> VerifiedResponse:
    assert message.status is not None
    return verify_response(
        {KEY.kid: KEY.public},
        status=message.status,
        headers=message.raw_headers(),
        body=message.body,
        request=request,
        now=NOW,
    )


def wrong_codes(mutations: list[Mutation], check) -> list[str]:
    wrong = []
    for mutation in mutations:
        try:
            check(mutation.message)
        except SignatureRefused as error:
            if error.code != mutation.code:
                wrong.append(f"{mutation.name}: {error.code}, not {mutation.code}")
        else:
            wrong.append(f"{mutation.name}: accepted")
    return wrong


@pytest.mark.parametrize("name", REQUESTS)
def test_every_mutation_of_a_request_is_refused_by_its_rung(name: str) -> None:
    request = REQUESTS[name]
    assert verified(request).key_id == KEY.kid
    mutations = list(request_mutations(request))
    assert len(mutations) > 150
    needs_key = request.has("idempotency-key")
    check = partial(verified, requires_idempotency_key=needs_key)
    assert wrong_codes(mutations, check) == []


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("status", [200, 401, 503])
def test_every_mutation_of_a_response_is_refused_by_its_rung(name: str, status: int) -> None:
    request = answered(REQUESTS[name])
    response = response_to(REQUESTS[name], status)
    assert verified_response(response, request).status == status
    mutations = list(response_mutations(response))
    assert len(mutations) > 120
    assert wrong_codes(mutations, lambda message: verified_response(message, request)) == []


def test_a_response_to_another_request_is_refused() -> None:
    request = answered(REQUESTS["messages"])
    response = response_to(REQUESTS["messages"])
    digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    for other, code in (
        (replace(request, method="PUT"), "signature_invalid"),
        (replace(request, target_uri=f"{ORIGIN}/exchange/v1/echo"), "signature_invalid"),
        (replace(request, content_digest=digest), "signature_invalid"),
        (replace(request, connection_id="another"), "signature_invalid"),
        (replace(request, nonce="w" * 21 + "A"), "response_nonce"),
        (replace(request, content_digest=None), "signature_coverage"),
        (replace(request, connection_id=None), "signature_coverage"),
    ):
        with pytest.raises(SignatureRefused) as refusal:
            verified_response(response, other)
        assert refusal.value.code == code, other


def test_a_signature_of_one_request_does_not_fit_another() -> None:
    for name, request in REQUESTS.items():
        for other, target in REQUESTS.items():
            if name == other:
                continue
            stolen = target
            for header in ("signature-input", "signature"):
                stolen = stolen.with_header(header, request.header(header))
            with pytest.raises(SignatureRefused) as refusal:
                verified(stolen)
            assert refusal.value.code in {"signature_coverage", "signature_invalid"}


def test_the_operators_cover_every_part_of_a_message() -> None:
    codes = Counter(mutation.code for request in REQUESTS.values() for mutation in request_mutations(request))
    codes += Counter(mutation.code for mutation in response_mutations(response_to(REQUESTS["messages"])))
    assert set(codes) == {
        "too_large",
        "signature_missing",
        "signature_malformed",
        "signature_tag",
        "signature_parameters",
        "signature_too_old",
        "signature_from_future",
        "signature_coverage",
        "key_unknown",
        "digest_mismatch",
        "signature_invalid",
        "response_nonce",
    }


def test_the_nonces_of_the_standard_library_are_taken() -> None:
    for size in (16, 24, 32, 48):
        nonce = secrets.token_urlsafe(size)
        headers = sign_request(
            KEY,
            method="GET",
            target_uri=f"{ORIGIN}/exchange/v1/echo",
            body=None,
            content_type=None,
            idempotency_key=None,
            connection_id=None,
            nonce=nonce,
            now=NOW,
        )
        assert f'expires={NOW + LIFETIME_SECONDS};nonce="{nonce}"' in dict(headers)["signature-input"]
