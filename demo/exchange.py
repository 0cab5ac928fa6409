"""Send the incidents: half of them begin at the provider, half at the customer; each side follows its own."""

import time
from collections.abc import Iterator
from typing import Any

from rich.progress import Progress

from demo.api import Api
from demo.incidents import Event, events

BATCH = 100
"""Operations of one bulk call, at most."""

WAIT_SECONDS = 180


def run(provider: Api, consumer: Api, connection: str, count: int, progress: Progress) -> int:
    """Send whole incidents of at least ``count`` events, wait until all have been applied; return how many crossed."""
    ours, theirs = _halves(events(count))
    before = _applied(provider, consumer, connection)
    written = progress.add_task("written down", total=len(ours) + len(theirs))
    applied = progress.add_task("applied at the peer", total=len(ours) + len(theirs))
    for left, right in _together(_calls(ours), _calls(theirs)):
        for api, operations in ((provider, left), (consumer, right)):
            if operations:
                _send(api, connection, operations)
                progress.advance(written, len(operations))
        progress.update(applied, completed=_applied(provider, consumer, connection) - before)
    end = time.monotonic() + WAIT_SECONDS
    total = len(ours) + len(theirs)
    while (done := _applied(provider, consumer, connection) - before) < total:
        progress.update(applied, completed=done)
        if time.monotonic() > end:
            raise RuntimeError(f"{done} of {total} records were applied within {WAIT_SECONDS} seconds")
        time.sleep(0.05)
    progress.update(applied, completed=total)
    return total


def _halves(all_events: list[Event]) -> tuple[list[Event], list[Event]]:
    numbers = list(dict.fromkeys(event.number for event in all_events))
    first = set(numbers[::2])
    return (
        [event for event in all_events if event.number in first],
        [event for event in all_events if event.number not in first],
    )


def _calls(side: list[Event]) -> Iterator[list[dict[str, Any]]]:
    """Cut into bulk calls; an incident's first event names it, later ones refer to that name."""
    for start in range(0, len(side), BATCH):
        yield [
            {"op": "create" if event.first else "update", "ref": event.number, "fields": event.changes}
            for event in side[start : start + BATCH]
        ]


_known: dict[tuple[str, str], str] = {}
"""(service, the log's number) to the id the service gave the incident."""


def _send(api: Api, connection: str, operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        known = _known.get((api.url, operation["ref"]))
        if known is not None and operation["op"] == "update":
            operation["id"] = known
    answer = api.post("/api/v1/incidents/bulk", {"connection_id": connection, "operations": operations})
    for item in answer["items"]:
        if item["status"] != 200:
            raise RuntimeError(f"An operation was refused: {item}")
        _known[api.url, item["ref"]] = item["id"]


def _together(
    left: Iterator[list[dict[str, Any]]], right: Iterator[list[dict[str, Any]]]
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    while True:
        pair = next(left, []), next(right, [])
        if pair == ([], []):
            return
        yield pair


def _applied(provider: Api, consumer: Api, connection: str) -> int:
    return sum(_taken(api, connection) for api in (provider, consumer))


def _taken(api: Api, connection: str) -> int:
    figures = api.get(f"/api/v1/connections/{connection}")
    return int(figures["received_in_24_h"])
