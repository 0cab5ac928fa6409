"""``Idempotency-Key`` on unsafe calls: same body, stored answer; other body, 422; still running, 409.

After draft-ietf-httpapi-idempotency-key-header. The decision is pure; the service keeps the records, in the same
transaction as the effect, so an answer is stored exactly when its effect is (design: quality.md, 7).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Protocol

from fastapi import Depends, Header

from shared.signing.profile import IDEMPOTENCY_KEY
from shared.transport.errors import BadFraming
from shared.wire.errors import Conflict, Invalid

REPLAYED_HEADER: Final = "idempotency-replayed"
"""Set to ``true`` on an answer that comes from the store."""

RETRY_SECONDS: Final = 1
"""When to ask again while the first call is still running."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it is kept and given again."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known about a key: the request it stood for, and its answer unless that is still being worked out."""

    fingerprint: str
    answer: StoredAnswer | None


class Records(Protocol):
    """Where a service keeps its keys. ``owner`` separates callers: a key means nothing outside its owner."""

    def claim(self, owner: str, key: str, fingerprint: str) -> Record | None:
        """Note that the key is being worked on and return None; or return what is known about it, unchanged."""

    def finish(self, owner: str, key: str, answer: StoredAnswer) -> None:
        """Keep the answer of a claimed key."""


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what makes two requests the same one: method, path and body, hashed."""
    head = f"{method} {path}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def decide(known: Record | None, wanted: str) -> StoredAnswer | None:
    """Return the answer to give again, or None where the work is to be done.

    Raises `Invalid` (``idempotency_key_reused``) and `Conflict` (``idempotency_running``).
    """
    if known is None:
        return None
    if known.fingerprint != wanted:
        raise Invalid(
            "The idempotency key was used for another request",
            code="idempotency_key_reused",
            cause="A key stands for one request: the same method, path and body.",
            fix="Use a new key for a new request.",
        )
    if known.answer is None:
        raise Conflict(
            "The first request with this key is still running",
            code="idempotency_running",
            fix="Ask again in a moment, with the same key and body.",
            retry_after=RETRY_SECONDS,
        )
    return known.answer


def once(
    records: Records, *, owner: str, key: str, wanted: str, work: Callable[[], StoredAnswer]
) -> tuple[StoredAnswer, bool]:
    """Do ``work`` unless its answer is stored; return the answer and whether it was given before.

    Call it inside the transaction of the effect: an exception leaves neither effect nor record.
    """
    stored = decide(records.claim(owner, key, wanted), wanted)
    if stored is not None:
        return stored, True
    answer = work()
    records.finish(owner, key, answer)
    return answer, False


async def required_key(
    idempotency_key: Annotated[
        str | None, Header(description="Your name for this request; repeat it to ask again safely.")
    ] = None,
) -> str:
    """Return the key; raise `BadFraming` (``idempotency_key_missing``, ``idempotency_key_malformed``)."""
    if idempotency_key is None:
        raise BadFraming(
            "The header Idempotency-Key is missing",
            code="idempotency_key_missing",
            fix="Send a fresh random key with every new request, and the same one when you repeat it.",
        )
    if not IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise BadFraming(
            "The idempotency key is not well formed",
            code="idempotency_key_malformed",
            fix="Use 1 to 128 characters of A-Z a-z 0-9 . _ : -",
        )
    return idempotency_key


IdempotencyKey = Annotated[str, Depends(required_key)]
"""The parameter of an operation that needs a key."""
