"""A day of heartbeats as a bar of hours; pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from consumer_service.connections.domain import SLOW_AFTER
from consumer_service.connections.schemas import RoundTrip

HOURS: Final = 24


def by_hour(beats: Sequence[RoundTrip], now: datetime) -> list[dict[str, str]]:
    """Return the last 24 hours, the oldest first, as the heartbeat bar takes them: label and state."""
    last = now.replace(minute=0, second=0, microsecond=0)
    starts = [last - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    return [
        {"label": f"{start:%H:%M}", "state": _state([beat for beat in beats if _within(beat, start)])}
        for start in starts
    ]


def share_up(beats: Sequence[RoundTrip]) -> str:
    """Return the share of heartbeats that were answered, in percent; empty where there was none."""
    if not beats:
        return ""
    return f"{100 * sum(not beat.problem for beat in beats) / len(beats):.1f} %"


def _within(beat: RoundTrip, start: datetime) -> bool:
    return start <= beat.at < start + timedelta(hours=1)


def _state(beats: Sequence[RoundTrip]) -> str:
    if not beats:
        return "none"
    failed = sum(bool(beat.problem) for beat in beats)
    if failed == len(beats):
        return "down"
    slow = any((beat.round_trip_ms or 0) > SLOW_AFTER.total_seconds() * 1000 for beat in beats)
    return "slow" if failed or slow else "up"
