"""Finishes an application's OpenAPI 3.1 document, the same way on every start (design: quality.md, API conventions 1).

Peer endpoints read their body raw, so the framework does not know it: `signed_body` adds it. Every operation gets the
problem answer, a unique operationId (its function's name) and the security scheme of its audience.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.transport.conventions import MERGE_PATCH_TYPE
from shared.wire.problems import Problem
from shared.wire.version import JSON_TYPE, PROBLEM_TYPE

_COMPONENTS: Final = "#/components/schemas/{model}"
_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_DEFINITIONS: Final = "x-definitions"

PROBLEM_EXAMPLE: Final = {
    "type": "urn:service-exchange:problem:not_found",
    "title": "Not found",
    "status": 404,
    "code": "not_found",
    "detail": "There is no such record for this caller",
    "fix": "Check the id.",
    "request_id": "0197f3c0-0000-7000-8000-000000000000",
}

SECURITY_SCHEMES: Final[Mapping[str, Mapping[str, str]]] = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature-Input",
        "description": "HTTP message signature of the profile service-exchange-1 (RFC 9421) by a pinned key.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "API token of an integrator."},
    "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "Signed-in person."},
}
"""One scheme an audience: instances, integrators, people."""


def operation_id(route: APIRoute) -> str:
    """Return the operation's id: the name of its function, verb and noun. For ``generate_unique_id_function``."""
    return route.name


def take_in(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Let ``app`` answer the routes of ``routers``, in their order; what is said of each stands in its router.

    ``include_router`` would make every route anew for every application, at its first request. Where an answer has no
    model of its own, its title is made with the route: such a router names `operation_id` itself.
    """
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                route.unique_id = operation_id(route)
        app.router.routes.extend(router.routes)


def signed_body(
    model: type[BaseModel], *, example: Mapping[str, Any] | None = None, content_type: str = JSON_TYPE
) -> dict[str, Any]:
    """Return ``openapi_extra`` for an endpoint that reads ``model`` from the raw body itself.

    Of a merge patch (RFC 7396) every member may be left out, whatever the whole record needs.
    """
    schema = model.model_json_schema(ref_template=_COMPONENTS, mode="validation")
    definitions = schema.pop("$defs", {})
    name = model.__name__
    if content_type == MERGE_PATCH_TYPE:
        name = f"{name.removesuffix('Patch')}Patch"
        schema = _patch_of(schema, name)
    definitions[name] = schema
    content: dict[str, Any] = {"schema": {"$ref": _COMPONENTS.format(model=name)}}
    if example is not None:
        content["example"] = dict(example)
    return {
        "requestBody": {"required": True, "content": {content_type: content}},
        _DEFINITIONS: definitions,
    }


def _patch_of(schema: Mapping[str, Any], title: str) -> dict[str, Any]:
    members = {
        name: {word: value for word, value in member.items() if word != "default"}
        for name, member in schema["properties"].items()
    }
    return {**{word: value for word, value in schema.items() if word != "required"}, "properties": members} | {
        "title": title
    }


def finish(
    app: FastAPI,
    *,
    security_by_prefix: Mapping[str, Sequence[str]],
    webhooks: Mapping[str, Any] | None = None,
) -> None:
    """Let ``app.openapi()`` return the finished document.

    ``security_by_prefix``: path prefix to names of `SECURITY_SCHEMES`, any of which will do; the longest prefix counts.
    Raises ValueError when the document is asked for and an operation lacks a tag or shares its id, or two
    different models share a name.
    """

    def finished() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, security_by_prefix, webhooks or {})
        return app.openapi_schema

    app.openapi = finished  # type: ignore[method-assign]  # the framework's documented way to extend the document


def _document(app: FastAPI, security: Mapping[str, Sequence[str]], webhooks: Mapping[str, Any]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate Operation ID")  # `_check` refuses them instead
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
        )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for path, _, operation in operations(document):
        _join(schemas, operation.pop(_DEFINITIONS, {}))
        operation["responses"] = _responses(operation.get("responses", {}))
        names = _by_prefix(security, path)
        if names and "security" not in operation:
            operation["security"] = [{name: []} for name in names]
    problem = Problem.model_json_schema(ref_template=_COMPONENTS)
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    used = {name for names in security.values() for name in names}
    components["securitySchemes"] = {name: dict(SECURITY_SCHEMES[name]) for name in sorted(used)}
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {"Problem": _problem_response()}
    if webhooks:
        document["webhooks"] = dict(webhooks)
    _check(document)
    return document


def _join(schemas: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, schema in more.items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"Two different models are called {name}: the document could describe only one")


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation object of every operation of ``document``."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _responses(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Refusals all look alike, so one answer stands for every status an operation does not describe itself."""
    kept = {
        status: answer for status, answer in declared.items() if "HTTPValidationError" not in str(answer.get("content"))
    }
    return kept | {"default": {"$ref": "#/components/responses/Problem"}}


def _problem_response() -> dict[str, Any]:
    return {
        "description": "A refusal or failure, as problem details (RFC 9457).",
        "content": {
            PROBLEM_TYPE: {"schema": {"$ref": _COMPONENTS.format(model="Problem")}, "example": dict(PROBLEM_EXAMPLE)}
        },
    }


def _by_prefix(table: Mapping[str, Sequence[str]], path: str) -> Sequence[str]:
    found = [prefix for prefix in table if path.startswith(prefix)]
    return table[max(found, key=len)] if found else ()


def _check(document: Mapping[str, Any]) -> None:
    seen: dict[str, str] = {}
    for path, method, operation in operations(document):
        name, place = operation.get("operationId", ""), f"{method.upper()} {path}"
        if name in seen:
            raise ValueError(f"{place} and {seen[name]} share the operationId {name!r}")
        if not operation.get("tags"):
            raise ValueError(f"{place} has no tag")
        seen[name] = place
