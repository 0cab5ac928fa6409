"""The parser of structured fields that signatures rely on passes the public suite (RFC 9651), each verdict pinned."""

from collections import Counter
from pathlib import Path
from typing import Any

import http_sf
import pytest

from tests.shared.signing.vectors import folder

PARSING = sorted(path.name for path in folder("structured_fields").glob("*.json"))
SERIALISING = sorted(path.name for path in folder("structured_fields", "serialisation-tests").glob("*.json"))


def suite(path: Path) -> list[dict[str, Any]]:
    return http_sf.from_json(path.read_text(encoding="utf-8"))


def parse_verdict(test: dict[str, Any]) -> str:
    raw = ", ".join(test["raw"]).encode("latin-1", "replace")
    try:
        value = http_sf.parse(raw, tltype=test["header_type"])
    except http_sf.StructuredFieldError:
        return "refused" if test.get("must_fail") or test.get("can_fail") else "wrongly refused"
    if test.get("must_fail"):
        return "wrongly accepted"
    if value != test["expected"] and not test.get("can_fail"):
        return "misread"
    canonical = test.get("canonical", test["raw"])
    return "read" if not canonical or http_sf.ser(value) == ", ".join(canonical) else "misspelled"


def serialise_verdict(test: dict[str, Any]) -> str:
    try:
        text = http_sf.ser(test["expected"])
    except ValueError:
        return "refused" if test.get("must_fail") else "wrongly refused"
    if test.get("must_fail"):
        return "wrongly accepted"
    return "written" if text == test["canonical"][0] else "misspelled"


@pytest.mark.parametrize("name", PARSING)
def test_every_field_of_the_suite_is_read_or_refused_as_it_says(name: str) -> None:
    tests = suite(folder("structured_fields") / name)
    verdicts = {test["name"]: parse_verdict(test) for test in tests}
    assert {test: verdict for test, verdict in verdicts.items() if verdict not in {"read", "refused"}} == {}


@pytest.mark.parametrize("name", SERIALISING)
def test_every_value_of_the_suite_is_written_or_refused_as_it_says(name: str) -> None:
    tests = suite(folder("structured_fields", "serialisation-tests") / name)
    verdicts = {test["name"]: serialise_verdict(test) for test in tests}
    assert {test: verdict for test, verdict in verdicts.items() if verdict not in {"written", "refused"}} == {}


def test_the_whole_suite_was_run() -> None:
    sizes = Counter({name: len(suite(folder("structured_fields") / name)) for name in PARSING})
    written = sum(len(suite(folder("structured_fields", "serialisation-tests") / name)) for name in SERIALISING)
    assert sizes.total() + written == 2135
