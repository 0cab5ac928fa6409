"""Passwords into argon2id hashes and back into a verdict. Slow on purpose: call it outside a transaction."""

from dataclasses import dataclass, field
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password somebody chose, with its hash; the rules for it are checked where the person is known."""

    plain: str = field(repr=False)
    hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right."""

    right: bool
    rehashed: str | None = field(default=None, repr=False)
    """A hash of today's cost, where the stored one is cheaper."""


class Hasher:
    """argon2id of one cost (RFC 9106)."""

    def __init__(self, *, time_cost: int, memory_kib: int, parallelism: int) -> None:
        argon2 = Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._passwords = PasswordHash((argon2,))
        self._nobodys = self._passwords.hash("a password that nobody has")

    def prepare(self, password: str) -> NewPassword:
        """Hash a chosen password."""
        return NewPassword(password, self._passwords.hash(password))

    def check(self, password: str, stored: str | None) -> Verdict:
        """Compare with a stored hash; with none, do the same work and say no."""
        right, rehashed = self._passwords.verify_and_update(password, stored or self._nobodys)
        return Verdict(right, rehashed) if right and stored is not None else Verdict(False)


@lru_cache(maxsize=4)
def hasher(time_cost: int, memory_kib: int, parallelism: int) -> Hasher:
    """Return the hasher of a cost; the same one every time."""
    return Hasher(time_cost=time_cost, memory_kib=memory_kib, parallelism=parallelism)
