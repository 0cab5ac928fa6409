"""The record that travels: about 1 kB of JSON as a message, the same for prototype and product."""

import json
import secrets
import time
from typing import Any

MESSAGE_BYTES = 1000
"""Size the finished message is brought to."""


def new_id() -> str:
    """Return a UUID that grows with time (version 7), as both sides' keys do."""
    moment = int(time.time() * 1000)
    tail = secrets.token_hex(10)
    return f"{moment >> 16:08x}-{moment & 0xFFFF:04x}-7{tail[:3]}-8{tail[3:6]}-{tail[6:18]}"


def fields(number: int) -> dict[str, str]:
    """Return the fields of one incident."""
    return {
        "short_description": f"Mail cannot be sent from floor {number % 40}",
        "description": f"Case {number}. " + "The message stays in the outbox; a restart did not help. " * 8,
        "state": "in_progress",
        "impact": "2 - medium",
        "urgency": "2 - medium",
        "priority": "3 - moderate",
        "category": "software",
        "subcategory": "mail",
        "caller": "Robin Example",
    }


def message(number: int) -> tuple[str, str]:
    """Return id and JSON text of one message, its shape that of the protocol, its size `MESSAGE_BYTES`."""
    identity = new_id()
    data: dict[str, Any] = {
        "op": "create",
        "record_id": new_id(),
        "number": f"INC{number:07d}",
        "change_id": new_id(),
        "seen": 0,
        "fields": fields(number),
    }
    document = {
        "id": identity,
        "lane": new_id(),
        "sequence": 1,
        "type": "incident",
        "time": "2026-11-01T10:00:00.000Z",
        "subject": f"INC{number:07d}",
        "data": data,
    }
    surplus = len(_text(document)) - MESSAGE_BYTES
    if surplus > 0:
        data["fields"]["description"] = data["fields"]["description"][:-surplus]
    return identity, _text(document)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
