"""What may change in a record, and whose change counts; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.wire.incident import IncidentFields
from shared.wire.problems import Problem
from shared.wire.states import Side

OUR_SIDE: Final[Side] = Side.CONSUMER
"""Concurrent changes: the provider's counts (docs/protocol.md, section 10)."""

FIELDS: Final = tuple(IncidentFields.model_fields)


class BondState(StrEnum):
    """How our copy and the peer's are tied."""

    CONNECTED = "Connected"
    DISCONNECTED = "Disconnected"
    ERROR = "Error"


@dataclass(slots=True)
class BondWork:
    """A bond while a transaction works on it."""

    id: str
    connection_id: str
    incident_id: str
    state: str
    opened_by_us: bool
    peer_record_id: str | None
    peer_number: str | None
    sent_sequence: int
    received_sequence: int
    changed: dict[str, int]
    pending: list[str]
    new: bool = False
    touched: bool = False


@dataclass(slots=True)
class IncidentWork:
    """An incident while a transaction works on it."""

    id: str
    number: str
    values: dict[str, Any]
    version: int
    new: bool = False
    touched: bool = False
    origin: str = "local"
    bonds: list[BondWork] = field(default_factory=list)


def number_of(serial: int) -> str:
    """Return the incident's number: INC and seven digits."""
    return f"INC{serial:07d}"


def differences(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of ``wanted`` is not so already."""
    return {name: value for name, value in wanted.items() if values.get(name) != value}


def settle_conflicts(bond: BondWork, seen: int, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return which of the peer's changes count here, and the fields where ours stands against it.

    A change that was made without knowing our last one of the same field is concurrent: the provider's counts. One
    that waits for the reconnection is known to nobody else.
    """
    if OUR_SIDE is Side.CONSUMER:
        return dict(wanted), []
    kept = [name for name in wanted if bond.changed.get(name, 0) > seen or name in bond.pending]
    return {name: value for name, value in wanted.items() if name not in kept}, kept


def pointer_to(place: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of a member of a message's data; names a peer made up are cut short."""
    parts = (str(part)[:80].replace("~", "~0").replace("/", "~1") for part in place)
    return "/".join(("/data", *parts))


def refusal(code: str, detail: str, fix: str = "", pointer: str = "") -> Problem:
    """Return why a message is rejected."""
    errors = [{"pointer": pointer, "detail": detail}] if pointer else []
    told = {"code": code, "title": "Not applied", "status": 422, "detail": detail, "fix": fix, "errors": errors}
    return Problem.model_validate(told)
