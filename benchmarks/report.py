"""Tells what was measured: a table for people, a file for programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.plan import BATCHES, GOAL_P50_MS, GOAL_P99_MS, GOAL_RATES, GOAL_RATIO
from benchmarks.results import Cell, Latency


@dataclass(slots=True)
class Subject:
    """All figures of product or prototype on one engine."""

    rates: dict[int, Cell] = field(default_factory=dict)
    """By batch size."""
    latency: Latency | None = None


@dataclass(slots=True)
class Engine:
    """Both subjects on one engine."""

    version: str
    prototype: Subject = field(default_factory=Subject)
    product: Subject = field(default_factory=Subject)

    def ratio(self, batch: int) -> float | None:
        """Return the product's share of the prototype's records a second, None where one was not measured."""
        ours, bare = self.product.rates.get(batch), self.prototype.rates.get(batch)
        return ours.rate / bare.rate if ours is not None and bare is not None else None


@dataclass(slots=True)
class Report:
    """One run."""

    machine: dict[str, Any]
    load_before: float
    engines: dict[str, Engine] = field(default_factory=dict)
    load_after: float = 0.0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        document = asdict(self)
        for name, engine in self.engines.items():
            document["engines"][name]["ratios"] = {batch: engine.ratio(batch) for batch in BATCHES}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the tables and how the goals were met."""
        for name, engine in self.engines.items():
            console.print(_throughput(engine))
            console.print(_latency(engine))
            for line in _goals(name, engine):
                console.print(line)
            console.print()
        console.print(
            f"Load average {self.load_before:g} before and {self.load_after:g} after "
            f"({self.machine['processors']} processors); {self.seconds:.0f} s."
        )


def _throughput(engine: Engine) -> Table:
    table = Table(title=f"{engine.version}: a backlog over one connection, 1 kB a record", title_justify="left")
    for heading in ("batch", "", "records/s", "lowest", "highest", "sender CPU", "receiver CPU", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for batch in BATCHES:
        for label, subject in (("prototype", engine.prototype), ("product", engine.product)):
            cell = subject.rates.get(batch)
            if cell is None:
                continue
            ratio = engine.ratio(batch) if label == "product" else None
            table.add_row(
                str(batch),
                label,
                f"{cell.rate:,.0f}",
                f"{cell.spread[0]:,.0f}",
                f"{cell.spread[1]:,.0f}",
                f"{cell.sender_us:.0f} us",
                f"{cell.receiver_us:.0f} us",
                "" if ratio is None else f"{ratio:.2f}",
            )
    return table


def _latency(engine: Engine) -> Table:
    table = Table(
        title="Single writes under light load, from the local write to the peer's verdict", title_justify="left"
    )
    for heading in ("", "p50", "p99", "writes"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for label, subject in (("prototype", engine.prototype), ("product", engine.product)):
        if subject.latency is not None:
            latency = subject.latency
            table.add_row(label, f"{latency.p50:.1f} ms", f"{latency.p99:.1f} ms", str(latency.writes))
    return table


def _goals(name: str, engine: Engine) -> list[str]:
    lines = []
    ratio, cell, latency = engine.ratio(100), engine.product.rates.get(100), engine.product.latency
    if ratio is not None:
        lines.append(_goal(ratio >= GOAL_RATIO, f"ratio at 100: {ratio:.2f}", f"{GOAL_RATIO:g} or more"))
    if cell is not None:
        wanted = GOAL_RATES[name]
        lines.append(
            _goal(cell.rate >= wanted, f"records/s at 100: {cell.rate:,.0f}", f"{wanted:,} on an idle machine")
        )
    if latency is not None:
        met = latency.p50 <= GOAL_P50_MS and latency.p99 <= GOAL_P99_MS
        wanted_ms = f"{GOAL_P50_MS:g} and {GOAL_P99_MS:g} ms"
        lines.append(_goal(met, f"p50 and p99: {latency.p50:.1f} and {latency.p99:.1f} ms", wanted_ms))
    return lines


def _goal(met: bool, found: str, wanted: str) -> str:
    return f"  {'met   ' if met else 'missed'}  {found} (goal: {wanted})"
