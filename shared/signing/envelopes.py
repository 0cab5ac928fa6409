"""Envelopes: secrets at rest under a fresh data key each, itself under a named master key (design: protocol.md).

``sx1.<master>.<version>.<wrapped data key>.<secret>``, both parts AES-256-GCM with a random 96-bit nonce in front
(never a counter: a restore would rewind it). Associated data are version, table, row and column, so that no envelope
can be put in another's place; the master key's name is bound to the wrapped key.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import EnvelopeMalformed, EnvelopeMasterUnknown, EnvelopeTampered

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENVELOPE: Final = re.compile(rf"sx1\.({_NAME.pattern})\.(0|[1-9][0-9]{{0,17}})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key-encrypting key from the environment or a file. Raises `ValueError` unless it has 32 bytes and a name."""

    name: str
    """Letters, digits, ``_`` and ``-``; stands in every envelope it wraps."""
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None or len(self.secret) != KEY_BYTES:
            raise ValueError(f"A master key has a name of letters, digits, _ and -, and {KEY_BYTES} bytes")


class MasterKeys(dict[str, MasterKey]):
    """Master keys by name: the first seals, all open. Those of the identity key stand apart from them."""

    def __init__(self, common: Iterable[MasterKey], identity: Iterable[MasterKey]) -> None:
        super().__init__((key.name, key) for key in common)
        self.identity = {key.name: key for key in identity}
        """Empty in a process that has no business with the identity."""


@dataclass(frozen=True, slots=True)
class _Envelope:
    master: str
    version: str
    wrapped: bytes
    sealed: bytes

    @classmethod
    def parse(cls, text: str) -> "_Envelope":
        parts = _ENVELOPE.fullmatch(text)
        if parts is None:
            raise EnvelopeMalformed
        try:
            return cls(parts[1], parts[2], from_base64url(parts[3]), from_base64url(parts[4]))
        except ValueError as error:
            raise EnvelopeMalformed(f"Its bytes are {error}") from error

    def __str__(self) -> str:
        return f"sx1.{self.master}.{self.version}.{to_base64url(self.wrapped)}.{to_base64url(self.sealed)}"

    def place(self, table: str, row: str, column: str) -> bytes:
        return _joined(self.version, table, row, column)

    def data_key(self, masters: Mapping[str, MasterKey], place: bytes) -> bytes:
        master = masters.get(self.master)
        if master is None:
            raise EnvelopeMasterUnknown(
                f"The master key {self.master} is not configured",
                fix="Configure it beside the present one, then rewrap",
            )
        return _decrypt(master.secret, self.wrapped, _wrapping(self.master, place))


def seal(plaintext: bytes, *, master: MasterKey, version: int, table: str, row: str, column: str) -> str:
    """Close ``plaintext`` in an envelope that opens only in this place. ``version`` counts the secret's versions."""
    place = _joined(str(version), table, row, column)
    data_key = os.urandom(KEY_BYTES)
    wrapped = _encrypt(master.secret, data_key, _wrapping(master.name, place))
    return str(_Envelope(master.name, str(version), wrapped, _encrypt(data_key, plaintext, place)))


def open_sealed(text: str, *, masters: Mapping[str, MasterKey], table: str, row: str, column: str) -> bytes:
    """The secret; raises `EnvelopeMalformed`, `EnvelopeMasterUnknown` or `EnvelopeTampered`."""
    envelope = _Envelope.parse(text)
    place = envelope.place(table, row, column)
    return _decrypt(envelope.data_key(masters, place), envelope.sealed, place)


def rewrap(text: str, *, masters: Mapping[str, MasterKey], master: MasterKey, table: str, row: str, column: str) -> str:
    """The same envelope under ``master``: the data key is wrapped anew, the secret itself stays closed.

    Raises what `open_sealed` raises.
    """
    envelope = _Envelope.parse(text)
    place = envelope.place(table, row, column)
    data_key = envelope.data_key(masters, place)
    wrapped = _encrypt(master.secret, data_key, _wrapping(master.name, place))
    return str(_Envelope(master.name, envelope.version, wrapped, envelope.sealed))


def sealed_under(text: str) -> str:
    """Name of the master key that ``text`` needs, to find what is still to rewrap; raises `EnvelopeMalformed`."""
    return _Envelope.parse(text).master


def _encrypt(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def _decrypt(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError) as error:
        raise EnvelopeTampered(
            cause="The master key of that name is another one, or the row was changed or copied from elsewhere"
        ) from error


def _wrapping(master: str, place: bytes) -> bytes:
    return _joined("wrap", master) + place


def _joined(*parts: str) -> bytes:
    """Length before text, so that no two lists of parts run together to the same bytes."""
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
