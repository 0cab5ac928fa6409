"""Kill -9 at random instants during two-way traffic through a bad network: nothing is lost, nothing counts twice.

``KILL_CYCLES`` and ``KILL_SEED`` in the environment set how often, and by which schedule (`make kill-200`).
"""

import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.checker import integrity, is_quiet, judge, read_copy
from tests.e2e.faults import Fate, FaultProxy
from tests.e2e.machines import Machine, onboard, until
from tests.e2e.traffic import CLIENTS, Client, Log
from tests.patience import PATIENCE_SECONDS

KILL_CYCLES = int(os.environ.get("KILL_CYCLES", "20"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(KILL_CYCLES * PATIENCE_SECONDS)]

SHARE = 0.15
"""Part of the exchanges between the services that goes wrong."""

QUIET_SECONDS = 2 * PATIENCE_SECONDS
PARTITION_SECONDS = 6
HEALED_SECONDS = PATIENCE_SECONDS
MOST_WORK = 60
"""A kill comes after at most that many further acknowledgements,"""

MOST_EXCHANGES = 20
"""and at most that many further exchanges between the services, so that it meets deliveries under way."""


class Pair:
    """Both machines with a bad network in each direction, and clients that write on both."""

    def __init__(self, seed: str, urls: dict[str, str], home: Path) -> None:
        self.seed = seed
        self.log = Log()
        self.random = Random(seed)
        self.machines = {name: Machine(name, url, home) for name, url in urls.items()}
        self.proxies = {name: FaultProxy(self.machines[name].port, f"{seed}/{name}") for name in urls}
        self.stop = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.starts: list[float] = []
        self.waits: list[float] = []
        self.drawn: dict[str, dict[Fate, int]] = {}

    async def open(self) -> None:
        for name, other in (("provider", "consumer"), ("consumer", "provider")):
            await self.proxies[name].start()
            self.machines[name].issuer = self.machines[other].peer_issuer = self.proxies[name].url
        await asyncio.gather(*(machine.start() for machine in self.machines.values()))
        self.connection_id = await onboard(self.machines["provider"], self.machines["consumer"])

    def begin(self, *, share: float, pause: float) -> None:
        """Let the faults and the traffic begin."""
        for proxy in self.proxies.values():
            proxy.share = share
            proxy.drawn.clear()
        for machine in self.machines.values():
            for index in range(CLIENTS):
                client = Client(machine, index, self.connection_id, self.log, self.seed, pause)
                self.tasks.append(asyncio.create_task(client.run(self.stop)))

    async def end(self) -> None:
        """Let the clients finish what they began, and the network be good again."""
        self.stop.set()
        await asyncio.gather(*self.tasks)
        self.drawn = {name: dict(proxy.drawn) for name, proxy in self.proxies.items()}
        for proxy in self.proxies.values():
            proxy.heal()

    async def quiet(self, seconds: float) -> float:
        """Return after how many seconds nothing was under way any more."""
        began = time.monotonic()

        async def both() -> bool:
            checks = (asyncio.to_thread(is_quiet, machine.database_url) for machine in self.machines.values())
            return all(await asyncio.gather(*checks))

        await until("both sides are quiet", both, seconds)
        return time.monotonic() - began

    async def kill_and_restart(self) -> None:
        """Kill what the schedule says after as much work as it says; start it again."""
        wanted = len(self.log.entries) + self.random.randint(1, MOST_WORK)
        exchanges = self._exchanges() + self.random.randint(1, MOST_EXCHANGES)
        began = time.monotonic()
        await until("both get on", lambda: self._got_to(wanted, exchanges), PATIENCE_SECONDS)
        self.waits.append(time.monotonic() - began)
        await asyncio.sleep(self.random.uniform(0, 0.05))  # the instant within a call
        sides = self.random.choice((["provider"], ["consumer"], ["provider", "consumer"]))
        for machine in (self.machines[side] for side in sides):
            for role in self.random.choice((machine.roles, machine.roles[-1:], machine.roles[:1])):
                machine.kill(role)
        began = time.monotonic()
        await asyncio.gather(*(self.machines[side].start() for side in sides))
        self.starts.append(time.monotonic() - began)

    def _exchanges(self) -> int:
        return sum(proxy.drawn.total() for proxy in self.proxies.values())

    async def _got_to(self, acknowledged: int, exchanges: int) -> bool:
        return await self._acknowledged(acknowledged) and self._exchanges() >= exchanges

    async def _acknowledged(self, count: int) -> bool:
        for task in self.tasks:
            if task.done():
                task.result()
        return len(self.log.entries) >= count

    def faults(self) -> list[str]:
        """Judge both databases by what the clients were told."""
        copies = [read_copy(name, machine.database_url) for name, machine in self.machines.items()]
        return judge(copies[0], copies[1], self.log.entries)

    async def close(self) -> None:
        self.stop.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for machine in self.machines.values():
            machine.stop()
        for proxy in self.proxies.values():
            await proxy.aclose()


def _say(what: dict[str, Any]) -> None:
    """Write one line of JSON; pytest shows it when a test fails, and with -s."""
    sys.stdout.write(json.dumps(what) + "\n")


@asynccontextmanager
async def opened(urls: dict[str, str], home: Path) -> AsyncIterator[Pair]:
    seed = os.environ.get("KILL_SEED") or secrets.token_hex(4)
    _say({"KILL_SEED": seed})
    pair = Pair(seed, urls, home)
    try:
        await pair.open()
        yield pair
    except BaseException:
        for machine in pair.machines.values():
            _say({"log of": machine.name, "ends": machine.tail()})
        raise
    finally:
        await pair.close()


async def test_nothing_acknowledged_is_lost_or_counts_twice_when_sides_are_killed(
    pair_urls: dict[str, str], tmp_path: Path
) -> None:
    began = time.monotonic()
    async with opened(pair_urls, tmp_path) as pair:
        pair.begin(share=SHARE, pause=0.15)
        for _ in range(KILL_CYCLES):
            await pair.kill_and_restart()
        await pair.end()
        settled = await pair.quiet(QUIET_SECONDS)
        engine = pair_urls["provider"].partition(":")[0]
        figures = {
            "bar": "kill -9",
            "engine": engine,
            "seed": pair.seed,
            "cycles": len(pair.starts),
            "acknowledged": len(pair.log.entries),
            "repeated_calls": pair.log.repeated,
            "exchanges": pair.drawn,
            "median_restart_s": round(statistics.median(pair.starts), 2),
            "longest_wait_for_traffic_s": round(max(pair.waits), 1),
            "quiet_after_s": round(settled, 1),
            "seconds": round(time.monotonic() - began, 1),
        }
        _say(figures)
        assert pair.faults() == [], figures
        if engine == "sqlite":
            assert {integrity(url) for url in pair_urls.values()} == {"ok"}


async def test_a_partition_heals_by_itself_and_the_checker_would_have_noticed(
    pair_urls: dict[str, str], tmp_path: Path
) -> None:
    async with opened(pair_urls, tmp_path) as pair:
        pair.begin(share=0.2, pause=0.2)
        await until("the clients get on", lambda: pair._acknowledged(40), PATIENCE_SECONDS)
        for proxy in pair.proxies.values():
            proxy.partition()
        before = len(pair.log.entries)
        await asyncio.sleep(PARTITION_SECONDS)  # what is tested is that time without a network
        assert len(pair.log.entries) > before, "each side works on without the other"
        for proxy in pair.proxies.values():
            proxy.heal()
        await pair.end()
        settled = await pair.quiet(HEALED_SECONDS)
        _say({"bar": "partition", "seed": pair.seed, "equal_after_s": round(settled, 1)})
        assert pair.faults() == []
        _plant_and_find(pair)


def _plant_and_find(pair: Pair) -> None:
    """Break copies of what was read, one way at a time: a checker that finds nothing proves nothing."""
    told = pair.log.entries
    comment = next(one.mark for one in told if one.op == "comment" and one.side == "provider")

    def found(plant: str) -> list[str]:
        copies = {name: read_copy(name, machine.database_url) for name, machine in pair.machines.items()}
        there = copies["consumer"]
        if plant == "lost row":
            there.comments = [row for row in there.comments if row["text"] != comment]
            gone = {row["id"] for row in there.comments}
            there.entries = [
                row
                for row in there.entries
                if row["action"] != "incident.commented" or json.loads(row["after"])["comment_id"] in gone
            ]
        elif plant == "applied twice":
            there.entries.append(next(row for row in there.entries if row["action"] == "incident.updated"))
        elif plant == "another order":
            there.entries.reverse()
        elif plant == "not equal":
            there.incidents[-1]["state"] = "Closed"
        elif plant == "gap":
            there.inbox.pop()
        elif plant == "not settled":
            there.channels[0]["settled_position"] -= 1
        return judge(copies["provider"], there, told)

    plants = ("lost row", "applied twice", "another order", "not equal", "gap", "not settled")
    assert [plant for plant in plants if not found(plant)] == []
