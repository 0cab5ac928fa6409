"""Keys: Wycheproof's Ed25519, ECDSA and JSON Web Key files, strict reading of JWKs, storage."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.signing.encoding import to_base64url
from shared.signing.errors import KeyRefused, SignatureInvalid
from shared.signing.keys import Algorithm, PrivateKey, PublicKey, generate
from shared.wire.states import KeyPurpose
from tests.shared.signing.vectors import load

ED25519 = load("wycheproof", "ed25519_test.json")
ECDSA = load("wycheproof", "ecdsa_secp256r1_sha256_p1363_test.json")
ED_JWK = generate(KeyPurpose.HTTP).public.to_jwk()
EC_JWK = generate(KeyPurpose.TOKEN).public.to_jwk()
PRIME = 2**255 - 19


def verdict(key: PublicKey, test: dict[str, Any]) -> str:
    try:
        key.verify(bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
    except SignatureInvalid:
        return "invalid"
    return "valid"


def test_every_ed25519_vector_has_its_published_verdict() -> None:
    groups = [(PublicKey.from_jwk(group["publicKeyJwk"]), group["tests"]) for group in ED25519["testGroups"]]
    wrong = [test["tcId"] for key, tests in groups for test in tests if verdict(key, test) != test["result"]]
    assert wrong == []
    assert sum(len(tests) for _, tests in groups) == ED25519["numberOfTests"] == 151


def test_every_ecdsa_vector_has_its_published_verdict() -> None:
    count, wrong = 0, []
    for group in ECDSA["testGroups"]:
        key = PublicKey.from_raw(Algorithm.ES256, bytes.fromhex(group["publicKey"]["uncompressed"])[1:])
        count += len(group["tests"])
        wrong += [test["tcId"] for test in group["tests"] if verdict(key, test) != test["result"]]
    assert wrong == []
    assert count == ECDSA["numberOfTests"] == 262


@pytest.mark.parametrize("purpose", [KeyPurpose.IDENTITY, KeyPurpose.HTTP, KeyPurpose.TOKEN])
def test_a_key_survives_storage_and_publication(purpose: KeyPurpose) -> None:
    key = generate(purpose)
    stored = PrivateKey.from_bytes(key.algorithm, key.to_bytes())
    read = PublicKey.from_jwk(key.public.to_jwk())
    assert (stored.kid, read) == (key.kid, key.public)
    read.verify(stored.sign(b"message"), b"message")
    with pytest.raises(SignatureInvalid):
        read.verify(stored.sign(b"message"), b"another")


def test_a_key_never_shows_its_private_half() -> None:
    key = generate(KeyPurpose.HTTP)
    assert key.to_bytes().hex()[-32:] not in repr(key)
    assert "PrivateKey object" not in repr(key)


def test_a_data_key_is_no_signature_key() -> None:
    with pytest.raises(KeyRefused):
        generate(KeyPurpose.DATA)


def test_a_stored_key_of_the_other_algorithm_is_refused() -> None:
    for purpose, other in ((KeyPurpose.HTTP, Algorithm.ES256), (KeyPurpose.TOKEN, Algorithm.ED25519)):
        with pytest.raises(KeyRefused):
            PrivateKey.from_bytes(other, generate(purpose).to_bytes())


def test_a_stored_key_of_a_foreign_kind_is_refused() -> None:
    der = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    p384 = ec.generate_private_key(ec.SECP384R1()).private_bytes(*der)
    for raw in (p384, rsa.generate_private_key(65537, 2048).private_bytes(*der), b"", b"0" * 48):
        for algorithm in Algorithm:
            with pytest.raises(KeyRefused):
                PrivateKey.from_bytes(algorithm, raw)


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {**ED_JWK, "kty": "EC"},
        {**ED_JWK, "crv": "X25519"},
        {**ED_JWK, "crv": "Ed448"},
        {**ED_JWK, "alg": "ES256"},
        {**ED_JWK, "alg": None},
        {**ED_JWK, "use": "enc"},
        {**ED_JWK, "key_ops": ["sign"]},
        {**ED_JWK, "key_ops": ["verify", "encrypt"]},
        {**ED_JWK, "key_ops": "verify"},
        {**ED_JWK, "d": ED_JWK["x"]},
        {**ED_JWK, "k": ED_JWK["x"]},
        {**ED_JWK, "x": ED_JWK["x"] + "="},
        {**ED_JWK, "x": ED_JWK["x"][:-1]},
        {**ED_JWK, "x": ED_JWK["x"] + "AA"},
        {**ED_JWK, "x": "+" + ED_JWK["x"][1:]},
        {**ED_JWK, "x": "A" * 42 + "B"},
        {**ED_JWK, "x": 1},
        {**ED_JWK, "x": None},
        {**EC_JWK, "crv": "P-384"},
        {**EC_JWK, "crv": "secp256k1"},
        {**EC_JWK, "kty": "RSA"},
        {**EC_JWK, "alg": "ES512"},
        {**EC_JWK, "use": "enc"},
        {**EC_JWK, "y": EC_JWK["x"]},
        {**EC_JWK, "y": ""},
        {"kty": EC_JWK["kty"], "crv": EC_JWK["crv"], "x": EC_JWK["x"]},
        {**EC_JWK, "x": to_base64url(b"\0" * 32), "y": to_base64url(b"\0" * 32)},
        {**EC_JWK, "x": to_base64url(b"\0" + b"\1" * 32)},
        {"kty": ["OKP"], "crv": {"Ed25519": 1}, "x": ED_JWK["x"]},
    ],
)
def test_a_jwk_in_any_other_form_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeyRefused):
        PublicKey.from_jwk(jwk)


def test_a_jwk_may_state_what_it_is_for() -> None:
    for jwk, names in ((ED_JWK, ("Ed25519", "EdDSA")), (EC_JWK, ("ES256",))):
        for name in names:
            stated = {**jwk, "alg": name, "use": "sig", "key_ops": ["verify"], "kid": "whatever"}
            assert PublicKey.from_jwk(stated) == PublicKey.from_jwk(jwk)


def recovered_x(height: int) -> int:
    """x of an Ed25519 point by RFC 8032 section 5.1.3; the heights below all are on the curve."""
    curve = -121665 * pow(121666, -1, PRIME) % PRIME
    square = (height**2 - 1) * pow(curve * height**2 + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    return x if (x * x - square) % PRIME == 0 else x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME


def doubled(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    k = -121665 * pow(121666, -1, PRIME) * x * x * y * y % PRIME
    return 2 * x * y * pow(1 + k, -1, PRIME) % PRIME, (y * y + x * x) * pow(1 - k, -1, PRIME) % PRIME


def test_ed25519_keys_of_small_order_are_refused_in_every_spelling() -> None:
    eighth = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    heights = [0, 1, PRIME - 1, eighth, PRIME - eighth]
    for height in heights:
        point = (recovered_x(height), height)
        for _ in range(3):
            point = doubled(point)
        assert point == (0, 1), "eight times the point is the neutral element"
    for height in (*heights, PRIME, PRIME + 1, PRIME + 2):
        for sign in (0, 1 << 255):
            with pytest.raises(KeyRefused):
                PublicKey.from_raw(Algorithm.ED25519, (height | sign).to_bytes(32, "little"))


def test_an_ed25519_key_of_another_length_is_refused() -> None:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for wrong in (raw[:31], raw[:1]):
        with pytest.raises(KeyRefused):
            PublicKey.from_raw(Algorithm.ED25519, wrong)
