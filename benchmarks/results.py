"""What a measurement is, and how several become one."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Throughput:
    """One drained backlog."""

    records: int
    seconds: float
    sender_cpu: float
    """CPU seconds of the sending process."""
    receiver_cpu: float
    """CPU seconds of the receiving process; a database server's own are not in it."""

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def sender_us(self) -> float:
        """CPU microseconds a record at the sender."""
        return self.sender_cpu / self.records * 1e6

    @property
    def receiver_us(self) -> float:
        """CPU microseconds a record at the receiver."""
        return self.receiver_cpu / self.records * 1e6


@dataclass(frozen=True, slots=True)
class Latency:
    """Single writes under light load; milliseconds."""

    p50: float
    p99: float
    writes: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Latency":
        """Return the quantiles of the values."""
        ordered = sorted(milliseconds)
        last = len(ordered) - 1
        return cls(statistics.median(ordered), ordered[round(last * 0.99)], len(ordered))


@dataclass(frozen=True, slots=True)
class Cell:
    """Medians over the rounds of one measurement."""

    rate: float
    sender_us: float
    receiver_us: float
    spread: tuple[float, float]
    """Lowest and highest rate among the rounds."""
    rounds: int


def median(rounds: Sequence[Throughput]) -> Cell:
    """Return the medians of the rounds, each figure by itself."""
    rates = [one.rate for one in rounds]
    return Cell(
        rate=statistics.median(rates),
        sender_us=statistics.median(one.sender_us for one in rounds),
        receiver_us=statistics.median(one.receiver_us for one in rounds),
        spread=(min(rates), max(rates)),
        rounds=len(rounds),
    )
