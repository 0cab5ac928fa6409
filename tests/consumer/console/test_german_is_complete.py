"""Every sentence of this console's templates has a German one."""

import ast
import re
from pathlib import Path

import consumer_service.console
from consumer_service.console.german import GERMAN
from shared.interface.german import GERMAN as SHELL

TEMPLATES = Path(consumer_service.console.__file__).parent / "templates"
SENTENCE = re.compile(r"""\bt\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
VALUE = re.compile(r"\{(\w+)\}")


def test_no_sentence_of_a_template_stays_english() -> None:
    found = {
        ast.literal_eval(sentence)
        for template in TEMPLATES.rglob("*.html")
        for sentence in SENTENCE.findall(template.read_text(encoding="utf-8"))
    }
    assert len(found) > 200
    assert found - GERMAN.keys() - SHELL.keys() == set()


def test_every_value_of_a_sentence_is_in_its_translation() -> None:
    assert [text for text, german in GERMAN.items() if set(VALUE.findall(text)) != set(VALUE.findall(german))] == []
