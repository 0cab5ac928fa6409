"""An independent implementation of RFC 9421 reads what we sign, and we read what it signs in our layout."""

import base64
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature
from http_message_signatures.algorithms import ED25519
from http_message_signatures.structures import PreparedSignature

from shared.signing.errors import SignatureInvalid
from shared.signing.keys import generate
from shared.signing.requests import read_request, sign_request
from shared.signing.responses import AnsweredRequest, sign_response, verify_response
from shared.wire.states import KeyPurpose

KEY = generate(KeyPurpose.HTTP)
NOW = 1_800_000_000
NONCE = "q" * 21 + "A"
TARGET = "https://provider.example/exchange/v1/echo"
BODY = b'{"a":1}'
COVERED = ("@method", "@target-uri", "content-type", "content-digest", "idempotency-key", "exchange-connection")
ANSWER = (
    '"@status"',
    '"content-type"',
    '"content-digest"',
    '"@method";req',
    '"@target-uri";req',
    '"content-digest";req',
    '"exchange-connection";req',
    '"exchange-request-nonce"',
)


class OneKey(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id: str) -> Any:
        assert key_id == KEY.kid
        return KEY.public.handle

    def resolve_private_key(self, key_id: str) -> Any:
        assert key_id == KEY.kid
        return KEY.handle


class Verifier(HTTPMessageVerifier):
    """The oracle without its clock."""

    def __init__(self) -> None:
        super().__init__(signature_algorithm=ED25519, key_resolver=OneKey())

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        assert sig_input.params["created"] == NOW


def our_request() -> list[tuple[str, str]]:
    return sign_request(
        KEY,
        method="POST",
        target_uri=TARGET,
        body=BODY,
        content_type="application/json",
        idempotency_key="idem-1",
        connection_id="connection-1",
        nonce=NONCE,
        now=NOW,
    )


def request_view(headers: dict[str, str]) -> SimpleNamespace:
    return SimpleNamespace(method="POST", url=TARGET, headers=headers)


def answered() -> AnsweredRequest:
    return AnsweredRequest.sent(method="POST", target_uri=TARGET, nonce=NONCE, body=BODY, connection_id="connection-1")


def sign_as_oracle(view: SimpleNamespace, covered: tuple[str, ...], parameters: list[tuple[str, Any]]) -> None:
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=OneKey())
    base, line, _ = signer._build_signature_base(
        view,
        covered_component_ids=signer._parse_covered_component_ids(covered),
        signature_params=OrderedDict(parameters),
    )
    prepared = PreparedSignature(base.encode(), str(line), "sx", ED25519.algorithm_id)
    signer.apply(view, prepared, ED25519(private_key=KEY.handle).sign(base.encode()))


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def test_the_oracle_verifies_our_request() -> None:
    verifier = Verifier()
    (found,) = verifier.verify(
        request_view(dict(our_request())), expect_tag="service-exchange-1", require_components=COVERED, body=BODY
    )
    assert found.label == "sx"
    assert found.nonce == NONCE


def test_the_oracle_verifies_our_response() -> None:
    headers = sign_response(KEY, status=200, content_type="application/json", body=b"{}", request=answered(), now=NOW)
    view = SimpleNamespace(status_code=200, headers=dict(headers), request=request_view(dict(our_request())))
    verifier = Verifier()
    (found,) = verifier.verify(view, expect_tag="service-exchange-1", require_components=ANSWER, body=b"{}")
    assert found.parameters["keyid"] == KEY.kid


def test_we_verify_the_request_of_the_oracle() -> None:
    headers = {name: value for name, value in our_request() if not name.startswith("signature")}
    view = request_view(headers)
    parameters = [("created", NOW), ("expires", NOW + 30), ("nonce", NONCE), ("keyid", KEY.kid)]
    sign_as_oracle(view, COVERED, [*parameters, ("tag", "service-exchange-1")])
    found = read_request(
        method="POST", target_uri=TARGET, headers=raw(headers), body=BODY, now=NOW, requires_idempotency_key=True
    ).verify(KEY.public)
    assert (found.expires, found.idempotency_key) == (NOW + 30, "idem-1")


def test_we_verify_the_response_of_the_oracle() -> None:
    headers = sign_response(KEY, status=200, content_type="application/json", body=b"{}", request=answered(), now=1)
    bare = {name: value for name, value in headers if not name.startswith("signature")}
    view = SimpleNamespace(status_code=200, headers=bare, request=request_view(dict(our_request())))
    sign_as_oracle(view, ANSWER, [("created", NOW), ("keyid", KEY.kid), ("tag", "service-exchange-1")])
    found = verify_response(
        {KEY.kid: KEY.public}, status=200, headers=raw(bare), body=b"{}", request=answered(), now=NOW
    )
    assert found.status == 200


def test_the_oracle_and_we_refuse_the_same_forgery() -> None:
    headers = dict(our_request())
    signature = base64.b64decode(headers["signature"].removeprefix("sx=:").removesuffix(":"))
    forged = base64.b64encode(signature[:-1] + bytes([signature[-1] ^ 1])).decode()
    view = request_view(headers | {"signature": f"sx=:{forged}:"})
    verifier = Verifier()
    with pytest.raises(InvalidSignature):
        verifier.verify(view, expect_tag="service-exchange-1")
    with pytest.raises(SignatureInvalid):
        read_request(
            method="POST",
            target_uri=TARGET,
            headers=raw(view.headers),
            body=BODY,
            now=NOW,
            requires_idempotency_key=True,
        ).verify(KEY.public)
