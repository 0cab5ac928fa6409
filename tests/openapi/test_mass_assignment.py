"""No body takes a member that is not offered: every column of every table, tried in every body, is refused."""

import importlib
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import func, select

from tests.openapi import documents, table
from tests.openapi.calls import body_of, conditions_of, path_of
from tests.openapi.door import Door, door_of
from tests.openapi.prepared import Facts

SHOWN: Final = 3
"""Members tried alone; all others together, which is as good as alone once unknown ones are refused at all."""


@pytest.mark.parametrize("name", documents.NAMES)
def test_a_column_that_is_not_offered_is_refused_in_every_body(
    name: str, template: Path, facts: Facts, tmp_path: Path
) -> None:
    del facts  # the template is made with them
    document = documents.committed(name)
    with door_of(name, template, tmp_path) as door:
        columns = _columns(door)
        before = _rows(door)
        for path, method, operation in table.ordered(document):
            if "requestBody" not in operation or not path.startswith("/api/"):
                continue
            offered = _offered(document, operation)
            extra = sorted(columns - offered)
            assert extra
            for members in (*([member] for member in extra[:SHOWN]), extra):
                answer = _ask(door, path, method, operation, dict.fromkeys(members, "x"))
                assert answer.status_code == 422, (operation["operationId"], members, answer.text)
                pointed = {error["pointer"] for error in answer.json().get("errors", [])}
                assert {f"/{member}" for member in members} <= pointed, (operation["operationId"], answer.text)
        assert _rows(door) == before


def _columns(door: Door) -> set[str]:
    metadatas = importlib.import_module(f"{door.instance.package}.cli").metadatas()
    return {column.name for metadata in metadatas for each in metadata.tables.values() for column in each.columns}


def _rows(door: Door) -> dict[str, int]:
    """Count the rows of every table, but for what notes that a call was made."""
    metadatas = importlib.import_module(f"{door.instance.package}.cli").metadatas()
    tables = [each for metadata in metadatas for each in metadata.sorted_tables]
    with door.instance.context.database.snapshot() as connection:
        return {each.name: connection.scalar(select(func.count()).select_from(each)) for each in tables}


def _offered(document: documents.Document, operation: dict[str, Any]) -> set[str]:
    ((_, content),) = operation["requestBody"]["content"].items()
    name = content["schema"]["$ref"].rpartition("/")[2]
    return set(document["components"]["schemas"][name].get("properties", {}))


def _ask(door: Door, path: str, method: str, operation: dict[str, Any], extra: dict[str, str]) -> httpx.Response:
    call = table.CALLS.get(operation["operationId"])
    given = body_of(door, operation, call)
    headers = (
        door.credentials(path) | conditions_of(door, path, operation, call) | {"content-type": given["media_type"]}
    )
    place = path.format(**path_of(door, operation, call))
    send = door.client.request
    answer: httpx.Response = door.portal.call(
        lambda: send(method.upper(), place, headers=headers, content=_text(given["body"] | extra))
    )
    return answer


def _text(document: dict[str, Any]) -> bytes:
    return documents.json.dumps(document).encode()
