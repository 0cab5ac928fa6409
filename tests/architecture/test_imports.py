"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter import cli

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("provider_service", "consumer_service")
OPEN_TO_OTHER_SLICES = frozenset({"service", "domain", "deps", "schemas", "checks", "calls"})
"""Modules of a slice that other slices may use; its tables, queries and entrances are its own."""

EVERYTHING = ("app", "worker", "cli", "composition", "console", "migrations")
"""Composition roots: they put the whole together and may see every part."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*SERVICES, cache_dir=None)


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(config_filename="pyproject.toml", no_cache=True) == 0, capsys.readouterr().out


def test_a_slice_uses_of_another_only_what_is_open_to_it(graph: grimp.ImportGraph) -> None:
    trespasses = [
        f"{importer} -> {imported}"
        for importer in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if trespasses_on(importer.split("."), imported.split("."))
    ]
    assert trespasses == []


def trespasses_on(importer: list[str], imported: list[str]) -> bool:
    if len(importer) < 2 or len(imported) < 3 or importer[:2] == imported[:2] or importer[1] in EVERYTHING:
        return False
    return imported[2] not in OPEN_TO_OTHER_SLICES


@pytest.mark.parametrize(("service", "other"), [SERVICES, SERVICES[::-1]])
def test_a_service_imports_completely_where_the_other_is_absent(service: str, other: str) -> None:
    script = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules[{other!r}] = None\n"
        f"package = importlib.import_module({service!r})\n"
        f"for module in pkgutil.walk_packages(package.__path__, {service + '.'!r}):\n"
        "    if '.migrations.' not in module.name and not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_provider_starts_without_the_models_of_scim() -> None:
    """They take a third of the time, and the first call of ``/scim/v2`` loads them."""
    script = "import sys, provider_service.app; sys.exit('scim2_models' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
