"""The peer's bytes against literals: published examples, and the lines the page writes out."""

import base64
import hashlib

import pytest

from tests.peer import signing, wire
from tests.peer.comparison import Compared
from tests.peer.crypto import Key, thumbprint
from tests.peer.wire import Problem


def test_the_thumbprint_of_rfc_8037_comes_out():
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":123456789012345678901}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
    ],
)
def test_json_that_is_not_strict_is_malformed(raw):
    with pytest.raises(Problem) as caught:
        wire.decode(raw)
    assert (caught.value.status, caught.value.code) == (400, "malformed")


def test_thirty_two_levels_are_read():
    assert wire.decode(b"[" * 32 + b"]" * 32)


def test_the_digest_of_rfc_9530_comes_out():
    assert signing.digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"


def test_the_comparison_code_is_crockfords_spelling_of_the_first_five_bytes():
    compared = Compared(
        "https://p.example", "https://c.example", "i-p", "i-c", "t-p", "t-c", "REG0000001", "n-p", "n-c"
    )
    lines = "service-exchange-comparison-v1 https://p.example https://c.example i-p i-c t-p t-c REG0000001 n-p n-c"
    first = base64.b32encode(hashlib.sha256(lines.replace(" ", "\n").encode()).digest()[:5]).decode()
    spelling = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert compared.code().replace("-", "") == first.translate(spelling)


def test_the_signature_base_has_the_lines_of_the_page():
    key = Key.new("http")
    target = "https://desk.example/exchange/v1/messages"
    request = signing.Request("POST", target, [("exchange-connection", "0192")], b"{}")
    signed = signing.sign_request(request, signing.Stamp(key, 1760000000, 1760000060, "n" * 22))
    names = '("@method" "@target-uri" "content-type" "content-digest" "exchange-connection")'
    tail = f';created=1760000000;expires=1760000060;nonce="{"n" * 22}";keyid="{key.kid}";tag="service-exchange-1"'
    lines = [
        '"@method": POST',
        f'"@target-uri": {target}',
        '"content-type": application/json',
        '"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
        '"exchange-connection": 0192',
        f'"@signature-params": {names}{tail}',
    ]
    assert signed.header("signature-input") == f"sx={names}{tail}"
    signature = base64.b64decode(signed.header("signature")[4:-1])
    key.private.public_key().verify(signature, "\n".join(lines).encode())


def test_the_base_of_an_answer_has_the_lines_of_its_request():
    key = Key.new("http")
    target = "https://desk.example/exchange/v1/echo"
    request = signing.Request("GET", target, [(signing.REQUEST_NONCE, "q" * 22)])
    answer = signing.Answer(200, [("content-type", "application/json")], b"{}")
    signed = signing.sign_answer(answer, request, "q" * 22, signing.Stamp(key, 1, 2, "n" * 22))
    headers = dict(signed.headers)
    lines = [
        '"@status": 200',
        '"content-type": application/json',
        '"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
        '"@method";req: GET',
        f'"@target-uri";req: {target}',
        f'"exchange-request-nonce": {"q" * 22}',
        f'"@signature-params": {headers["signature-input"][3:]}',
    ]
    key.private.public_key().verify(base64.b64decode(headers["signature"][4:-1]), "\n".join(lines).encode())
