"""When to try a peer again: a pure schedule (design: protocol.md, *Delivery*)."""

from collections.abc import Callable
from typing import Final

SCHEDULE_MS: Final = (1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000)
"""Pause after the first, second, … failure in a row; the last one goes on for ever."""

JITTER: Final = 0.2
"""Part by which a pause is lengthened or shortened, so that peers do not return all at once."""

RETRY_AFTER_CAP_MS: Final = 3_600_000
"""Longest wait a peer may ask for."""


def pause_ms(failures: int, *, random: Callable[[], float], retry_after_s: float | None = None) -> int:
    """Return the pause after ``failures`` (from 1) failures in a row; ``random`` draws from [0, 1).

    A peer's Retry-After is honoured up to `RETRY_AFTER_CAP_MS`, exactly as it asked.
    """
    if retry_after_s is not None:
        return min(max(round(retry_after_s * 1000), 0), RETRY_AFTER_CAP_MS)
    pause = SCHEDULE_MS[min(failures, len(SCHEDULE_MS)) - 1]
    return round(pause * (1 - JITTER + 2 * JITTER * random()))
