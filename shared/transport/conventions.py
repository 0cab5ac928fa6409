"""What every API of ours does the same way: query parameters, pages, versions, patches (design: quality.md, 5 and 6).

``Idempotency-Key`` has its own module, `shared.transport.idempotency`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, Field
from rfc8785 import dumps
from starlette.requests import Request

from shared.transport.errors import UnknownParameter
from shared.transport.problems import pointer_of, validated
from shared.wire import strict_json
from shared.wire.errors import (
    ExchangeError,
    FieldError,
    Invalid,
    MalformedJson,
    PreconditionFailed,
    PreconditionRequired,
)

PAGE_LIMIT: Final = 200
"""Items of a page, at most."""

PAGE_DEFAULT: Final = 50
MERGE_PATCH_TYPE: Final = "application/merge-patch+json"

Item = TypeVar("Item")
Row = TypeVar("Row")
Model = TypeVar("Model", bound=BaseModel)

PageLimit = Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Items of a page, at most.")]
PageCursor = Annotated[str | None, Query(max_length=512, description="The `next_cursor` of the page before; opaque.")]

_ETAG = re.compile(r'\s*(?P<tag>(?:W/)?"[\x21\x23-\x7e]*")\s*')


async def known_parameters(request: Request) -> None:
    """A dependency of every router: refuse query parameters the operation does not declare, and any given twice.

    Raises `UnknownParameter`. A parameter that takes a list may be given as often as its own limit allows.
    """
    declared = _declared(request)
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = sorted(set(given) - declared.keys())
    if unknown:
        raise UnknownParameter(
            f"Unknown query parameter: {_shown(unknown[0])}",
            cause="The operation takes: " + (", ".join(sorted(declared)) or "none") + ".",
            fix="Leave it out, or correct its name.",
        )
    twice = next((name for name in given if given.count(name) > 1 and not declared[name]), None)
    if twice is not None:
        raise UnknownParameter(f"The query parameter {_shown(twice)} is given twice", code="duplicate_parameter")


def _declared(request: Request) -> dict[str, bool]:
    """Return the names of the operation's query parameters, and whether each takes a list."""
    included = request.scope.get("fastapi", {}).get("effective_route_context")
    route = request.scope["route"] if included is None else included
    declared: dict[str, bool] = {}
    pending = [route.dependant]
    while pending:
        dependant = pending.pop()
        pending.extend(dependant.dependencies)
        for parameter in dependant.query_params:
            declared |= _names(parameter.alias, parameter.field_info.annotation)
    return declared


def _names(alias: str, annotation: Any) -> dict[str, bool]:
    """A parameter may be a model, each of whose fields is a query parameter then."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {field.alias or name: _takes_list(field.annotation) for name, field in annotation.model_fields.items()}
    return {alias: _takes_list(annotation)}


def _takes_list(annotation: Any) -> bool:
    return any(word in str(annotation) for word in ("list[", "set[", "tuple["))


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    # Not a docstring: pydantic would look for it again, up the whole stack, for every kind of page.
    next_cursor: str | None = Field(None, description="Pass as `cursor` for the next page; absent on the last one.")


def encode_cursor(sort: str, values: Sequence[str | int]) -> str:
    """Return the place after the row with these sort ``values``, opaque to callers and bound to the order ``sort``."""
    return base64.urlsafe_b64encode(dumps([sort, *values])).rstrip(b"=").decode("ascii")


def decode_cursor(sort: str, cursor: str) -> list[str | int]:
    """Return the values `encode_cursor` took; raise `Invalid` (``cursor_invalid``) for any other text or order."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = strict_json.decode(raw, max_depth=1)
    except (binascii.Error, ValueError, MalformedJson) as error:
        raise _bad_cursor() from error
    if not isinstance(found, list) or found[:1] != [sort] or len(found) < 2:
        raise _bad_cursor()
    if any(isinstance(value, bool) or not isinstance(value, str | int) for value in found):
        raise _bad_cursor()
    return found[1:]


def cut_page(
    rows: Sequence[Row], *, limit: int, sort: str, key: Callable[[Row], Sequence[str | int]]
) -> tuple[Sequence[Row], str | None]:
    """Return at most ``limit`` of ``rows`` and the cursor behind them; ask the store for ``limit + 1`` rows."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(sort, key(rows[limit - 1]))


def link_header(request: Request, next_cursor: str | None) -> dict[str, str]:
    """Return the ``Link`` header to the next page (RFC 8288), relative so that no Host is trusted; none on the last."""
    if next_cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"link": f'<?{urlencode([*kept, ("cursor", next_cursor)])}>; rel="next"'}


def etag_of(version: int | str) -> str:
    """Return the strong entity tag of a version (RFC 9110 section 8.8.3)."""
    return f'"{version}"'


def require_match(if_match: str | None, current: str) -> None:
    """Raise `PreconditionRequired` without ``If-Match``, `PreconditionFailed` unless it names ``current``.

    Comparison is strong (RFC 9110 section 13.1.1). ``*`` is refused too: a change must say what it starts from.
    """
    if if_match is None:
        raise PreconditionRequired(fix="Read the resource and send its ETag as If-Match.")
    if current not in _tags(if_match):
        raise PreconditionFailed(
            cause="Somebody else has changed it since you read it.", fix="Read it again and repeat the change."
        )


def is_unchanged(if_none_match: str | None, current: str) -> bool:
    """Tell whether a 304 is due: ``If-None-Match`` names ``current``, weakly compared (RFC 9110 section 13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or current in {tag.removeprefix("W/") for tag in _tags(if_none_match)}


def merge_patch(target: Any, patch: Any) -> Any:
    """Return ``target`` with the JSON merge patch applied; neither is changed (RFC 7396 section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def patched(model: type[Model], current: Mapping[str, Any], body: bytes) -> Model:
    """Return ``current`` with the merge patch ``body`` applied, as ``model``.

    Raises `MalformedJson`; `Invalid` where the patch is no object, names a member ``model`` does not have, or leaves
    something that is not valid.
    """
    patch = strict_json.decode(body)
    if not isinstance(patch, dict):
        raise Invalid("A merge patch is an object", code="patch_invalid", fix="Send the members to change.")
    names = {field.alias or name for name, field in model.model_fields.items()}
    unknown = [name for name in patch if name not in names]
    if unknown:
        raise Invalid(
            f"There is no member {_shown(unknown[0])} that can be changed",
            code="unknown_member",
            fix=f"Members that can be changed: {', '.join(sorted(names))}.",
            errors=[FieldError(pointer_of([name]), "No such member") for name in unknown],
        )
    return validated(model, merge_patch(current, patch))


def _tags(header: str) -> list[str]:
    found = [_ETAG.fullmatch(part) for part in header.split(",")]
    return [match["tag"] for match in found if match is not None]


def _shown(name: str) -> str:
    return ascii(name[:60])


def _bad_cursor() -> ExchangeError:
    return Invalid(
        "The cursor does not belong to this list", code="cursor_invalid", fix="Use next_cursor as it was given."
    )
