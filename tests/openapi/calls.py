"""Calling an operation with what is known of the prepared world."""

from typing import Any

import requests

from shared.wire.identifiers import new_id
from tests.openapi import table
from tests.openapi.door import Door


def path_of(door: Door, operation: dict[str, Any], call: table.Call | None = None) -> dict[str, str]:
    """Return known values for an operation's path parameters."""
    names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"]
    renamed = dict(call.path) if call else {}
    for alias, uses in table.ALIASES.items():
        if operation["operationId"] in uses:
            renamed |= dict.fromkeys(names, alias)
    return {name: door.known[renamed.get(name, name)] for name in names}


def conditions_of(door: Door, path: str, operation: dict[str, Any], call: table.Call | None = None) -> dict[str, str]:
    """Return the conditional and idempotency headers an operation asks for."""
    asked = {parameter["name"].lower() for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
    given = {}
    if "idempotency-key" in asked:
        given["Idempotency-Key"] = new_id()
    if "if-match" in asked:
        record = path.removesuffix("/roles").format(**path_of(door, operation, call))
        found = requests.get(door.instance.issuer + record, headers=door.credentials(record), timeout=10)
        given["If-Match"] = found.headers.get("ETag") or f'"{found.json()["user"]["version"]}"'
    return given


def body_of(door: Door, operation: dict[str, Any], call: table.Call | None = None) -> dict[str, Any]:
    """Return the media type and body an operation is called with: the table's, else the document's example."""
    if "requestBody" not in operation:
        return {}
    ((media, content),) = operation["requestBody"]["content"].items()
    body = call.body if call and call.body is not None else content.get("example", {})
    return {"media_type": media, "body": {name: _known(door, value) for name, value in body.items()}}


def _known(door: Door, value: Any) -> Any:
    return [_known(door, one) for one in value] if isinstance(value, list) else door.known.get(str(value), value)
