"""Whatever is sent to an operation, its answer is one the document describes (schemathesis, every check).

One test an operation; those of one service share a copy of the prepared world, the ones that end something come last.
``FUZZ_EXAMPLES`` sets how many inputs of each kind are made up for an operation.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from tests.openapi import documents, table
from tests.openapi.calls import conditions_of, path_of
from tests.openapi.door import Door, door_of
from tests.openapi.prepared import Facts

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "8"))

DOCUMENTS: Final = {name: documents.committed(name) for name in documents.NAMES}
REFUSED: Final = ["400", "401", "403", "404", "405", "409", "410", "412", "413", "415", "422", "428", "429"]
"""How a call is refused. One that is well-formed may still not fit the state, or name what is not there."""

TARGETS: Final = [
    pytest.param(name, path, method, id=f"{name}-{operation['operationId']}")
    for name, document in DOCUMENTS.items()
    for path, method, operation in table.ordered(document)
]


def _schema(name: str) -> Any:
    schema = schemathesis.openapi.from_dict(DOCUMENTS[name])
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", *REFUSED, "502", "503"]
    schema.config.checks.negative_data_rejection.expected_statuses = REFUSED
    return schema


SCHEMAS: Final = {name: _schema(name) for name in documents.NAMES}


@pytest.fixture(scope="session")
def doors(template: Path, facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Doors"]:
    del facts  # the template is made with them
    with ExitStack() as exits:
        yield Doors(template, tmp_path_factory, exits)


class Doors:
    """The world of the service that is being tested; the one before is left."""

    def __init__(self, template: Path, folders: pytest.TempPathFactory, exits: ExitStack) -> None:
        self._template, self._folders, self._exits = template, folders, exits
        self._open: tuple[str, Door] | None = None

    def at(self, name: str) -> Door:
        if self._open is None or self._open[0] != name:
            self._exits.close()
            folder = self._folders.mktemp(name)
            self._open = (name, self._exits.enter_context(door_of(name, self._template, folder)))
        return self._open[1]


@pytest.mark.parametrize(("name", "path", "method"), TARGETS)
def test_every_answer_is_one_the_document_describes(doors: Doors, name: str, path: str, method: str) -> None:
    operation = DOCUMENTS[name]["paths"][path][method]
    target = SCHEMAS[name][path][method.upper()]
    door = doors.at(name)
    made = [target.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @seed(1)
    @settings(
        max_examples=2 * EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(made))
    def fuzzed(case: Any) -> None:
        _aimed(door, case, operation)
        case.call_and_validate(base_url=door.instance.issuer, headers=door.credentials(path))

    fuzzed()


def _aimed(door: Door, case: Any, operation: dict[str, Any]) -> None:
    """Let a well-formed call hit what is there, so that it comes further than to a 404."""
    negative = {where for where in ParameterLocation if case.meta.is_negative_at(where)}
    if ParameterLocation.PATH not in negative:
        case.path_parameters.update(path_of(door, operation, table.CALLS.get(operation["operationId"])))
    if ParameterLocation.HEADER not in negative:
        case.headers.update(conditions_of(door, case.operation.path, operation))
