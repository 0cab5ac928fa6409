"""Every sentence of the console has a German one."""

import ast
import re
from pathlib import Path

import provider_service.console
from provider_service.console.german import GERMAN
from shared.interface.german import GERMAN as SHELL
from shared.wire.states import ConnectionState, LinkStatus, RegistrationState

CONSOLE = Path(provider_service.console.__file__).parent
_CALLED = re.compile(r"""\bt\(\s*(?:"([^"]*)"|'([^']*)')""")
_TABLE = re.compile(r"{% set \w+_(?:words|texts) = {(.*?)} %}", re.DOTALL)
SAID = {"notify": 3, "_done": 4, "_spoken": 2, "wrong_at": 1}
"""Functions whose argument at this place is a sentence for a person."""


def of_templates() -> set[str]:
    found: set[str] = set()
    for path in (CONSOLE / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= {one or other for one, other in _CALLED.findall(text)}
        for table in _TABLE.findall(text):
            found |= set(re.findall(r': "([^"]*)"', table))
    return found


def of_modules() -> set[str]:
    found: set[str] = set()
    for path in CONSOLE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                said = node.args[SAID[name] : SAID[name] + 1] if name in SAID else []
                found |= {one.value for one in said if isinstance(one, ast.Constant)}
                if name in {"NavigationItem", "t"}:
                    found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SENTENCES":
                found |= set(ast.literal_eval(node.value).values())
    return found


def test_every_sentence_of_a_template_has_a_german_one() -> None:
    assert sorted(of_templates() - GERMAN.keys() - SHELL.keys()) == []


def test_every_sentence_of_a_module_has_a_german_one() -> None:
    assert sorted(of_modules() - GERMAN.keys() - SHELL.keys()) == []


def test_every_state_has_a_german_word() -> None:
    states = {*RegistrationState, *ConnectionState, *LinkStatus}
    assert sorted(states - GERMAN.keys() - SHELL.keys()) == []


def test_the_german_sentences_keep_their_blanks_to_fill_in() -> None:
    blanks = re.compile(r"{\w+}")
    assert [text for text, said in GERMAN.items() if set(blanks.findall(text)) != set(blanks.findall(said))] == []
