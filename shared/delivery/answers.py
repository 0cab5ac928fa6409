"""Stored answers of idempotent calls: the same key and body get the same answer, and the effect happens once.

After draft-ietf-httpapi-idempotency-key-header; the answer is stored in the transaction of the effect, so one exists
exactly when the other does (design: protocol.md, *Handshake*; quality.md, *API conventions* 7).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, delete, select, update
from sqlalchemy.orm import Session

from shared.delivery.statements import insert_one_missing
from shared.delivery.tables import delivery_metadata
from shared.wire.errors import Invalid

KEPT_DAYS: Final = 30
"""How long a key is remembered."""

answers = Table(
    "delivery_answers",
    delivery_metadata,
    Column("owner", String(120), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it is kept and given again."""

    status: int
    body: str
    """JSON text."""
    replayed: bool = False
    """True where it was given before."""


def fingerprint(method: str, target: str, body: bytes) -> str:
    """Return what makes two requests the same one."""
    return hashlib.sha256(f"{method} {target}\n".encode() + body).hexdigest()


def once(
    session: Session,
    *,
    owner: str,
    key: str,
    wanted: str,
    work: Callable[[], StoredAnswer],
    now_ms: int,
) -> StoredAnswer:
    """Return the stored answer of ``key``, or do ``work`` and store its answer, all in this transaction.

    ``owner`` separates callers; ``wanted`` is the request's `fingerprint`. Raises `Invalid`
    (``idempotency_key_reused``) where the key stood for another request. A second call that comes while the first one
    runs waits for it.
    """
    row = {"owner": owner, "key": key, "fingerprint": wanted, "status": 0, "body": "", "created_at": now_ms}
    mine = (answers.c.owner == owner, answers.c.key == key)
    if not insert_one_missing(session, answers, row):
        known = session.execute(select(answers).where(*mine)).one()
        if known.fingerprint != wanted:
            raise Invalid(
                "The idempotency key was used for another request",
                code="idempotency_key_reused",
                cause="A key stands for one request: the same method, address and body.",
                fix="Use a new key for a new request.",
            )
        return StoredAnswer(known.status, known.body, replayed=True)
    answer = work()
    session.execute(update(answers).where(*mine).values(status=answer.status, body=answer.body))
    return answer


def purge_answers(session: Session, now_ms: int) -> None:
    """Forget keys older than `KEPT_DAYS`."""
    session.execute(delete(answers).where(answers.c.created_at < now_ms - KEPT_DAYS * 86_400_000))
