"""Calls to consumers, run by the worker: what is sent to them, and how far both sides have come after a restore."""

from provider_service.connections.calls.reconciling import reconciles_due
from provider_service.connections.calls.sending import (
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
    "reconciles_due",
    "refreshes_due",
    "send",
    "send_beat",
]
