"""Names, order and limits of the profile ``service-exchange-1`` (RFC 9421, RFC 9530; design: protocol.md).

One layout only: whatever could be spelled in two ways is accepted in one. That makes the verifier a comparison of
strings, and leaves nothing for two readers to read differently.
"""

import re
from typing import Final

LABEL: Final = "sx"
"""The one label in ``Signature-Input`` and ``Signature``."""

LIFETIME_SECONDS: Final = 60
"""``expires`` is at most this long after ``created``; so is the age a request may reach."""

FUTURE_SECONDS: Final = 10
"""How far in the future ``created`` may lie, for clocks that differ."""

UNSAFE_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change something: always with a body."""

METHODS: Final = UNSAFE_METHODS | {"GET"}
"""Every method of the profile."""

NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""At least 128 bits in base64url without padding."""

THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""256 bits in base64url without padding: a key id (RFC 7638)."""

CONNECTION_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
IDEMPOTENCY_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
CONTENT_TYPE: Final = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")

TARGET: Final = re.compile(
    r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:/(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9._-]+)+/?(?:\?[A-Za-z0-9._~%=&:,+-]+)?"
)
"""An absolute target: issuer, path of ``[A-Za-z0-9._/-]`` without empty or dot segments, query of unreserved words."""

DIGEST: Final = re.compile(r"sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:")
"""``Content-Digest`` with one SHA-256 member (RFC 9530 section 2), canonical base64."""

SIGNATURE: Final = re.compile(LABEL + r"=:([A-Za-z0-9+/]{85}[AQgw]==):")
"""``Signature`` with one member of 64 bytes."""
