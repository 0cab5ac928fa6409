"""The comparison code: what two people read to each other so that nobody stands between their instances.

Both sides compute it from what they have seen; a machine in the middle would have to find keys or nonces with the same
40 bits, and the consumer's nonce is committed to before the provider's is known (design: protocol.md, *Handshake*).
"""

import hashlib
from typing import Final

_CONTEXT: Final = "service-exchange-comparison-v1"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_BITS_PER_SYMBOL: Final = 5
_SYMBOLS: Final = 8


def comparison_code(
    *,
    provider_issuer: str,
    consumer_issuer: str,
    provider_id: str,
    consumer_id: str,
    provider_jkt: str,
    consumer_jkt: str,
    number: str,
    nonce_p: str,
    nonce_c: str,
) -> str:
    """40 bits of SHA-256 over context and arguments, joined by newlines, as ``XXXX-XXXX`` (docs/protocol.md, reveal).

    Issuers are origins, ids instance ids, ``jkt`` thumbprints of the identity keys; ``number`` is the
    registration's. Raises `ValueError` if one of them holds a newline.
    """
    lines = (
        _CONTEXT,
        provider_issuer,
        consumer_issuer,
        provider_id,
        consumer_id,
        provider_jkt,
        consumer_jkt,
        number,
        nonce_p,
        nonce_c,
    )
    if any("\n" in line for line in lines):
        raise ValueError("a newline would let two lists of arguments read alike")
    value = int.from_bytes(hashlib.sha256("\n".join(lines).encode()).digest()[:5], "big")
    shifts = range((_SYMBOLS - 1) * _BITS_PER_SYMBOL, -1, -_BITS_PER_SYMBOL)
    symbols = "".join(_ALPHABET[value >> shift & 31] for shift in shifts)
    return f"{symbols[:4]}-{symbols[4:]}"


def same_code(typed: str, expected: str) -> bool:
    """Whether a person typed ``expected``: case, spaces and dashes aside, and I, L and O read as 1, 1 and 0."""
    spelled = typed.upper().replace("-", "").replace(" ", "").translate(str.maketrans("ILO", "110"))
    return spelled == expected.replace("-", "")
