"""Tokens: what must be accepted, the forge set, Wycheproof's JWS and JWK files, joserfc as an oracle."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import KeyRefused, TokenBadSignature, TokenMalformed, TokenRefused
from shared.signing.keys import PrivateKey, PublicKey, generate
from shared.signing.tokens import issue, peek, read, verify_signature
from shared.wire.states import KeyPurpose
from tests.shared.signing.vectors import load

NOW = 1_800_000_000
TYP = "service-exchange-registration+jwt"
ISSUER, AUDIENCE = "https://provider.example", "https://consumer.example"
KEY, OTHER = generate(KeyPurpose.TOKEN), generate(KeyPurpose.TOKEN)
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "REG0000001",
    "jti": "0190b6d5-7f3c-7cc3-98c4-dc0c0c07398f",
    "iat": NOW,
    "exp": NOW + 3600,
    "provider_jkt": KEY.kid,
}
REQUIRED = ("sub", "jti", "provider_jkt")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GOOD_HEADER = {"alg": "ES256", "typ": TYP, "kid": KEY.kid}


def accepted(token: str, *, keys: dict[str, PublicKey] | None = None, now: int = NOW) -> dict[str, Any]:
    known = {KEY.kid: KEY.public} if keys is None else keys
    return read(token, keys=known, typ=TYP, issuer=ISSUER, audience=AUDIENCE, required=REQUIRED, now=now)


def refusal(token: str, **more: Any) -> str:
    with pytest.raises(TokenRefused) as error:
        accepted(token, **more)
    return error.value.code


def low(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, ORDER - s).to_bytes(32, "big")


def forged(header: Any = GOOD_HEADER, claims: Any = CLAIMS, key: PrivateKey = KEY) -> str:
    """A token with any header and claims (or their raw JSON), properly signed."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signed = ".".join(to_base64url(part.encode()) for part in parts)
    return f"{signed}.{to_base64url(low(key.sign(signed.encode())))}"


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name not in names}


def test_an_issued_token_is_read_back() -> None:
    token = issue(CLAIMS, KEY, typ=TYP)
    assert accepted(token) == CLAIMS
    assert json.loads(from_base64url(token.split(".")[0])) == GOOD_HEADER
    assert accepted(forged()) == CLAIMS


def test_every_issued_signature_has_the_lower_s() -> None:
    for _ in range(20):
        assert accepted(issue(CLAIMS, KEY, typ=TYP)) == CLAIMS


def test_a_token_can_be_looked_at_before_its_key_is_known() -> None:
    found = peek(issue(CLAIMS, KEY, typ=TYP), typ=TYP)
    assert (found.key_id, found.claims, found.typ) == (KEY.kid, CLAIMS, TYP)


def test_issuing_needs_an_es256_key_and_the_claims_every_token_has() -> None:
    with pytest.raises(KeyRefused):
        issue(CLAIMS, generate(KeyPurpose.HTTP), typ=TYP)
    for name in ("iss", "aud", "iat", "exp"):
        with pytest.raises(TokenRefused) as error:
            issue(without(name), KEY, typ=TYP)
        assert error.value.code == "token_missing_claim"


HEADERS = {
    "alg none": {**GOOD_HEADER, "alg": "none"},
    "alg None": {**GOOD_HEADER, "alg": "None"},
    "alg in lower case": {**GOOD_HEADER, "alg": "es256"},
    "alg HS256": {**GOOD_HEADER, "alg": "HS256"},
    "alg a part of ES256": {**GOOD_HEADER, "alg": "ES2"},
    "alg with a longer name": {**GOOD_HEADER, "alg": "ES256K"},
    "alg empty": {**GOOD_HEADER, "alg": ""},
    "alg null": {**GOOD_HEADER, "alg": None},
    "alg a list": {**GOOD_HEADER, "alg": ["ES256"]},
    "alg missing": {"typ": TYP, "kid": KEY.kid},
    "kid missing": {"alg": "ES256", "typ": TYP},
    "kid a number": {**GOOD_HEADER, "kid": 1},
    "kid a list": {**GOOD_HEADER, "kid": [KEY.kid]},
    "typ missing": {"alg": "ES256", "kid": KEY.kid},
    "typ null": {**GOOD_HEADER, "typ": None},
    "crit": {**GOOD_HEADER, "crit": ["exp"]},
    "crit of a member": {**GOOD_HEADER, "crit": ["x"], "x": 1},
    "b64": {**GOOD_HEADER, "b64": False},
    "own jwk": {**GOOD_HEADER, "jwk": OTHER.public.to_jwk()},
    "jku": {**GOOD_HEADER, "jku": "https://evil.example/keys"},
    "x5c": {**GOOD_HEADER, "x5c": ["AAAA"]},
    "x5u": {**GOOD_HEADER, "x5u": "https://evil.example"},
    "cty": {**GOOD_HEADER, "cty": "JWT"},
    "no object": [],
    "alg twice": f'{{"alg":"none","alg":"ES256","typ":"{TYP}","kid":"{KEY.kid}"}}',
    "no JSON": "{",
    "NaN": f'{{"alg":"ES256","typ":"{TYP}","kid":NaN}}',
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_exactly_alg_typ_kid_is_refused(name: str) -> None:
    assert refusal(forged(header=HEADERS[name])) == "token_malformed"


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", TYP.upper(), f"application/{TYP}", "", f"{TYP} "])
def test_a_token_of_another_type_is_refused(typ: str) -> None:
    assert refusal(forged(header={**GOOD_HEADER, "typ": typ})) == "token_wrong_type"


KIDS = ["", "..", "../../etc/passwd", "' OR 1=1 --", "0", KEY.kid[:-1], KEY.kid + "A", KEY.kid.swapcase(), OTHER.kid]


@pytest.mark.parametrize("kid", KIDS, ids=range(len(KIDS)))
def test_a_key_id_that_is_not_known_is_refused(kid: str) -> None:
    assert refusal(forged(header={**GOOD_HEADER, "kid": kid})) == "token_unknown_key"


def test_a_key_of_another_algorithm_is_no_key_for_tokens() -> None:
    http = generate(KeyPurpose.HTTP).public
    assert refusal(forged(), keys={KEY.kid: http}) == "token_unknown_key"


def public_spellings() -> dict[str, bytes]:
    handle = KEY.public.handle
    encodings, formats = serialization.Encoding, serialization.PublicFormat
    pem = handle.public_bytes(encodings.PEM, formats.SubjectPublicKeyInfo)
    jwk = KEY.public.to_jwk()
    return {
        "PEM": pem,
        "PEM without newline": pem.rstrip(b"\n"),
        "DER": handle.public_bytes(encodings.DER, formats.SubjectPublicKeyInfo),
        "uncompressed point": handle.public_bytes(encodings.X962, formats.UncompressedPoint),
        "compressed point": handle.public_bytes(encodings.X962, formats.CompressedPoint),
        "coordinates": KEY.public.raw,
        "SSH": handle.public_bytes(encodings.OpenSSH, formats.OpenSSH),
        "JWK": json.dumps(jwk).encode(),
        "JWK compact": json.dumps(jwk, separators=(",", ":")).encode(),
        "JWK sorted": json.dumps(jwk, sort_keys=True).encode(),
        "x": jwk["x"].encode(),
        "kid": KEY.kid.encode(),
        "nothing": b"",
    }


@pytest.mark.parametrize("spelling", public_spellings())
@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_the_public_key_is_no_shared_secret_in_any_spelling(spelling: str, algorithm: str) -> None:
    header = {**GOOD_HEADER, "alg": algorithm}
    signed = ".".join(to_base64url(json.dumps(part).encode()) for part in (header, CLAIMS))
    mac = hmac.digest(public_spellings()[spelling], signed.encode(), hashlib.sha256)
    code = "token_malformed" if algorithm == "HS256" else "token_bad_signature"
    assert refusal(f"{signed}.{to_base64url(mac)}") == code


def test_another_key_under_the_known_id_is_refused() -> None:
    assert refusal(forged(key=OTHER)) == "token_bad_signature"


def test_the_other_signature_that_ecdsa_allows_is_refused() -> None:
    signed, _, text = forged().rpartition(".")
    signature = from_base64url(text)
    other = signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    KEY.public.verify(other, signed.encode())
    assert refusal(f"{signed}.{to_base64url(other)}") == "token_bad_signature"


def test_altered_signatures_are_refused() -> None:
    signed, _, text = forged().rpartition(".")
    raw = from_base64url(text)
    der = KEY.handle.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    for altered in (b"", raw[:-1], raw + b"\0", bytes(64), b"\xff" * 64, raw[32:] + raw[:32], der, raw[:63] + b"\0"):
        assert refusal(f"{signed}.{to_base64url(altered)}") == "token_bad_signature"


def test_tokens_that_are_not_three_clean_parts_are_refused() -> None:
    token = forged()
    header, claims, signature = token.split(".")
    for broken in (
        "",
        ".",
        "..",
        f"{header}.{claims}",
        f"{header}.{claims}.",
        f"{token}.",
        f"{token}.{signature}",
        f" {token}",
        f"{token}\n",
        f"{header}=.{claims}.{signature}",
        f"{header}.{claims}==.{signature}",
        f"{header}.{claims}.{signature}==",
        f"{header}?.{claims}.{signature}",
        f"{header}..{signature}",
        f"{header}.{claims}.{signature[:-1]}{'B' if signature[-1] != 'B' else 'C'}",
        json.dumps({"protected": header, "payload": claims, "signature": signature}),
        token.replace(".", ". "),
        forged(claims={**CLAIMS, "padding": "x" * 8192}),
    ):
        assert refusal(broken) in {"token_malformed", "token_bad_signature"}, broken


WRONG_CLAIMS = {
    **{f"without {name}": (without(name), "token_missing_claim") for name in CLAIMS},
    **{f"empty {name}": ({**CLAIMS, name: ""}, "token_missing_claim") for name in CLAIMS},
    **{f"null {name}": ({**CLAIMS, name: None}, "token_missing_claim") for name in CLAIMS},
    "another issuer": ({**CLAIMS, "iss": "https://evil.example"}, "token_wrong_issuer"),
    "issuer with slash": ({**CLAIMS, "iss": f"{ISSUER}/"}, "token_wrong_issuer"),
    "issuer in a list": ({**CLAIMS, "iss": [ISSUER]}, "token_wrong_issuer"),
    "another audience": ({**CLAIMS, "aud": "https://evil.example"}, "token_wrong_audience"),
    "several audiences": ({**CLAIMS, "aud": [AUDIENCE, "https://evil.example"]}, "token_wrong_audience"),
    "audience in a list": ({**CLAIMS, "aud": [AUDIENCE]}, "token_wrong_audience"),
    "audience with slash": ({**CLAIMS, "aud": f"{AUDIENCE}/"}, "token_wrong_audience"),
    "audience a part": ({**CLAIMS, "aud": AUDIENCE[:-1]}, "token_wrong_audience"),
    "future iat": ({**CLAIMS, "iat": NOW + 11}, "token_not_yet_valid"),
    "future nbf": ({**CLAIMS, "nbf": NOW + 11}, "token_not_yet_valid"),
    "expired": ({**CLAIMS, "iat": NOW - 100, "exp": NOW - 10}, "token_expired"),
    "expired before it was issued": ({**CLAIMS, "exp": NOW - 1}, "token_expired"),
    "exp a string": ({**CLAIMS, "exp": str(NOW + 10)}, "token_malformed"),
    "exp a fraction": ({**CLAIMS, "exp": NOW + 10.5}, "token_malformed"),
    "exp true": ({**CLAIMS, "exp": True}, "token_malformed"),
    "exp a list": ({**CLAIMS, "exp": [NOW + 10]}, "token_malformed"),
    "iat a string": ({**CLAIMS, "iat": str(NOW)}, "token_malformed"),
    "nbf a string": ({**CLAIMS, "nbf": str(NOW)}, "token_malformed"),
    "nbf null": ({**CLAIMS, "nbf": None}, "token_malformed"),
    "exp 1e999": (json.dumps(CLAIMS).replace(str(NOW + 3600), "1e999"), "token_malformed"),
    "exp 1e3": (json.dumps(CLAIMS).replace(str(NOW + 3600), "1e20"), "token_malformed"),
    "exp Infinity": (json.dumps(CLAIMS).replace(str(NOW + 3600), "Infinity"), "token_malformed"),
    "exp of thousand digits": (json.dumps(CLAIMS).replace(str(NOW + 3600), "9" * 1000), "token_malformed"),
    "claims twice": (json.dumps(CLAIMS)[:-1] + ', "aud": "https://evil.example"}', "token_malformed"),
    "claims a list": ("[]", "token_malformed"),
    "claims a string": ('"x"', "token_malformed"),
    "no claims": ("{}", "token_missing_claim"),
    "claims no JSON": ("{", "token_malformed"),
    "claims with byte order mark": ("\ufeff{}", "token_malformed"),
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_wrong_claims_are_refused_by_their_own_code(name: str) -> None:
    claims, code = WRONG_CLAIMS[name]
    assert refusal(forged(claims=claims)) == code


def test_clocks_may_differ_by_the_leeway() -> None:
    token = issue({**CLAIMS, "exp": NOW + 60}, KEY, typ=TYP)
    assert accepted(token, now=NOW - 10) == accepted(token, now=NOW + 69)
    assert refusal(token, now=NOW - 11) == "token_not_yet_valid"
    assert refusal(token, now=NOW + 70) == "token_expired"


def test_joserfc_reads_our_tokens() -> None:
    key = joserfc_jwk.ECKey.import_key(KEY.public.to_jwk())
    token = joserfc_jwt.decode(issue(CLAIMS, KEY, typ=TYP), key, algorithms=["ES256"])
    assert token.claims == CLAIMS
    assert token.header == GOOD_HEADER


def test_we_read_the_tokens_of_joserfc_once_their_s_is_the_lower_one() -> None:
    pem = KEY.handle.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    token = joserfc_jwt.encode(GOOD_HEADER, CLAIMS, joserfc_jwk.ECKey.import_key(pem), algorithms=["ES256"])
    signed, _, signature = token.rpartition(".")
    assert accepted(f"{signed}.{to_base64url(low(from_base64url(signature)))}") == CLAIMS


JWS = load("wycheproof", "json_web_signature_test.json")
JWK = load("wycheproof", "json_web_key_test.json")
HIGHER_S = {18}
"""Published as valid, with the higher s: refused by our rule that a token has one signature only."""


def header_of(token: str) -> dict[str, Any]:
    text = token.split(".", maxsplit=1)[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def jws_accepted(token: Any, published: dict[str, Any] | None) -> bool:
    """Our reading of a bare JWS: the key record decides the algorithm, the header must agree with it."""
    try:
        key = PublicKey.from_jwk(published or {})
        if not isinstance(token, str) or header_of(token) != {"alg": "ES256", "kid": (published or {}).get("kid")}:
            return False
        verify_signature(token, key)
    except (KeyRefused, TokenBadSignature, TokenMalformed, ValueError):
        return False
    return True


def test_every_published_jws_is_accepted_or_refused_as_our_rule_says() -> None:
    verdicts = {}
    for group in JWS["testGroups"]:
        for test in group["tests"]:
            ours = (group.get("public") or {}).get("alg") == "ES256" and test["result"] == "valid"
            expected = ours and test["tcId"] not in HIGHER_S
            verdicts[test["tcId"]] = jws_accepted(test["jws"], group.get("public")) is expected
    assert [case for case, right in verdicts.items() if not right] == []
    assert len(verdicts) == JWS["numberOfTests"] == 401


def test_every_published_key_set_is_refused_as_none_is_sound_and_ours() -> None:
    wrong, count = [], 0
    for group in JWK["testGroups"]:
        keys = (group.get("public") or {}).get("keys", [{}])
        for test in group["tests"]:
            count += 1
            wrong += [test["tcId"] for key in keys if jws_accepted(test["jws"], key)]
    assert wrong == []
    assert count == JWK["numberOfTests"] == 26


def test_no_published_jws_is_read_as_one_of_our_tokens() -> None:
    for group in (*JWS["testGroups"], *JWK["testGroups"]):
        for test in group["tests"]:
            token = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
            assert refusal(token) == "token_malformed"
