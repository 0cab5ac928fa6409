"""Keys of the two signature algorithms as values (design: protocol.md, *Identity and keys*).

The algorithm belongs to the key, never to the message that names it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import KeyRefused, SignatureInvalid
from shared.wire.states import KeyPurpose


class Algorithm(StrEnum):
    """Signature algorithms of the protocol, under their JOSE names (RFC 9864, RFC 7518)."""

    ED25519 = "Ed25519"
    ES256 = "ES256"


ALGORITHM_OF_PURPOSE: Final = {
    KeyPurpose.IDENTITY: Algorithm.ED25519,
    KeyPurpose.HTTP: Algorithm.ED25519,
    KeyPurpose.TOKEN: Algorithm.ES256,
}
"""Which algorithm a purpose asks for; ``data`` keys are symmetric and live in `shared.signing.envelopes`."""

SIGNATURE_BYTES: Final = 64
"""Length of a signature of either algorithm (ES256 as r and s side by side, RFC 7518 section 3.4)."""

_COORDINATE_BYTES: Final = 32
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_FIELD_PRIME: Final = 2**255 - 19
_ORDER_EIGHT_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y: Final = frozenset({0, 1, _FIELD_PRIME - 1, _ORDER_EIGHT_Y, _FIELD_PRIME - _ORDER_EIGHT_Y})
"""Heights of the Ed25519 points of order 1, 2, 4 and 8: as public keys they verify signatures nobody made."""

_JWK_NAMES: Final = {Algorithm.ED25519: ("OKP", "Ed25519"), Algorithm.ES256: ("EC", "P-256")}
_JWK_ALGORITHMS: Final = {Algorithm.ED25519: ("Ed25519", "EdDSA"), Algorithm.ES256: ("ES256",)}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that has been checked: a point on its curve, of full order."""

    algorithm: Algorithm
    raw: bytes
    """Ed25519: 32 bytes; ES256: x and y, 64 bytes."""
    kid: str
    """RFC 7638 thumbprint (SHA-256, base64url)."""
    handle: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(compare=False, repr=False)
    """The same key as the cryptographic library holds it."""

    @classmethod
    def from_raw(cls, algorithm: Algorithm, raw: bytes) -> "PublicKey":
        """Check and take a raw key; raise `KeyRefused`."""
        handle = _load_ed25519(raw) if algorithm is Algorithm.ED25519 else _load_p256(raw)
        return cls(algorithm, raw, _thumbprint(_members(algorithm, raw)), handle)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "PublicKey":
        """Read a public JWK strictly; raise `KeyRefused`.

        Curve, type, algorithm and use must agree where they are stated, coordinates must be canonical and on the
        curve, and nothing private may travel along. A ``kid`` inside is ignored: the thumbprint is the key's id.
        """
        algorithm = _algorithm_of(jwk)
        _check_use(jwk, algorithm)
        names = ("x",) if algorithm is Algorithm.ED25519 else ("x", "y")
        return cls.from_raw(algorithm, b"".join(_coordinate(jwk, name) for name in names))

    def to_jwk(self) -> dict[str, str]:
        """The required members alone, as the thumbprint is taken of them."""
        return _members(self.algorithm, self.raw)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if this key signed ``message``; raise `SignatureInvalid` otherwise."""
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureInvalid(f"A signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
        try:
            if isinstance(self.handle, ed25519.Ed25519PublicKey):
                self.handle.verify(signature, message)
            else:
                self.handle.verify(_to_der(signature), message, _ECDSA)
        except InvalidSignature as error:
            raise SignatureInvalid(
                cause="Another key signed it, or it was changed on the way",
                fix="Sign exactly the signature base of the profile with the key that keyid names",
            ) from error


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key. Its text form never shows it."""

    public: PublicKey
    handle: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(compare=False, repr=False)

    @property
    def algorithm(self) -> Algorithm:
        """The one algorithm this key is for."""
        return self.public.algorithm

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the public half."""
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        """64 bytes: an Ed25519 signature (RFC 8032) or r and s of ECDSA with SHA-256."""
        if isinstance(self.handle, ed25519.Ed25519PrivateKey):
            return self.handle.sign(message)
        r, s = decode_dss_signature(self.handle.sign(message, _ECDSA))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def to_bytes(self) -> bytes:
        """PKCS #8 DER, unencrypted: only ever to be stored inside an envelope."""
        return self.handle.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @classmethod
    def from_bytes(cls, algorithm: Algorithm, raw: bytes) -> "PrivateKey":
        """Read what `to_bytes` wrote; raise `KeyRefused` if it is not a key of ``algorithm``."""
        try:
            handle = serialization.load_der_private_key(raw, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyRefused("The private key cannot be read") from error
        if algorithm is Algorithm.ED25519 and isinstance(handle, ed25519.Ed25519PrivateKey):
            return _private(handle)
        if algorithm is Algorithm.ES256 and isinstance(handle, ec.EllipticCurvePrivateKey):
            return _private(handle)
        raise KeyRefused(f"The private key is not one of {algorithm}")


def generate(purpose: KeyPurpose) -> PrivateKey:
    """Make a new key for ``purpose``; raise `KeyRefused` for ``data``, which is not a signature key."""
    algorithm = ALGORITHM_OF_PURPOSE.get(purpose)
    if algorithm is None:
        raise KeyRefused(f"A key for {purpose} does not sign")
    if algorithm is Algorithm.ED25519:
        return _private(ed25519.Ed25519PrivateKey.generate())
    return _private(ec.generate_private_key(ec.SECP256R1()))


def _private(handle: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> PrivateKey:
    if isinstance(handle, ed25519.Ed25519PrivateKey):
        return PrivateKey(PublicKey.from_raw(Algorithm.ED25519, handle.public_key().public_bytes_raw()), handle)
    if not isinstance(handle.curve, ec.SECP256R1):
        raise KeyRefused(f"The curve is {handle.curve.name}, not P-256")
    point = handle.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PrivateKey(PublicKey.from_raw(Algorithm.ES256, point[1:]), handle)


def _load_ed25519(raw: bytes) -> ed25519.Ed25519PublicKey:
    height = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if height >= _FIELD_PRIME or height in _SMALL_ORDER_Y:
        raise KeyRefused("The Ed25519 key is not a canonical point of full order")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise KeyRefused("An Ed25519 key has 32 bytes") from error


def _load_p256(raw: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError as error:
        raise KeyRefused("The key is not a point of P-256") from error


def _algorithm_of(jwk: Mapping[str, Any]) -> Algorithm:
    stated = (jwk.get("kty"), jwk.get("crv"))
    for algorithm, names in _JWK_NAMES.items():
        if stated == names:
            return algorithm
    raise KeyRefused("The key is neither OKP Ed25519 nor EC P-256")


def _check_use(jwk: Mapping[str, Any], algorithm: Algorithm) -> None:
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise KeyRefused("The key carries private members", fix="Publish the public members only and replace the key")
    if "alg" in jwk and jwk["alg"] not in _JWK_ALGORITHMS[algorithm]:
        raise KeyRefused("The key's alg does not fit its curve")
    if jwk.get("use", "sig") != "sig":
        raise KeyRefused("The key's use is not sig")
    if jwk.get("key_ops", ["verify"]) != ["verify"]:
        raise KeyRefused("The key's key_ops is not verify alone")


def _coordinate(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise KeyRefused(f"The key's {name} is not a string")
    try:
        raw = from_base64url(text)
    except ValueError as error:
        raise KeyRefused(f"The key's {name} is {error}") from error
    if len(raw) != _COORDINATE_BYTES:
        raise KeyRefused(f"The key's {name} has {len(raw)} bytes, not {_COORDINATE_BYTES}")
    return raw


def _members(algorithm: Algorithm, raw: bytes) -> dict[str, str]:
    kty, crv = _JWK_NAMES[algorithm]
    members = {"crv": crv, "kty": kty, "x": to_base64url(raw[:_COORDINATE_BYTES])}
    if algorithm is Algorithm.ES256:
        members["y"] = to_base64url(raw[_COORDINATE_BYTES:])
    return members


def _thumbprint(members: dict[str, str]) -> str:
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return to_base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def _to_der(signature: bytes) -> bytes:
    r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def refused_algorithms() -> list[Algorithm]:
    """Return the profile's algorithms that the cryptographic library of this machine refuses, as a FIPS policy may."""
    return [algorithm for algorithm in Algorithm if not _works(algorithm)]


def _works(algorithm: Algorithm) -> bool:
    purpose = next(purpose for purpose, wanted in ALGORITHM_OF_PURPOSE.items() if wanted is algorithm)
    sample = b"service-exchange signature profile"
    try:
        key = generate(purpose)
        key.public.verify(key.sign(sample), sample)
    except (UnsupportedAlgorithm, ValueError, SignatureInvalid):
        return False
    return True
