"""Whatever bytes arrive, the answer is a refusal of the room's own tree and never another exception."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.signing.envelopes import open_sealed
from shared.signing.errors import EnvelopeRefused, KeyRefused, SignatureRefused, StatementRefused, TokenRefused
from shared.signing.keys import PublicKey, generate
from shared.signing.keysets import read_key_set
from shared.signing.requests import read_request
from shared.signing.responses import AnsweredRequest, verify_response
from shared.signing.statements import KEY_SET_CONTEXT, make_statement
from shared.signing.tokens import read
from shared.wire.discovery import SignedStatement
from shared.wire.states import KeyPurpose

NOW = 1_800_000_000
KEY = generate(KeyPurpose.IDENTITY)
TARGET = "https://provider.example/exchange/v1/echo"
FIELD = st.text('sx=();",:@%?*ab10-._ \t\\ABtagcreatedkeyidnonceexpires', max_size=80)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
JWK = st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "alg", "use", "key_ops", "d"]), JSON, max_size=8)

KEY_SETS = st.fixed_dictionaries(
    {"keys": st.lists(st.fixed_dictionaries({"purpose": st.just("identity"), "jwk": JWK | JSON}), max_size=2)}
)
ENVELOPES = st.from_regex(r"sx1\.m\.1\.[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,80}", fullmatch=True)


@settings(max_examples=300)
@given(stated=FIELD, signature=FIELD)
@example(stated='sx=();created=@999999999999999;tag="service-exchange-1"', signature="sx=:AAAA:")
@example(stated='sx=();created=-999999999999999;tag="service-exchange-1"', signature="sx=:AAAA:")
@example(stated='sx=("a";b);created=%"f%c3%bc";tag="service-exchange-1"', signature="sx=:AAAA:")
@example(stated="sx;tag=1", signature="sx")
@example(stated="sx=" + "(" * 500, signature="sx=:AAAA:")
@example(stated="", signature="")
def test_any_signature_header_is_refused(stated: str, signature: str) -> None:
    headers = [(b"signature-input", stated.encode()), (b"signature", signature.encode())]
    with pytest.raises(SignatureRefused):
        read_request(
            method="GET", target_uri=TARGET, headers=headers, body=b"", now=NOW, requires_idempotency_key=False
        )
    answered = AnsweredRequest("GET", TARGET, "q" * 21 + "A", None, None)
    with pytest.raises(SignatureRefused):
        verify_response({}, status=200, headers=headers, body=b"", request=answered, now=NOW)


@given(pairs=st.lists(st.tuples(st.sampled_from([b"content-digest", b"signature", b"Trailer", b"x"]), st.binary())))
def test_any_bytes_in_headers_are_refused(pairs: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(SignatureRefused):
        read_request(method="POST", target_uri=TARGET, headers=pairs, body=b"x", now=NOW, requires_idempotency_key=True)


@given(jwk=JWK)
def test_any_object_is_a_key_or_refused(jwk: dict[str, object]) -> None:
    with suppress(KeyRefused):
        assert PublicKey.from_jwk(jwk).to_jwk()["x"] == jwk["x"]


@given(token=st.text(max_size=60) | FIELD)
@example(token="e30.e30.AAAA")
@example(token="W10.W10.")
def test_any_text_is_refused_as_a_token(token: str) -> None:
    with pytest.raises(TokenRefused):
        read(token, keys={}, typ="t", issuer="i", audience="a", required=(), now=NOW)


@given(document=JSON | KEY_SETS)
def test_any_signed_document_is_refused_as_a_key_set(document: object) -> None:
    payload = json.dumps(document, ensure_ascii=True).encode()
    with pytest.raises(StatementRefused):
        read_key_set(make_statement(KEY, KEY_SET_CONTEXT, payload), pinned_jkt=KEY.kid, minimum_sequence=0, now=NOW)


@given(payload=st.text(max_size=40), signature=st.text(max_size=40))
def test_any_unsigned_statement_is_refused(payload: str, signature: str) -> None:
    statement = SignedStatement(context=KEY_SET_CONTEXT, payload=payload, kid=KEY.kid, signature=signature)
    with pytest.raises(StatementRefused):
        read_key_set(statement, pinned_jkt=KEY.kid, minimum_sequence=0, now=NOW)


@given(text=st.text(max_size=60) | ENVELOPES)
def test_any_text_is_refused_as_an_envelope(text: str) -> None:
    with pytest.raises(EnvelopeRefused):
        open_sealed(text, masters={}, table="t", row="r", column="c")
