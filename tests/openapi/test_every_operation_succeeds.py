"""Every operation of both documents answers as documented when it is called as it should be."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from shared.transport.openapi import operations
from tests.openapi import documents, table
from tests.openapi.calls import body_of, conditions_of, path_of
from tests.openapi.door import Door, door_of
from tests.openapi.onboarding import Operator
from tests.openapi.prepared import Facts
from tests.openapi.world import ORIGINS, Seen


@pytest.mark.parametrize("name", documents.NAMES)
def test_every_operation_succeeds_as_documented(name: str, template: Path, facts: Facts, tmp_path: Path) -> None:
    document = documents.running(name)
    schema = schemathesis.openapi.from_dict(document)
    with door_of(name, template, tmp_path) as door:
        succeeded = {
            operation["operationId"]
            for path, method, operation in table.ordered(document)
            if operation["operationId"] not in table.PREPARED and _called(door, schema[path][method.upper()], operation)
        }
        seen = [*facts.calls, *door.world.calls]
    succeeded |= set(_heard(name, document, schema, seen))
    assert succeeded == {operation["operationId"] for _, _, operation in operations(document)}


def _called(door: Door, target: Any, operation: dict[str, Any]) -> bool:
    """Call an operation as the table says, and let schemathesis judge the answer."""
    call = table.CALLS.get(operation["operationId"])
    case = target.Case(
        path_parameters=path_of(door, operation, call),
        headers=door.credentials(target.path) | conditions_of(door, target.path, operation, call),
        **body_of(door, operation, call),
    )
    answer = case.call_and_validate(base_url=door.instance.issuer)
    assert answer.status_code < 300, (operation["operationId"], answer.status_code, answer.text)
    if operation["operationId"] == "disconnect_connection":
        _farewell(door)
    return True


def _farewell(door: Door) -> None:
    """Let the puller say goodbye, the others have told each other theirs, while keys still count."""
    path = f"/api/v1/connections/{door.known['pull_connection_id']}/disconnect"
    door.portal.call(Operator(door.world.puller).call, "POST", path, {"reason": "Over"})
    door.turn()


def _heard(name: str, document: documents.Document, schema: Any, seen: list[Seen]) -> Iterator[str]:
    """Judge what operators and peers were answered while the world was prepared; yield what succeeded."""
    patterns = [
        (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path, operation["operationId"])
        for path, method, operation in operations(document)
    ]
    issuers = {issuer for instance, issuer in ORIGINS.items() if (instance == "provider") == (name == "provider")}
    for call in seen:
        for method, pattern, path, identifier in patterns:
            if call.issuer in issuers and call.method == method and pattern.fullmatch(call.path) and call.status < 300:
                schema[path][method].validate_response(_answer(call))
                yield identifier


def _answer(call: Seen) -> httpx.Response:
    request = httpx.Request(call.method, call.issuer + call.path)
    answer = httpx.Response(call.status, headers=call.headers, content=call.body, request=request)
    answer.elapsed = timedelta()
    return answer
