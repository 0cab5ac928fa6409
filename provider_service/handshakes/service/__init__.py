"""Use cases of the handshake, one module a concern; callers import the names from here."""

from provider_service.handshakes.service.consent import consent_page, decide
from provider_service.handshakes.service.ending import cancel, cancel_by_peer, expire, noticed, notices, outlived, reset
from provider_service.handshakes.service.refusals import note_announcement, note_refusal
from provider_service.handshakes.service.saga import (
    announce,
    comparison,
    complete,
    expect_announcement,
    key_set_of,
    keys_of,
    problem,
    request_authorization,
    reveal,
    seen_status,
    status,
)

__all__ = [
    "announce",
    "cancel",
    "cancel_by_peer",
    "comparison",
    "complete",
    "consent_page",
    "decide",
    "expect_announcement",
    "expire",
    "key_set_of",
    "keys_of",
    "note_announcement",
    "note_refusal",
    "noticed",
    "notices",
    "outlived",
    "problem",
    "request_authorization",
    "reset",
    "reveal",
    "seen_status",
    "status",
]
