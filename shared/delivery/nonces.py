"""Nonces of verified requests: each counts once per key, durably, and commits with the effect of its request."""

from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from shared.delivery.statements import insert_one_missing
from shared.delivery.tables import nonces
from shared.wire.errors import Unauthenticated

KEPT_AFTER_EXPIRY_S: Final = 70
"""A nonce outlives its request's expiry by more than the clock skew allowed."""


class NonceSeen(Unauthenticated):
    """The request was made before: a replay, or a retry that forgot to sign anew."""

    code = "nonce_seen"
    title = "This signed request was already received"


def remember(session: Session, key_id: str, nonce: str, expires_at: int) -> None:
    """Remember the nonce until well past ``expires_at`` (unix seconds); raise `NonceSeen` if it is known."""
    row = {"key_id": key_id, "nonce": nonce, "expires_at": expires_at}
    if not insert_one_missing(session, nonces, row):
        raise NonceSeen(
            "The nonce of this request was used before",
            cause="Every request carries its own nonce; this one was sent twice.",
            fix="Sign the same bytes again with a fresh nonce.",
        )


def purge_nonces(session: Session, now_ms: int) -> None:
    """Forget the nonces whose requests the age check refuses anyway."""
    session.execute(delete(nonces).where(nonces.c.expires_at < now_ms // 1000 - KEPT_AFTER_EXPIRY_S))
