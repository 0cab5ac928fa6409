"""ID tokens: what a provider's word has to be like, and which of its keys count."""

from typing import Any

import pytest
from joserfc.jwk import RSAKey

from shared.signing.errors import IdTokenKeyUnknown, IdTokenRefused
from shared.signing.id_tokens import KEYS_LIMIT, IdToken, read_keys, verify
from tests.oidc.provider import by_public_key, encoded, key_named, plain, signed, unsigned

ISSUER, CLIENT, NONCE, NOW = "https://login.example.com", "exchange", "n" * 43, 1_790_000_000
FIRST = key_named("first")


def published(*keys: Any, **changes: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) | changes for key in keys or (FIRST,)]}


def claims(**changes: Any) -> dict[str, Any]:
    told = {"iss": ISSUER, "sub": "ada", "aud": CLIENT, "exp": NOW + 300, "iat": NOW, "nonce": NONCE} | changes
    return {name: value for name, value in told.items() if value is not None}


def judged(token: str, document: Any = None, now: int = NOW) -> IdToken:
    keys = read_keys(document or published())
    return verify(token, keys, issuer=ISSUER, client_id=CLIENT, nonce=NONCE, now=now)


@pytest.mark.parametrize(("kind", "algorithm"), [("RSA", "RS256"), ("RSA", "PS256"), ("EC", "ES256"), ("OKP", "EdDSA")])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_true_word_is_believed_in_every_algorithm_that_counts(kind: str, algorithm: str) -> None:
    key = key_named("key", kind)
    told = judged(signed(claims(auth_time=NOW - 60), key, algorithm=algorithm), published(key))
    assert (told.subject, told.issued_at, told.authenticated_at) == ("ada", NOW, NOW - 60)
    other = key_named("other", kind)
    with pytest.raises(IdTokenRefused) as refused:
        judged(signed(claims(), other, algorithm=algorithm, kid="key"), published(key))
    assert refused.value.code == "id_token_signature"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("iss", {"iss": "https://login.example.com/"}),
        ("iss", {"iss": ["https://login.example.com"]}),
        ("sub", {"sub": None}),
        ("sub", {"sub": " ada"}),
        ("sub", {"sub": "ad\u0430"}),
        ("sub", {"sub": "a" * 256}),
        ("aud", {"aud": []}),
        ("aud", {"aud": {"exchange": 1}}),
        ("azp", {"aud": [CLIENT, "other"], "azp": None}),
        ("azp", {"azp": "other"}),
        ("azp", {"azp": [CLIENT]}),
        ("exp", {"exp": NOW - 61, "iat": NOW - 120}),
        ("exp", {"exp": str(NOW + 300)}),
        ("exp", {"exp": True}),
        ("exp", {"exp": NOW + 0.5}),
        ("exp", {"exp": 2**40}),
        ("iat", {"iat": None}),
        ("iat", {"iat": NOW + 61, "exp": NOW + 300}),
        ("iat", {"iat": NOW - 661}),
        ("iat", {"iat": NOW, "exp": NOW}),
        ("nbf", {"nbf": NOW + 61}),
        ("nbf", {"nbf": "now"}),
        ("nonce", {"nonce": None}),
        ("nonce", {"nonce": ""}),
        ("nonce", {"nonce": "N" * 43}),
        ("nonce", {"nonce": [NONCE]}),
        ("auth_time", {"auth_time": "yesterday"}),
    ],
)
def test_a_claim_that_is_missing_wrong_or_of_another_kind_is_named(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(IdTokenRefused) as refused:
        judged(signed(claims(**changes), FIRST))
    assert refused.value.code == f"id_token_{code}"


def test_clocks_may_differ_by_a_minute() -> None:
    assert judged(signed(claims(iat=NOW + 60, exp=NOW + 300), FIRST)).subject == "ada"
    assert judged(signed(claims(iat=NOW - 300, exp=NOW - 59), FIRST)).subject == "ada"


def test_several_audiences_count_where_the_token_was_made_for_us() -> None:
    assert judged(signed(claims(aud=[CLIENT, "other"], azp=CLIENT), FIRST)).subject == "ada"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b",
        f"{encoded({'alg': 'RS256'})}.{encoded([])}.AA",
        f"{encoded({'alg': 'RS256'})}.{plain(b'{{')}.AA",
        f"{encoded({'alg': 'RS256'})}.{plain(b'')}.AA",
        signed(claims(padding="x" * 16384), FIRST),
        signed(claims(), FIRST, typ="at+jwt"),
        signed(claims(), FIRST, typ="logout+jwt"),
    ],
)
def test_what_is_no_id_token_is_refused_before_any_key_is_looked_at(token: str) -> None:
    with pytest.raises(IdTokenRefused) as refused:
        judged(token)
    assert refused.value.code == "id_token_malformed"


@pytest.mark.parametrize(
    "header",
    [{"crit": ["exp"]}, {"b64": False}, {"crit": ["b64"], "b64": False}],
)
def test_a_header_that_demands_what_is_not_understood_is_refused(header: dict[str, Any]) -> None:
    _, _, rest = signed(claims(), FIRST).partition(".")
    with pytest.raises(IdTokenRefused) as refused:
        judged(f"{encoded({'alg': 'RS256', 'kid': 'first'} | header)}.{rest}")
    assert refused.value.code == "id_token_malformed"


def test_a_claim_that_is_there_twice_is_refused() -> None:
    body = plain(b'{"sub":"ada","sub":"root"}')
    with pytest.raises(IdTokenRefused) as refused:
        judged(f"{encoded({'alg': 'RS256', 'kid': 'first'})}.{body}.AA")
    assert refused.value.code == "id_token_malformed"


def test_nothing_unsigned_or_signed_by_a_shared_secret_counts() -> None:
    for token in (unsigned(claims()), by_public_key(claims())):
        with pytest.raises(IdTokenRefused) as refused:
            judged(token)
        assert refused.value.code == "id_token_algorithm"


def test_a_key_signs_only_with_the_algorithm_it_was_published_for() -> None:
    with pytest.raises(IdTokenRefused) as refused:
        judged(signed(claims(), FIRST, algorithm="PS256"), published(alg="RS256"))
    assert refused.value.code == "id_token_algorithm"
    with pytest.raises(IdTokenRefused) as refused:
        judged(signed(claims(), key_named("first", "EC"), algorithm="ES256"))
    assert refused.value.code == "id_token_algorithm"


def test_a_key_in_the_token_s_own_header_is_not_looked_at() -> None:
    stranger = key_named("stranger")
    token = signed(claims(), stranger, jwk=stranger.as_dict(private=False), kid="first")
    with pytest.raises(IdTokenRefused) as refused:
        judged(token)
    assert refused.value.code == "id_token_signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-521"},
        {"kid": 1},
        {"n": "AQAB"},
        {"n": "!"},
    ],
)
def test_keys_of_other_kinds_are_passed_over(changes: dict[str, Any]) -> None:
    assert read_keys(published(**changes)) == ()
    with pytest.raises(IdTokenKeyUnknown):
        judged(signed(claims(), FIRST), published(**changes))


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_key_too_short_to_be_safe_is_passed_over() -> None:
    short = RSAKey.generate_key(1024, parameters={"kid": "first"})
    assert read_keys(published(short)) == ()


def test_a_published_private_key_is_used_as_public_only() -> None:
    document = {"keys": [FIRST.as_dict(private=True)]}
    assert judged(signed(claims(), FIRST), document).subject == "ada"
    assert all("d" not in key.handle.as_dict() for key in read_keys(document))


def test_a_token_without_key_id_counts_where_one_key_only_can_be_meant() -> None:
    token = signed(claims(), FIRST, kid=None)
    assert judged(token, published(FIRST, key_named("ec", "EC"))).subject == "ada"
    with pytest.raises(IdTokenKeyUnknown):
        judged(token, published(FIRST, key_named("second")))


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": [{}] * (KEYS_LIMIT + 1)}])
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(IdTokenRefused) as refused:
        read_keys(document)
    assert refused.value.code == "id_token_keys"
