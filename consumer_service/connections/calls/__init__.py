"""Calls to providers, run by the worker: what is sent to them, and what is fetched where they cannot call us."""

from consumer_service.connections.calls.pulling import pull, pull_forever
from consumer_service.connections.calls.reconciling import reconciles_due
from consumer_service.connections.calls.sending import (
    Line,
    Lines,
    call_over,
    goodbyes_due,
    heartbeats_due,
    key_notices_due,
    line_to,
    refreshes_due,
    send,
    send_beat,
)

__all__ = [
    "Line",
    "Lines",
    "call_over",
    "goodbyes_due",
    "heartbeats_due",
    "key_notices_due",
    "line_to",
    "pull",
    "pull_forever",
    "reconciles_due",
    "refreshes_due",
    "send",
    "send_beat",
]
