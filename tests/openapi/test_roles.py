"""Who reaches which operation: every operation by every role, by tokens without its scope, and by nobody."""

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from shared.transport.openapi import operations
from shared.wire.states import Role
from tests.openapi import documents
from tests.openapi.matrix import MAY, SCOPES
from tests.openapi.onboarding import Operator
from tests.openapi.world import Instance, opened

pytestmark = pytest.mark.anyio

NOWHERE = "0197f3c0-0000-7000-8000-000000000000"


def _api(name: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [found for found in operations(documents.committed(name)) if found[0].startswith("/api/")]


@pytest.mark.parametrize("name", documents.NAMES)
def test_the_table_has_every_operation(name: str) -> None:
    listed = {operation["operationId"] for _, _, operation in _api(name)}
    assert listed == MAY[name].keys()
    assert listed == SCOPES[name].keys()


@pytest.mark.parametrize("name", documents.NAMES)
async def test_every_role_reaches_its_operations_and_no_other(name: str, tmp_path: Path) -> None:
    async with opened(tmp_path, name) as world:
        instance = world.instances[name]
        scopes = instance.module("directory.domain").SCOPES
        for role in [*Role, None]:
            token = await _token(instance, frozenset([role] if role else []), scopes)
            for path, method, operation in _api(name):
                answer = await _ask(instance, method, path, operation, token)
                refused = answer.status_code == 403 and answer.json()["code"] in {"role_missing", "forbidden"}
                assert refused is not (role in MAY[name][operation["operationId"]]), (role, method, path, answer.text)


@pytest.mark.parametrize("name", documents.NAMES)
async def test_a_token_reaches_what_its_scopes_name_and_nothing_else(name: str, tmp_path: Path) -> None:
    async with opened(tmp_path, name) as world:
        instance = world.instances[name]
        for scope in sorted(instance.module("directory.domain").SCOPES):
            token = await _token(instance, frozenset(Role) - {Role.SN_SB_PRO_CONSUMER}, frozenset([scope]))
            for path, method, operation in _api(name):
                answer = await _ask(instance, method, path, operation, token)
                refused = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
                wanted = SCOPES[name][operation["operationId"]]
                held = wanted is None or wanted in {scope, scope.replace(":write", ":read")}
                assert refused is not held, (scope, method, path, answer.text)


@pytest.mark.parametrize("name", documents.NAMES)
async def test_nobody_comes_in_without_a_credential(name: str, tmp_path: Path) -> None:
    async with opened(tmp_path, name) as world:
        instance = world.instances[name]
        await Operator(instance).call("POST", "/api/v1/instance", {"name": "one", "instance_type": "production"})
        for path, method, operation in operations(documents.committed(name)):
            answer = await _ask(instance, method, path, operation, "")
            signed = path.startswith("/exchange/") and "security" in operation
            assert answer.status_code in ({401} if path.startswith("/api/") or signed else {200, 400, 503}), (
                method,
                path,
            )
            if answer.status_code != 200:
                assert answer.headers["content-type"] == "application/problem+json"


async def _token(instance: Instance, roles: frozenset[Role], scopes: frozenset[str]) -> str:
    directory = instance.module("directory.service")
    number = await instance.write(lambda session: len(directory.list_users(session, limit=200)))
    person = await instance.write(
        directory.add_user,
        email=f"person{number}@example.com",
        name=f"Person {number}",
        roles=roles,
        actor=instance.module("audit.domain").SYSTEM,
        now=instance.context.clock(),
    )
    return await instance.token_of(person, scopes)


async def _ask(instance: Instance, method: str, path: str, operation: dict[str, Any], token: str) -> httpx.Response:
    """Call an operation on something that is not there, with a body that cannot be right."""
    place = path.replace("{number}", "REG9999999")
    place = "/".join(NOWHERE if part.startswith("{") else part for part in place.split("/"))
    headers = {"authorization": f"Bearer {token}"} if token else {}
    headers["idempotency-key"] = operation["operationId"]
    body = {"json": {}} if "requestBody" in operation else {}
    transport = httpx.ASGITransport(instance.app)
    with anyio.fail_after(20):
        async with httpx.AsyncClient(transport=transport, base_url=instance.issuer) as client:
            return await client.request(method, place, headers=headers, **body)
