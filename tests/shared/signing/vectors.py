"""Where the public vectors stand: beside the checkout, never in it."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[4] / "shared" / "vectors"


def load(*path: str) -> Any:
    """The JSON of one vector file; fails where it does not stand."""
    file = _FOLDER.joinpath(*path)
    assert file.is_file(), f"Public test vectors are missing: {file} should be there, beside the checkout"
    return json.loads(file.read_text(encoding="utf-8"))


def folder(*path: str) -> Path:
    """A folder of vector files; fails where it does not stand."""
    found = _FOLDER.joinpath(*path)
    assert found.is_dir(), f"Public test vectors are missing: {found} should be there, beside the checkout"
    return found
