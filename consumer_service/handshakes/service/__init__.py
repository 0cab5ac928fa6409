"""Use cases of the handshake, one module a concern; callers import the names from here."""

from consumer_service.handshakes.service.ending import (
    cancel,
    cancel_by_peer,
    follow,
    noticed,
    notices,
    provider_key,
    unfinished,
)
from consumer_service.handshakes.service.progress import comparison, status, view
from consumer_service.handshakes.service.saga import (
    Attempt,
    Peer,
    announced,
    begin,
    completed,
    completion,
    completions_due,
    confirm,
    note_failure,
    peer,
    ready,
    returned,
    wrong_code,
)

__all__ = [
    "Attempt",
    "Peer",
    "announced",
    "begin",
    "cancel",
    "cancel_by_peer",
    "comparison",
    "completed",
    "completion",
    "completions_due",
    "confirm",
    "follow",
    "note_failure",
    "noticed",
    "notices",
    "peer",
    "provider_key",
    "ready",
    "returned",
    "status",
    "unfinished",
    "view",
    "wrong_code",
]
