"""The style budgets: what stays small stays readable (design: architecture.md, *Style budgets*)."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "provider_service", "consumer_service")
FILE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 50
FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "core", "misc", "base_classes", "stuff"})
SLICE_FILES = frozenset(
    {"__init__", "routes", "peer", "schemas", "deps", "service", "domain", "store", "tables", "checks", "calls"}
)
"""Who knows one slice knows all; each may be a module or a folder of modules."""

FURTHER_FILES = {
    "mail": frozenset({"rendering", "templates"}),  # the texts, and how they become a message
}

ROOM_NOUNS = frozenset({"incident", "registration", "company", "account", "ticket", "catalog"})
"""Words of the product that no mechanism of transport, delivery, runtime or interface may carry in a file's name."""


def sources(*packages: str) -> Iterator[Path]:
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_longer_than_its_budget() -> None:
    tests = (path for path in sorted((ROOT / "tests").rglob("*.py")))
    written = (path for path in [*sources(), *tests] if "migrations" not in path.parts)  # those alembic writes
    assert {shown(path): lines(path) for path in written if lines(path) > FILE_LINES} == {}


def test_the_median_file_is_short() -> None:
    assert statistics.median(lines(path) for path in sources() if path.name != "__init__.py") <= MEDIAN_LINES


def test_no_function_is_longer_than_its_budget() -> None:
    long = {}
    for path in sources():
        if "migrations" in path.parts:
            continue  # written by alembic: one function a revision
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    long[f"{shown(path)}:{node.name}"] = length
    assert long == {}


def test_no_file_has_a_name_that_means_nothing() -> None:
    assert [shown(path) for path in sources() if {path.stem, path.parent.name} & FORBIDDEN_NAMES] == []


def test_every_slice_has_the_same_file_names() -> None:
    strays = [
        shown(entry)
        for package in ("provider_service", "consumer_service")
        for folder in sorted((ROOT / package).iterdir())
        if folder.is_dir() and folder.name not in {"__pycache__", "migrations", "console"}
        for entry in sorted(folder.iterdir())
        if entry.name != "__pycache__" and entry.stem not in SLICE_FILES | FURTHER_FILES.get(folder.name, frozenset())
    ]
    assert strays == []


def test_no_mechanism_of_shared_is_named_after_the_product() -> None:
    rooms = ("shared/transport", "shared/delivery", "shared/runtime", "shared/interface")
    named = [shown(path) for path in sources(*rooms) if any(noun in path.stem for noun in ROOM_NOUNS)]
    assert named == []


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError|for now)\b")
    marks = {
        f"{shown(path)}:{number}": line.strip()
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if words.search(line)
    }
    assert marks == {}
