"""What is answered beneath ``/scim/v2`` (RFC 7644).

Every answer is SCIM's own: resources as ``application/scim+json``, refusals as its error (section 3.12).
"""

import functools
import operator
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from scim2_models import (
    Context as Phase,
)
from scim2_models import (
    Error,
    ListResponse,
    Meta,
    PatchOp,
    Resource,
    ResourceType,
    Schema,
    SCIMException,
    ScimProvider,
    SearchRequest,
)
from starlette.requests import Request
from starlette.responses import Response

from provider_service.audit.domain import Actor
from provider_service.context import Context
from provider_service.scim.domain import MEDIA_TYPE, PAGE, PREFIX, resources
from provider_service.scim.domain.resources import Group, User
from provider_service.scim.service import groups, resolve_client, users
from provider_service.scim.service.users import View, require_version, version_of
from shared.runtime.database import Database
from shared.transport.problems import status_of
from shared.wire import strict_json
from shared.wire.errors import Conflict, ExchangeError, Invalid, MalformedJson, NotFound, Unauthenticated
from shared.wire.version import JSON_TYPE

Work = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of resource: its model, and the use case of each method."""

    model: type[Resource[Any]]
    listed: Work
    made: Work
    found: Work
    replaced: Work
    patched: Work
    deleted: Work


KINDS: Final[Mapping[str, Kind]] = {
    "Users": Kind(
        User,
        users.list_users,
        users.create_user,
        users.get_user,
        users.replace_user,
        users.patch_user,
        users.delete_user,
    ),
    "Groups": Kind(
        Group,
        lambda session, view, _wanted: groups.list_groups(session, view),
        groups.create_group,
        groups.get_group,
        groups.replace_group,
        groups.patch_group,
        groups.delete_group,
    ),
}
"""The last part of an endpoint's address to what stands behind it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    request: Request
    context: Context
    view: View
    provider: ScimProvider

    @property
    def database(self) -> Database:
        """The database of this process."""
        return self.context.database


async def answer(request: Request) -> Response:
    """Answer whatever is asked there."""
    try:
        return await _dispatch(await _authenticated(request))
    except SCIMException as error:
        return _refusal(error.to_error())
    except ValidationError as error:
        return _refusal(Error.from_validation_errors(error)[0])
    except ExchangeError as error:
        return _refusal(_as_scim(error), error)


async def _authenticated(request: Request) -> Call:
    context: Context = request.app.state.context
    word, _, bearer = request.headers.get("authorization", "").partition(" ")
    if word.lower() != "bearer":
        raise Unauthenticated("Send the token of a SCIM client as Authorization: Bearer", code="token_invalid")
    client = await context.database.read(resolve_client, bearer.strip())
    address = request.client.host if request.client else ""
    issuer = context.settings.issuer
    view = View(client.id, Actor("token", client.id, f"SCIM: {client.name}", address), issuer)
    return Call(request, context, view, resources.described(issuer))


async def _dispatch(call: Call) -> Response:
    parts = str(call.request.path_params["path"]).strip("/").split("/")
    name, rest = parts[0], parts[1:]
    table: dict[str, Callable[[], Awaitable[Response]]]
    if name in {"ServiceProviderConfig", "ResourceTypes", "Schemas"} and len(rest) <= 1:
        table = {"GET": lambda: _description(call, name, rest)}
    elif name in KINDS and not rest:
        kind = KINDS[name]
        table = {"GET": lambda: _list(call, [kind], dict(call.request.query_params)), "POST": lambda: _make(call, kind)}
    elif (name in KINDS and rest == [".search"]) or (name == ".search" and not rest):
        kinds = [KINDS[name]] if name in KINDS else list(KINDS.values())
        table = {"POST": lambda: _search(call, kinds)}
    elif name in KINDS and len(rest) == 1:
        table = _of_one(call, KINDS[name], rest[0])
    else:
        raise NotFound("There is no such endpoint")
    asked = table.get(call.request.method)
    if asked is None:
        refusal = Error(status=405, detail=f"The endpoint answers {', '.join(table)}")
        return _refusal(refusal, headers={"allow": ", ".join(table)})
    return await asked()


def _of_one(call: Call, kind: Kind, resource_id: str) -> dict[str, Callable[[], Awaitable[Response]]]:
    return {
        "GET": lambda: _show(call, kind, resource_id),
        "PUT": lambda: _replace(call, kind, resource_id),
        "PATCH": lambda: _patch(call, kind, resource_id),
        "DELETE": lambda: _delete(call, kind, resource_id),
    }


async def _description(call: Call, name: str, rest: list[str]) -> Response:
    if name == "ServiceProviderConfig" and not rest:
        return _shown(resources.described(call.view.issuer).config, Phase.RESOURCE_QUERY_RESPONSE)
    found: list[Any] = list(call.provider.resource_types if name == "ResourceTypes" else _schemas(call))
    if "filter" in call.request.query_params:
        raise SCIMException.from_error(Error(status=403, detail="What the service is cannot be filtered"))
    if not rest:
        model: Any = ResourceType if name == "ResourceTypes" else Schema
        return _page(ListResponse[model], found, SearchRequest(), Phase.RESOURCE_QUERY_RESPONSE)
    one = next((item for item in found if rest[0] in {str(item.id), str(getattr(item, "name", ""))}), None)
    if one is None:
        raise NotFound(f"There is nothing of this name in {name}")
    return _shown(one, Phase.RESOURCE_QUERY_RESPONSE)


def _schemas(call: Call) -> list[Schema]:
    found = list(call.provider.schemas)
    for schema in found:
        location = f"{call.view.issuer}{PREFIX}/Schemas/{schema.id}"
        schema.meta = schema.meta or Meta()
        schema.meta.resource_type, schema.meta.location = "Schema", location
    return found


async def _list(
    call: Call, kinds: list[Kind], asked: Mapping[str, Any], phase: Phase = Phase.RESOURCE_QUERY_RESPONSE
) -> Response:
    models = functools.reduce(operator.or_, [kind.model for kind in kinds])
    search: Any = SearchRequest[models]  # type: ignore[valid-type]  # the models of an endpoint are values here
    wanted = search.model_validate({name: asked[name] for name in _ASKED if name in asked})
    node = wanted.filter.ast if wanted.filter is not None else None
    found = [one for kind in kinds for one in await call.database.read(kind.listed, call.view, node)]
    if wanted.filter is not None:
        found = [one for one in found if wanted.filter.match(one)]
    answer: Any = ListResponse[models]  # type: ignore[valid-type]
    return _page(answer, wanted.sort(found), wanted, phase)


async def _search(call: Call, kinds: list[Kind]) -> Response:
    body = await _body(call.request)
    SearchRequest.model_validate(body, scim_ctx=Phase.SEARCH_REQUEST)
    return await _list(call, kinds, body, Phase.SEARCH_RESPONSE)


async def _make(call: Call, kind: Kind) -> Response:
    given = kind.model.model_validate(await _body(call.request), scim_ctx=Phase.RESOURCE_CREATION_REQUEST)
    made = await call.database.write(kind.made, call.view, given, now=call.context.clock())
    return _shown(made, Phase.RESOURCE_CREATION_RESPONSE, 201, selection=_selection(call, kind))


async def _show(call: Call, kind: Kind, resource_id: str) -> Response:
    found = await call.database.read(kind.found, call.view, resource_id)
    known = call.request.headers.get("if-none-match", "")
    if version_of(found) in {tag.strip() for tag in known.split(",")}:
        return Response(status_code=304, headers={"etag": version_of(found)})
    return _shown(found, Phase.RESOURCE_QUERY_RESPONSE, selection=_selection(call, kind))


async def _replace(call: Call, kind: Kind, resource_id: str) -> Response:
    given = kind.model.model_validate(await _body(call.request), scim_ctx=Phase.RESOURCE_REPLACEMENT_REQUEST)
    made = await call.database.write(kind.replaced, call.view, resource_id, given, **_change(call))
    return _shown(made, Phase.RESOURCE_REPLACEMENT_RESPONSE, selection=_selection(call, kind))


async def _patch(call: Call, kind: Kind, resource_id: str) -> Response:
    patch_type: Any = PatchOp[kind.model]  # type: ignore[name-defined]
    patch = patch_type.model_validate(await _body(call.request), scim_ctx=Phase.RESOURCE_PATCH_REQUEST)
    made = await call.database.write(kind.patched, call.view, resource_id, patch, **_change(call))
    return _shown(made, Phase.RESOURCE_PATCH_RESPONSE, selection=_selection(call, kind))


async def _delete(call: Call, kind: Kind, resource_id: str) -> Response:
    await call.database.write(kind.deleted, call.view, resource_id, **_change(call))
    return Response(status_code=204)


def _change(call: Call) -> dict[str, Any]:
    return {"match": require_version(call.request.headers.get("if-match")), "now": call.context.clock()}


_ASKED: Final = (
    "filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes",
)  # fmt: skip


def _selection(call: Call, kind: Kind) -> Any:
    """Return which attributes the client asked for (RFC 7644 section 3.9)."""
    asked = {name: value for name, value in call.request.query_params.items() if name in _ASKED[-2:]}
    search: Any = SearchRequest[kind.model]  # type: ignore[name-defined]
    return search.model_validate(asked)


async def _body(request: Request) -> Any:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in {MEDIA_TYPE, JSON_TYPE}:
        raise SCIMException.from_error(Error(status=415, detail=f"The body must be {MEDIA_TYPE} or {JSON_TYPE}"))
    found = strict_json.decode(await request.body())
    if not isinstance(found, dict):
        raise MalformedJson("The body is no object")
    return found


def _page(model: Any, found: list[Any], wanted: Any, phase: Phase) -> Response:
    limit = PAGE if wanted.count is None else min(wanted.count, PAGE)
    first = wanted.start_index_0 or 0
    shown = found[first : first + limit]
    page = model(total_results=len(found), start_index=first + 1, items_per_page=len(shown), resources=shown)
    return _shown(page, phase, selection=wanted)


def _shown(what: Any, phase: Phase, status: int = 200, *, selection: Any = None) -> Response:
    body = what.model_dump_json(scim_ctx=phase, response_parameters=selection)
    meta = getattr(what, "meta", None)
    headers = {name: str(value) for name, value in _naming(meta) if value}
    return Response(body, status, headers=headers, media_type=MEDIA_TYPE)


def _naming(meta: Any) -> list[tuple[str, Any]]:
    if meta is None:
        return []
    return [("etag", meta.version), ("location", meta.location), ("content-location", meta.location)]


def _as_scim(error: ExchangeError) -> Error:
    """Return one of our errors in SCIM's words."""
    scim_type = None
    if isinstance(error, Conflict) and error.code in {"email_taken", "login_taken", "group_taken"}:
        scim_type = "uniqueness"
    elif isinstance(error, MalformedJson):
        scim_type = "invalidSyntax"
    elif isinstance(error, Invalid):
        scim_type = "invalidValue"
    detail = " ".join(part for part in (error.detail, error.cause, error.fix) if part)
    return Error(status=status_of(error), scim_type=scim_type, detail=detail)


def _refusal(error: Error, cause: ExchangeError | None = None, headers: Mapping[str, str] | None = None) -> Response:
    more = dict(headers or {})
    if isinstance(cause, Unauthenticated):
        more["www-authenticate"] = "Bearer"
    if cause is not None and cause.retry_after is not None:
        more["retry-after"] = str(cause.retry_after)
    body = error.model_dump_json(exclude_none=True)
    return Response(body, error.status or 400, headers=more, media_type=MEDIA_TYPE)
