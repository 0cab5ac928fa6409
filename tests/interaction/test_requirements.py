"""The manifest and the tests agree: every requirement has a test, and no test names one that is not there."""

import ast
from pathlib import Path

from tests.interaction.requirements import REQUIREMENTS


def named_by_tests() -> dict[str, list[str]]:
    """Tests by the requirement their marker names."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement":
                    found.setdefault(ast.literal_eval(mark.args[0]), []).append(f"{file.name}::{node.name}")
    return found


def test_every_requirement_is_covered_by_a_test():
    assert sorted(set(REQUIREMENTS) - set(named_by_tests())) == []


def test_no_test_names_an_unknown_requirement():
    assert sorted(set(named_by_tests()) - set(REQUIREMENTS)) == []


def test_every_test_of_this_folder_but_these_names_a_requirement():
    files = [file for file in sorted(Path(__file__).parent.glob("test_*.py")) if file.name != Path(__file__).name]
    marked = {name for names in named_by_tests().values() for name in names}
    tests = {
        f"{file.name}::{node.name}"
        for file in files
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert sorted(tests - marked) == []
