"""What may be asked for whom, and what the answers of a provider mean."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from shared.wire.errors import FieldError, Invalid
from shared.wire.problems import Problem
from shared.wire.self_service import REQUEST_ATTRIBUTES, RequestState

LOOK: Final = timedelta(minutes=5)
"""How often an open request is looked at."""
LEASE: Final = timedelta(minutes=1)
"""How long a worker has for a call before another one makes it too."""
LATEST: Final = timedelta(hours=1)
"""A call that failed is made again after this at the latest."""

NOT_ASKED: Final = frozenset({"AccountKey", "EmailAddress", "LoginId", "RequestTypeCd"})
"""Attributes that nobody gives: the address is the person's own, the provider knows the rest by the connection."""

FINAL: Final = frozenset(
    {
        RequestState.APPROVED,
        RequestState.REJECTED,
        RequestState.WITHDRAWN,
        RequestState.EXPIRED,
    }
)
"""States of a request that do not change any more (docs/protocol.md, section 11)."""

_REFUSALS: Final = frozenset(
    {"requests_closed", "not_found", "method_not_allowed", "connection_closed", "connection_unknown"}
)


class Handover(StrEnum):
    """How far a request has come to the provider."""

    WAITING = "Waiting"
    """To be handed over; tried until there is an answer."""
    TAKEN = "Taken"
    REFUSED = "Refused"
    """The provider will not have it, as it is."""
    LOST = "Lost"
    """The provider took it and does not know it any more."""


def final(problem: Problem) -> bool:
    """Tell whether a refusal stays what it is, however often the same request is sent."""
    return problem.status == 422 or problem.code in _REFUSALS


def pause(attempts: int) -> timedelta:
    """Return how long to wait after this many failures in a row."""
    return min(timedelta(seconds=30 * 2 ** min(attempts - 1, 10)), LATEST)


def relayable(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that go to the provider, empty ones left out.

    Raises `Invalid` (``attribute_invalid``) naming each that nobody may give or that is too long.
    """
    kept = {name: value for name, value in given.items() if value not in (None, "")}
    faults = [FieldError(f"/attributes/{name}", why) for name, value in kept.items() if (why := _fault(name, value))]
    if faults:
        raise Invalid("The request does not have what it takes", code="attribute_invalid", errors=faults)
    return kept


def _fault(name: str, value: object) -> str:
    if name in NOT_ASKED:
        return "Not asked for: it follows from the person and the connection"
    if name.endswith("_c"):
        return ""
    limit = REQUEST_ATTRIBUTES.get(name)
    if limit is None:
        return "There is no such attribute"
    fits = isinstance(value, str) and len(value) <= limit and value.isprintable()
    return "" if fits else f"Not one line of at most {limit} characters"
