"""The OpenAPI documents: as they run, as they are committed, and what of a change would break integrators.

``python -m tests.openapi.documents`` writes the running ones to ``docs/openapi``.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shared.transport.openapi import operations
from tests.openapi.world import settings_of

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi"
NAMES: Final = ("provider", "consumer")

Document = dict[str, Any]


def running(name: str) -> Document:
    """Return the document that the application of ``name`` shows."""
    if name == "provider":
        from provider_service.app import create_app
    else:
        from consumer_service.app import create_app
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_of(name, Path(folder)), embedded_worker=False)
        document = app.openapi()
        app.state.context.database.close()
    plain: Document = json.loads(json.dumps(document))
    return plain


def committed(name: str) -> Document:
    """Return the document that was released."""
    document: Document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def released(name: str, root: Path) -> Document | None:
    """Return the document integrators hold: of the last tag ``v…``, and before the first tag of the last commit.

    None where there is no such document: an exported tree, or one that had none.
    """
    last = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v*") or "HEAD"
    text = _git(root, "show", f"{last.strip()}:docs/openapi/{name}.json")
    return json.loads(text) if text else None


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout


def written(document: Mapping[str, Any]) -> str:
    """Return the text of a document as it is committed: one change, one line."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def breaking(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what an integrator relied on in ``before`` and does not find in ``after``."""
    found = []
    now = {(method, path): operation for path, method, operation in operations(after)}
    for path, method, operation in operations(before):
        place = f"{method.upper()} {path}"
        if (method, path) not in now:
            found.append(f"{place}: removed")
            continue
        found += [f"{place}: {what}" for what in _operation(operation, now[method, path])]
    schemas, since = before["components"]["schemas"], after["components"]["schemas"]
    written_to = _sent(after)
    for name, schema in schemas.items():
        if name not in since:
            found.append(f"{name}: removed")
        else:
            found += [f"{name}{what}" for what in _schema(schema, since[name], sent=name in written_to)]
    return found


def _operation(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before["operationId"] != after["operationId"]:
        yield f"renamed to {after['operationId']}"
    had = {(parameter["in"], parameter["name"]): parameter for parameter in before.get("parameters", [])}
    has = {(parameter["in"], parameter["name"]): parameter for parameter in after.get("parameters", [])}
    yield from (f"parameter {name} removed" for place, name in had.keys() - has.keys())
    for key, parameter in has.items():
        if parameter.get("required") and not had.get(key, {}).get("required"):
            yield f"parameter {key[1]} newly required"
    if "requestBody" in after and "requestBody" not in before:
        yield "body newly required"
    yield from (f"answer {status} removed" for status in before["responses"].keys() - after["responses"].keys())


def _schema(before: Mapping[str, Any], after: Mapping[str, Any], *, sent: bool) -> Iterator[str]:
    """A member that is gone breaks everybody, one newly required those who send it, a value that is gone as well."""
    had, has = before.get("properties", {}), after.get("properties", {})
    yield from (f"/{name}: removed" for name in had.keys() - has.keys())
    yield from (f"/{name}: type changed" for name in had.keys() & has.keys() if _type(had[name]) != _type(has[name]))
    required = set(after.get("required", ())) - set(before.get("required", ()))
    if sent:
        yield from (f"/{name}: newly required" for name in sorted(required))
    else:
        lost = set(before.get("required", ())) - set(after.get("required", ()))
        yield from (f"/{name}: no longer always there" for name in sorted(lost & has.keys()))
    yield from (f": value {value!r} removed" for value in before.get("enum", ()) if value not in after.get("enum", ()))


def _type(schema: Mapping[str, Any]) -> str:
    return json.dumps([schema.get(word) for word in ("type", "$ref", "items", "anyOf")], sort_keys=True)


def _sent(document: Mapping[str, Any]) -> set[str]:
    """Return the names of the schemas that stand in request bodies, directly or within others."""
    text = json.dumps([operation.get("requestBody") for _, _, operation in operations(document)])
    names = _named(text)
    while True:
        more = names | {
            inner for name in names for inner in _named(json.dumps(document["components"]["schemas"][name]))
        }
        if more == names:
            return names
        names = more


def _named(text: str) -> set[str]:
    return {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}


def main() -> None:
    """Write both documents."""
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(written(running(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
