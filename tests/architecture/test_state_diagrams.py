"""docs/states.md is drawn from the tables: it can be nothing but true (design: architecture.md, *The tree*)."""

import sys
from pathlib import Path

from shared.lifecycle.connection import CONNECTION
from shared.lifecycle.key import KEY
from shared.lifecycle.provider_connection import PROVIDER_CONNECTION
from shared.lifecycle.registration import REGISTRATION
from shared.lifecycle.self_service import REQUEST

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"
HEAD = """# States

Drawn from the tables in `shared/lifecycle` by `python tests/architecture/test_state_diagrams.py`; a test holds this
page against them. A move that is not drawn is refused with the code `illegal_move`.
"""


def page() -> str:
    tables = (REGISTRATION, PROVIDER_CONNECTION, CONNECTION, KEY, REQUEST)
    return "\n".join([HEAD, *(f"## {table.name}\n\n```mermaid\n{table.diagram()}\n```\n" for table in tables)])


def test_the_page_shows_the_tables_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
