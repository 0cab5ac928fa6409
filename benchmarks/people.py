"""``python -m benchmarks.people``: people who register themselves, by the ten thousand, and what a stranger can tell.

Staff submit requests one by one over the API and approve them in bulk; the service's memory is looked at on the way.
Then a stranger signs up, signs in and asks for a new password in the name of people who are known and of people who
are not, by turns: how well the time of an answer tells them apart is given as the share of right guesses.
"""

import argparse
import json
import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from benchmarks import machine
from benchmarks.databases import ENGINES, Databases, databases
from benchmarks.product.instances import Instance, Running
from benchmarks.product.pinning import prepare

SCOPES = frozenset({"self_service:read", "self_service:write", "companies:write", "companies:read"})
CALLERS = 8
"""Calls under way at once."""

BULK = 500
"""Requests decided by one call."""

ACCOUNT = "Analytical Engines"
RESULTS = Path("var") / "people.json"
REQUESTS = "/api/v1/self-service/requests"


@dataclass
class Found:
    """One engine's figures."""

    people: int
    submitted_per_s: float = 0.0
    approved_per_s: float = 0.0
    resident_mib: dict[str, list[float]] = field(default_factory=dict)
    """Memory of the service after each tenth of the submissions, and of the approvals."""
    told_apart: dict[str, float] = field(default_factory=dict)
    """Share of right guesses (0.5 is chance) by flow, over answers the guess was not learnt from."""


def main() -> None:
    """Read the command line, run, print, save."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.people", description=__doc__)
    options.add_argument("--people", type=int, default=10_000, help="requests to submit and approve (default: 10000)")
    options.add_argument("--guesses", type=int, default=400, help="answers timed of each kind and flow (default: 400)")
    options.add_argument("--engine", choices=ENGINES, help="only this database")
    options.add_argument("--output", type=Path, default=RESULTS, help=f"where the JSON goes (default: {RESULTS})")
    given = options.parse_args()
    engines = (given.engine,) if given.engine else ENGINES
    found: dict[str, Found] = {}
    with databases(engines) as made:
        for engine in engines:
            found[engine] = _measure(made, engine, given.people, given.guesses)
            _show(Console(), engine, found[engine])
    document = {"machine": machine.description(), "engines": {name: asdict(one) for name, one in found.items()}}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _measure(made: Databases, engine: str, people: int, guesses: int) -> Found:
    provider = Instance("provider", made.new(engine), made.directory / f"{engine}-people")
    nobody = Instance("consumer", "", made.directory)
    prepare(provider, nobody, SCOPES)
    found = Found(people)
    with provider.running(nobody, trusted_proxies="127.0.0.1") as running:
        running.post("/api/v1/companies", {"name": ACCOUNT})
        with _client(running) as client:
            ids, found.submitted_per_s = _submitted(client, running, found)
            found.approved_per_s = _approved(client, running, ids, found)
            for flow in (_signs_up, _signs_in, _forgets):
                found.told_apart[flow.__name__.strip("_")] = _told_apart(client, flow, people, guesses)
    return found


@contextmanager
def _client(running: Running) -> Iterator[httpx.Client]:
    issuer = running.instance.issuer
    limits = httpx.Limits(max_connections=CALLERS, max_keepalive_connections=CALLERS)
    with httpx.Client(base_url=issuer, timeout=120, limits=limits, headers={"origin": issuer}) as client:
        yield client


def _submitted(client: httpx.Client, running: Running, found: Found) -> tuple[list[str], float]:
    def submit(number: int) -> str:
        attributes = {
            "AccountKey": ACCOUNT, "EmailAddress": _known(number), "FirstName": "Person", "LastName": f"Number{number}",
        }  # fmt: skip
        return str(_call(client, running, REQUESTS, {"attributes": attributes}, 201)["id"])

    ids: list[str] = []
    began = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        for tenth in _tenths(found.people):
            ids += pool.map(submit, tenth)
            _remember(found, "submitted", running)
    return ids, found.people / (time.monotonic() - began)


def _approved(client: httpx.Client, running: Running, ids: Sequence[str], found: Found) -> float:
    refused: list[Any] = []
    began = time.monotonic()
    for tenth in _tenths(len(ids)):
        for first in range(tenth.start, tenth.stop, BULK):
            some = ids[first : min(first + BULK, tenth.stop)]
            done = _call(client, running, "/api/v1/self-service/decisions", {"ids": list(some)}, 200)["items"]
            refused += [one for one in done if one["code"] is not None]
        _remember(found, "approved", running)
    if refused:
        raise RuntimeError(f"Of {len(ids)} requests {len(refused)} were not approved: {refused[:3]}")
    while running.get(f"{REQUESTS}?state=ORA_CSS_PENDING&limit=1")["items"]:  # the worker may be at the last ones
        time.sleep(0.01)
    failed = running.get(f"{REQUESTS}?state=ORA_CSS_FAILED&limit=1")["items"]
    if failed:
        raise RuntimeError(f"A request could not be carried out: {failed[0]}")
    return len(ids) / (time.monotonic() - began)


def _tenths(count: int) -> list[range]:
    return [range(count * tenth // 10, count * (tenth + 1) // 10) for tenth in range(10)]


def _remember(found: Found, what: str, running: Running) -> None:
    found.resident_mib.setdefault(what, []).append(round(machine.resident_mib(running.serving.pid), 1))


def _call(client: httpx.Client, running: Running, path: str, body: Any, status: int) -> Any:
    headers = {"authorization": f"Bearer {running.instance.token}", "idempotency-key": uuid.uuid4().hex}
    answer = client.post(path, json=body, headers=headers)
    if answer.status_code != status:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def _known(number: int) -> str:
    return f"person{number:06d}@engines.example"


def _unknown(number: int) -> str:
    return f"person{number:06d}@nowhere.example"


def _signs_up(client: httpx.Client, email: str, address: str) -> None:
    form = {
        "RequestTypeCd": "ORA_CSS_REQ_TYPE_CONTACT",
        "EmailAddress": email,
        "AccountKey": ACCOUNT,
        "LastName": "Somebody",
    }
    _form(client, "/sign-up", form, address, 200)


def _signs_in(client: httpx.Client, email: str, address: str) -> None:
    _form(client, "/sign-in", {"email": email, "password": "not the password of anybody"}, address, 401)


def _forgets(client: httpx.Client, email: str, address: str) -> None:
    _form(client, "/password/forgot", {"email": email}, address, 200)


def _form(client: httpx.Client, path: str, values: dict[str, str], address: str, status: int) -> None:
    headers = {"sec-fetch-site": "same-origin", "x-forwarded-for": address, "accept": "text/html"}
    answer = client.post(path, data=values, headers=headers, follow_redirects=True)
    if answer.status_code != status:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:500]}")


def _told_apart(
    client: httpx.Client, flow: Callable[[httpx.Client, str, str], None], people: int, guesses: int
) -> float:
    """Return the share of right guesses by the best threshold of the first half, used on the second half."""
    chance = random.Random(7)
    numbers = chance.sample(range(people), guesses)
    turns = [(known, number) for number in numbers for known in chance.sample((True, False), 2)]
    timed: list[tuple[bool, float]] = []
    for known, number in turns:
        address = f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        began = time.perf_counter()
        flow(client, _known(number) if known else _unknown(number), address)
        timed.append((known, time.perf_counter() - began))
    return _share(timed[: len(timed) // 2], timed[len(timed) // 2 :])


def _share(learnt: Sequence[tuple[bool, float]], guessed: Sequence[tuple[bool, float]]) -> float:
    middle = statistics.median(seconds for _, seconds in learnt)
    slower = statistics.mean(known for known, seconds in learnt if seconds > middle) >= 0.5
    return statistics.mean((seconds > middle) == (known == slower) for known, seconds in guessed)


def _show(console: Console, engine: str, found: Found) -> None:
    console.print(f"{engine}: {found.people:,} people, {CALLERS} callers, decided {BULK} at a time")
    console.print(f"  submitted  {found.submitted_per_s:,.0f} requests/s")
    console.print(f"  approved   {found.approved_per_s:,.0f} requests/s, provisioned")
    for what, sizes in found.resident_mib.items():
        console.print(f"  memory     {' '.join(f'{size:.0f}' for size in sizes)} MiB after each tenth {what}")
    for flow, share in found.told_apart.items():
        console.print(f"  {flow:10} known and unknown told apart by time: {share:.0%} right (chance: 50%)")


if __name__ == "__main__":
    main()
