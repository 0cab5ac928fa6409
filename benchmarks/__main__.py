"""``python -m benchmarks``: run, print, save."""

import argparse
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from benchmarks.databases import ENGINES, Databases, databases
from benchmarks.plan import BATCHES, FULL, QUICK, Plan
from benchmarks.product.pair import ProductPair, product_pair
from benchmarks.prototype import runner as prototype
from benchmarks.report import Engine, Report
from benchmarks.results import Throughput, median

WIDTH = 100
"""Columns the tables need, also where the output goes to a file."""

RESULTS = Path("var") / "benchmarks.json"


def main() -> None:
    """Read the command line and run."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of each, within 90 seconds")
    options.add_argument("--engine", choices=ENGINES, help="only this database")
    options.add_argument("--prototype-only", action="store_true", help="leave the product out")
    options.add_argument("--output", type=Path, default=RESULTS, help=f"where the JSON goes (default: {RESULTS})")
    given = options.parse_args()
    engines = (given.engine,) if given.engine else ENGINES
    console = Console()
    console.width = max(console.width, WIDTH)
    report = Report(machine.description(), machine.load_average())
    began = time.monotonic()
    with databases(engines) as made:
        for engine in engines:
            report.engines[engine] = Engine(made.version(engine))
            _measure(
                report.engines[engine], made, engine, QUICK if given.quick else FULL, given.prototype_only, console
            )
    report.seconds = time.monotonic() - began
    report.load_after = machine.load_average()
    report.show(console)
    report.save(given.output)
    console.print(f"Saved as {given.output}")


def _measure(found: Engine, made: Databases, engine: str, plan: Plan, without_product: bool, console: Console) -> None:
    with ExitStack() as held:
        pair = None if without_product else held.enter_context(product_pair(made, engine))
        for batch in BATCHES:
            bare, ours = _by_turns(pair, made, engine, batch, plan, console)
            found.prototype.rates[batch] = median(bare)
            if ours:
                found.product.rates[batch] = median(ours)
        found.prototype.latency = prototype.latency(
            made.new(engine), made.new(engine), writes=plan.writes, pause=plan.pause
        )
        if pair is not None:
            found.product.latency = pair.latency(writes=plan.writes, pause=plan.pause)


def _by_turns(
    pair: ProductPair | None, made: Databases, engine: str, batch: int, plan: Plan, console: Console
) -> tuple[list[Throughput], list[Throughput]]:
    """Measure both again and again, one after the other, so that what else the machine does meets both alike."""
    bare: list[Throughput] = []
    ours: list[Throughput] = []
    for number in range(1, plan.rounds + 1):
        console.print(f"{engine}, batches of {batch}, round {number} of {plan.rounds}", style="dim")
        count, channels = plan.backlog[batch], prototype.CHANNELS[engine]
        bare.append(
            prototype.throughput(made.new(engine), made.new(engine), batch=batch, count=count, channels=channels)
        )
        if pair is not None:
            ours.append(pair.throughput(batch=batch, count=count))
    return bare, ours


if __name__ == "__main__":
    main()
