"""How much is measured: the whole run and the quick one."""

from dataclasses import dataclass
from typing import Final

BATCHES: Final = (1, 10, 100)

GOAL_RATIO: Final = 0.6
"""Share of the prototype's records a second that the product is to reach with batches of 100."""

GOAL_RATES: Final = {"sqlite": 10_000, "postgresql": 7_000}
"""Records a second with batches of 100 on two cores that do nothing else (design: quality.md, Performance bars)."""

GOAL_P50_MS: Final = 15.0
GOAL_P99_MS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of one run."""

    rounds: int
    """Each throughput is measured this often, product and prototype by turns; the median counts."""
    backlog: dict[int, int]
    """Messages drained, by batch size."""
    writes: int
    """Single writes for the latency."""
    pause: float
    """Seconds between them."""


FULL: Final = Plan(rounds=3, backlog={1: 800, 10: 5_000, 100: 20_000}, writes=150, pause=0.05)
QUICK: Final = Plan(rounds=1, backlog={1: 240, 10: 1_600, 100: 8_000}, writes=40, pause=0.03)
