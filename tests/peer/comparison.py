"""The comparison code two people hold against each other, and the commitment before it (section 7)."""

from dataclasses import astuple, dataclass

from tests.peer.wire import b64u, sha256, unb64u

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Compared:
    """What the code speaks for, in the order of its lines."""

    issuer_p: str
    issuer_c: str
    instance_p: str
    instance_c: str
    identity_p: str
    identity_c: str
    number: str
    nonce_p: str
    nonce_c: str

    def code(self) -> str:
        """``XXXX-XXXX``: the first 40 bits of the SHA-256 over the lines."""
        lines = ("service-exchange-comparison-v1", *astuple(self))
        bits = int.from_bytes(sha256("\n".join(lines).encode())[:5], "big")
        letters = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))
        return f"{letters[:4]}-{letters[4:]}"


def commitment(nonce_c: str) -> str:
    """What C says about its nonce before it shows it: the hash of its 32 bytes."""
    return b64u(sha256(unb64u(nonce_c)))
