"""How much one peer may ask of this service, and the refusals that name it (docs/protocol.md, section 8).

Requests and messages are counted a minute by each process for itself, as they protect its own time. Octets and new
lanes are counted an hour by all processes together: each counts in memory and shares the sums every few seconds
through one small row a connection, so that a request costs a few additions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.delivery.usage import Pending, Totals
from shared.wire.discovery import QuotaLimits
from shared.wire.errors import TooMany
from shared.wire.problems import Problem

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000

SHARE_MS: Final = 5_000
"""How long a process counts for itself before it shares."""

CONTROL_PER_MINUTE: Final = 600
"""Calls a minute about the connection itself; a flood of messages leaves these."""

EXCEEDED: Final = "quota_exceeded"


@dataclass(slots=True)
class _Bucket:
    """Grants while anything is left; what is taken beyond that is owed, and paid back by time."""

    left: float
    at: int

    def take(self, count: int, capacity: int, now_ms: int) -> float:
        """Take ``count`` and return 0, or return the seconds until something is there again."""
        self.left = min(capacity, self.left + max(now_ms - self.at, 0) * capacity / MINUTE_MS)
        self.at = max(now_ms, self.at)
        if self.left < 1:
            return (1 - self.left) * MINUTE_MS / capacity / 1000
        self.left -= count
        return 0.0


@dataclass(slots=True)
class _Tally:
    """One connection's hour: what all processes had counted when last shared, and what this one has since."""

    window: int = -1
    shared: Totals = field(default_factory=lambda: Totals(0, 0))
    shared_at: int = -SHARE_MS
    octets: int = 0
    lanes: int = 0
    refused: int = 0
    last: str = ""
    last_at: int = 0
    buckets: dict[str, _Bucket] = field(default_factory=dict)


@dataclass(slots=True)
class NewLanes:
    """How many lanes a transaction may make, and how many it made."""

    limit: int
    """The quota, for who asks why."""
    left: int
    made: int = 0

    def admit(self, count: int) -> int:
        """Return how many of ``count`` may be made, counted."""
        admitted = max(min(count, self.left - self.made), 0)
        self.made += admitted
        return admitted


class Quotas:
    """The counts of one process."""

    def __init__(self, limits: QuotaLimits | None = None) -> None:
        self.limits = limits or QuotaLimits()
        self._tallies: dict[str, _Tally] = {}

    def due(self, connection_id: str, now_ms: int) -> bool:
        """Tell whether it is time to share; until that was done for the first time, others' counts are not known."""
        tally = self._tally(connection_id, now_ms)
        if tally.shared_at + SHARE_MS > now_ms:
            return False
        tally.shared_at = now_ms  # whoever asks next need not share too
        return True

    def request(self, connection_id: str, octets: int, now_ms: int, *, control: bool) -> None:
        """Count one verified request; raise `TooMany` (code ``quota_exceeded``)."""
        limits = self.limits
        if control:
            self._minute(connection_id, "control_requests", CONTROL_PER_MINUTE, 1, now_ms)
            return
        self._minute(connection_id, "requests", limits.requests_per_minute, 1, now_ms)
        tally = self._tally(connection_id, now_ms)
        if tally.shared.octets + tally.octets >= limits.bytes_per_hour:
            self._refuse(tally, "bytes", limits.bytes_per_hour, HOUR_MS, _left_of_hour(now_ms), now_ms)
        tally.octets += octets

    def messages(self, connection_id: str, count: int, now_ms: int) -> None:
        """Count the messages of a request; raise `TooMany` (code ``quota_exceeded``)."""
        self._minute(connection_id, "messages", self.limits.messages_per_minute, count, now_ms)

    def new_lanes(self, connection_id: str, now_ms: int) -> NewLanes:
        """Return how many lanes may still be made in this hour."""
        tally = self._tally(connection_id, now_ms)
        limit = self.limits.new_lanes_per_hour
        return NewLanes(limit, max(limit - tally.shared.lanes - tally.lanes, 0))

    def made(self, connection_id: str, lanes: NewLanes, now_ms: int) -> None:
        """Count the lanes a transaction has made, once it is committed."""
        self._tally(connection_id, now_ms).lanes += lanes.made

    def pending(self, connection_id: str, now_ms: int) -> Pending:
        """Return what is to be shared."""
        tally = self._tally(connection_id, now_ms)
        return Pending(tally.window, tally.octets, tally.lanes, tally.refused, tally.last, tally.last_at)

    def shared(self, connection_id: str, pending: Pending, totals: Totals) -> None:
        """Take over the sums of all processes after ``pending`` was added to them."""
        tally = self._tallies[connection_id]
        if tally.window != pending.window:
            return
        tally.shared = totals
        tally.octets -= pending.octets
        tally.lanes -= pending.lanes
        tally.refused -= pending.refused

    def _tally(self, connection_id: str, now_ms: int) -> _Tally:
        tally = self._tallies.get(connection_id)
        if tally is None:
            tally = self._tallies[connection_id] = _Tally()
        window = now_ms - now_ms % HOUR_MS
        if tally.window != window:
            tally.window, tally.shared = window, Totals(0, 0)
            tally.octets = tally.lanes = tally.refused = 0
        return tally

    def _minute(self, connection_id: str, quota: str, limit: int, count: int, now_ms: int) -> None:
        tally = self._tally(connection_id, now_ms)
        bucket = tally.buckets.get(quota)
        if bucket is None:
            bucket = tally.buckets[quota] = _Bucket(limit, now_ms)
        wait = bucket.take(count, limit, now_ms)
        if wait:
            self._refuse(tally, quota, limit, MINUTE_MS, wait, now_ms)

    def _refuse(self, tally: _Tally, quota: str, limit: int, window_ms: int, wait_s: float, now_ms: int) -> None:
        tally.refused += 1
        tally.last, tally.last_at = quota, now_ms
        raise exceeded(quota, limit, window_ms // 1000, wait_s)


def exceeded(quota: str, limit: int, window_s: int, wait_s: float) -> TooMany:
    """Return the refusal that names a quota, its limit, and when to come back."""
    seconds = max(1, math.ceil(wait_s))
    return TooMany(
        f"At most {limit} {_NAMES[quota]} in {window_s} seconds on one connection",
        code=EXCEEDED,
        cause=f"The quota {quota!r} is used up.",
        fix=f"Send again in {seconds} seconds; nothing of this request was taken.",
        retry_after=seconds,
        extra={"quota": quota, "limit": limit, "window_seconds": window_s},
    )


def lanes_used_up(lanes: NewLanes | None, now_ms: int) -> Problem:
    """Return why a message that would begin one lane too many is deferred."""
    limit = lanes.limit if lanes else 0
    return Problem.from_error(exceeded("new_lanes", limit, HOUR_MS // 1000, _left_of_hour(now_ms)), 429)


def _left_of_hour(now_ms: int) -> float:
    return (HOUR_MS - now_ms % HOUR_MS) / 1000


_NAMES: Final[Mapping[str, str]] = {
    "requests": "requests",
    "control_requests": "calls about the connection itself",
    "messages": "messages",
    "bytes": "octets of requests",
    "new_lanes": "new lanes",
}
