"""Keys, thumbprints, signed statements and key sets (section 3)."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

from tests.peer.wire import Document, Problem, b64u, decode_object, encode, sha256, unb64u

KEYSET = "service-exchange-keyset-v1"
COUNTING = ("pre_active", "active", "retiring")
STATES = (*COUNTING, "retired", "compromised")
_SKEW = 10
_CURVES = {"identity": "Ed25519", "http": "Ed25519", "token": "P-256"}
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def thumbprint(jwk: Document) -> str:
    """RFC 7638: SHA-256 over the required members in lexical order."""
    names = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}[jwk["kty"]]
    return b64u(sha256(json.dumps({name: jwk[name] for name in names}, separators=(",", ":")).encode()))


@dataclass(frozen=True)
class Key:
    """A private key with its purpose and state."""

    purpose: str
    private: Any
    state: str = "active"

    @classmethod
    def new(cls, purpose: str, state: str = "active") -> "Key":
        """A fresh key of the algorithm that fits the purpose."""
        is_token = purpose == "token"
        private = ec.generate_private_key(ec.SECP256R1()) if is_token else ed25519.Ed25519PrivateKey.generate()
        return cls(purpose, private, state)

    @property
    def jwk(self) -> Document:
        """The public half."""
        public = self.private.public_key()
        if self.purpose != "token":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64u(public.public_bytes_raw())}
        point = public.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": b64u(point.x.to_bytes(32)), "y": b64u(point.y.to_bytes(32))}

    @property
    def kid(self) -> str:
        """The thumbprint."""
        return thumbprint(self.jwk)

    def sign(self, data: bytes) -> bytes:
        """64 bytes: Ed25519, or r and the lower s of ES256."""
        if self.purpose != "token":
            return bytes(self.private.sign(data))
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + min(s, _P256_ORDER - s).to_bytes(32)


@dataclass(frozen=True)
class PublicKey:
    """A member of somebody's key set."""

    kid: str
    purpose: str
    state: str
    jwk: Document

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature fits; the state is asked elsewhere."""
        try:
            if self.jwk["crv"] == "Ed25519":
                ed25519.Ed25519PublicKey.from_public_bytes(unb64u(self.jwk["x"])).verify(signature, data)
                return True
            x, y = (int.from_bytes(unb64u(self.jwk[name])) for name in "xy")
            public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            der = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
            public.verify(der, data, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return len(signature) == 64


@dataclass
class KeyRing:
    """The keys of one instance; ``sequence`` rises with every change."""

    keys: list[Key] = field(default_factory=lambda: [Key.new(purpose) for purpose in _CURVES])
    sequence: int = 1

    def active(self, purpose: str) -> Key:
        """The key that signs for a purpose."""
        return next(key for key in self.keys if key.purpose == purpose and key.state == "active")

    def add(self, purpose: str, state: str = "pre_active") -> Key:
        """Publish one more key."""
        self.keys.append(Key.new(purpose, state))
        self.sequence += 1
        return self.keys[-1]

    def replace_identity(self) -> Key:
        """Another identity, in the place of the one that was lost."""
        self.keys = [key for key in self.keys if key.purpose != "identity"]
        return self.add("identity", "active")

    def set_state(self, kid: str, state: str) -> None:
        """Move one key to another state."""
        self.keys = [replace(key, state=state) if key.kid == kid else key for key in self.keys]
        self.sequence += 1

    def payload(self, issuer: str, instance_id: str, now: int) -> Document:
        """What the key set says at this moment."""
        keys = [{"kid": k.kid, "purpose": k.purpose, "state": k.state, "jwk": k.jwk} for k in self.keys]
        times = {"issued": now, "expires": now + 30 * 86400, "refresh_seconds": 86400}
        return {"issuer": issuer, "instance_id": instance_id, "sequence": self.sequence, **times, "keys": keys}


def make_statement(identity: Key, payload: Document, context: str = KEYSET) -> Document:
    """A signed statement."""
    body = b64u(encode(payload))
    signature = b64u(identity.sign(f"{context}.{body}".encode()))
    return {"context": context, "payload": body, "kid": identity.kid, "signature": signature}


@dataclass(frozen=True)
class KeySet:
    """A key set that was checked; ``identity`` is the thumbprint of the key that signed it."""

    issuer: str
    instance_id: str
    sequence: int
    expires: int
    identity: str
    payload: str
    keys: tuple[PublicKey, ...]

    def find(self, kid: str, purpose: str, states: tuple[str, ...] = COUNTING) -> PublicKey | None:
        """The key of that thumbprint, purpose and state."""
        fitting = (key for key in self.keys if (key.kid, key.purpose) == (kid, purpose) and key.state in states)
        return next(fitting, None)


_CODES = {
    **dict.fromkeys(("issuer", "instance_id"), "peer_identity_mismatch"),
    **{name: f"statement_{name}" for name in ("context", "identity", "signature")},
    **dict.fromkeys(("form", "kid", "algorithm"), "key_set_malformed"),
    **dict.fromkeys(("sequence", "content"), "key_set_sequence"),
    "expired": "key_set_expired",
}


def refused(rule: str) -> Problem:
    """The refusal of a key set: the code of section 3, and which of the rules behind it in ``rule``."""
    code = _CODES[rule]
    return Problem(409 if code == "peer_identity_mismatch" else 401, code, f"key set: {rule}", rule=rule)


def read_key_set(
    statement: Any,
    *,
    now: int,
    pinned: str | None = None,
    issuer: str | None = None,
    instance_id: str | None = None,
    previous: KeySet | None = None,
) -> KeySet:
    """The checked key set of a statement, or Problem with ``rule``; all rules of section 3."""
    try:
        if statement["context"] != KEYSET:
            raise refused("context")
        payload = decode_object(unb64u(statement["payload"]))
        keys = tuple(_public(item) for item in payload["keys"])
        found = KeySet(
            **{name: payload[name] for name in ("issuer", "instance_id", "sequence", "expires")},
            identity=statement["kid"],
            payload=statement["payload"],
            keys=keys,
        )
        signer = found.find(pinned or found.identity, "identity")
        signed = f"{KEYSET}.{found.payload}".encode()
        if signer is None or signer.kid != found.identity:
            raise refused("identity")
        if not signer.verify(unb64u(statement["signature"]), signed):
            raise refused("signature")
    except (KeyError, TypeError, ValueError) as error:
        raise refused("form") from error
    _check_claims(found, now, issuer, instance_id)
    _check_order(found, previous)
    return found


def _check_claims(found: KeySet, now: int, issuer: str | None, instance_id: str | None) -> None:
    if type(found.sequence) is not int or type(found.expires) is not int:
        raise refused("form")
    if found.expires + _SKEW < now:
        raise refused("expired")
    if issuer not in (None, found.issuer):
        raise refused("issuer")
    if instance_id not in (None, found.instance_id):
        raise refused("instance_id")


def _check_order(found: KeySet, previous: KeySet | None) -> None:
    if previous is None:
        return
    if found.sequence < previous.sequence:
        raise refused("sequence")
    if found.sequence == previous.sequence and _said(found) != _said(previous):
        raise refused("content")


def _said(key_set: KeySet) -> Document:
    """Content without the times, which move when the same set is published again."""
    payload = decode_object(unb64u(key_set.payload))
    return {name: value for name, value in payload.items() if name not in ("issued", "expires")}


def _public(item: Document) -> PublicKey:
    key = PublicKey(item["kid"], item["purpose"], item["state"], item["jwk"])
    if key.state not in STATES or _CURVES[key.purpose] != key.jwk["crv"]:
        raise refused("algorithm")
    if thumbprint(key.jwk) != key.kid:
        raise refused("kid")
    return key
