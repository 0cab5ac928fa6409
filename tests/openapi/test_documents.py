"""The OpenAPI documents are release artefacts: what is committed is what runs, and it only ever grows."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.transport.openapi import operations
from tests.openapi import documents

ROOT = documents.FOLDER.parents[1]


@pytest.mark.parametrize("name", documents.NAMES)
def test_the_committed_document_is_the_running_one(name: str) -> None:
    released = (documents.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert released == documents.written(documents.running(name)), "Run: make openapi"


@pytest.mark.parametrize("name", documents.NAMES)
def test_nothing_an_integrator_relies_on_has_gone_since_the_last_release(name: str) -> None:
    before = documents.released(name, ROOT)
    if before is not None:  # an exported tree has no history to compare with
        assert documents.breaking(before, documents.running(name)) == []


def test_the_last_release_counts_and_before_the_first_the_last_commit(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    def commit(version: str) -> None:
        document.write_text(json.dumps({"info": {"version": version}}))
        git("add", ".")
        git("commit", "-m", version)

    def found() -> Any:
        return (documents.released("provider", tmp_path) or {}).get("info", {}).get("version")

    document = tmp_path / "docs" / "openapi" / "provider.json"
    document.parent.mkdir(parents=True)
    git("init")
    assert found() is None
    commit("1")
    assert found() == "1"
    commit("2")
    git("tag", "v1.0.0")
    git("tag", "other")
    commit("3")
    assert found() == "2"
    git("tag", "v1.1.0")
    assert found() == "3"


@pytest.mark.parametrize("name", documents.NAMES)
def test_every_operation_is_described(name: str) -> None:
    document = documents.committed(name)
    for path, method, operation in operations(document):
        assert operation.get("description"), (method, path)
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
        assert operation.get("security") or path in {"/exchange/v1/echo", "/.well-known/service-exchange"}


def test_what_breaks_integrators_is_found() -> None:
    before = documents.committed("provider")

    def found(change: str) -> list[str]:
        after = copy.deepcopy(before)
        exec(change, {"paths": after["paths"], "schemas": after["components"]["schemas"]})
        return documents.breaking(before, after)

    assert found("") == []
    assert found("schemas['UserView']['properties']['new'] = {'type': 'string'}") == []
    assert found("paths['/api/v1/more'] = {'get': {'operationId': 'get_more', 'responses': {}}}") == []
    assert found("del paths['/api/v1/me']") == ["GET /api/v1/me: removed", "PATCH /api/v1/me: removed"]
    assert found("del paths['/api/v1/me']['get']") == ["GET /api/v1/me: removed"]
    assert found("paths['/api/v1/me']['get']['operationId'] = 'x'") == ["GET /api/v1/me: renamed to x"]
    assert found("del schemas['UserView']") == ["UserView: removed"]
    assert found("del schemas['UserView']['properties']['email']") != []
    assert found("schemas['UserView']['properties']['email'] = {'type': 'integer'}") == ["UserView/email: type changed"]
    assert found("schemas['UserCreate']['required'] = [*schemas['UserCreate']['required'], 'language']") == [
        "UserCreate/language: newly required"
    ]
    assert found("schemas['Role']['enum'].pop()") != []
