"""Print the table of settings for docs/operations.md, out of the settings' own docstrings.

``python deploy/settings_table.py`` from the root of the checkout; ``tests/architecture/test_containers.py`` holds the
document against it.
"""  # noqa: INP001 - a script beside the files it serves, no package

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from consumer_service.settings import Settings as ConsumerSettings
from provider_service.settings import Settings as ProviderSettings
from shared.runtime.settings import ServiceSettings

HEAD = "| setting | default | meaning |\n|---|---|---|"


def table() -> str:
    """Return the table in Markdown, one row a setting, in the order of the source."""
    meanings = {**_meanings(ServiceSettings), **_meanings(ProviderSettings)}
    return "\n".join([HEAD, *(_row(name, meanings.get(name, "")) for name in ProviderSettings.model_fields)])


def _row(name: str, meaning: str) -> str:
    return f"| `{name.upper()}` | {_default(name)} | {' '.join(meaning.replace('``', '`').split())} |"


def _default(name: str) -> str:
    fields = (settings.model_fields.get(name) for settings in (ProviderSettings, ConsumerSettings))
    return ", ".join(dict.fromkeys(_shown(field.default) for field in fields if field is not None))


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value is PydanticUndefined or value in {"", ()}:
        return "none"
    return f"`{value}`"


def _meanings(settings: type[ServiceSettings]) -> dict[str, str]:
    """Return the docstring beneath each field of a settings class; Python itself does not keep them."""
    source = ast.parse(Path(sys.modules[settings.__module__].__file__ or "").read_text(encoding="utf-8"))
    body = next(node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == settings.__name__)
    return dict(_pairs(body))


def _pairs(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, after in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            yield field.target.id, str(after.value.value)


if __name__ == "__main__":
    print(table())  # noqa: T201 - what it is for
