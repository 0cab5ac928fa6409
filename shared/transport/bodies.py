"""Bodies of the operator and integrator API: read strictly, and only after the caller is known.

The framework would parse a body parameter before any dependency runs, and with a lax decoder (design: architecture.md,
facts 2 and 8). List the dependency after the one that authenticates.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from shared.transport.conventions import MERGE_PATCH_TYPE
from shared.transport.errors import NotAcceptedType
from shared.transport.inbound import parsed
from shared.wire.version import JSON_TYPE

Model = TypeVar("Model", bound=BaseModel)


def body_of(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that reads the JSON body as ``model``.

    Raises `NotAcceptedType`, `MalformedJson`, and `Invalid` with ``errors`` naming each member at fault.
    """

    async def read(request: Request) -> Model:
        _require_type(request, {JSON_TYPE})
        return parsed(model, await request.body())

    return read


async def merge_patch_body(request: Request) -> bytes:
    """A dependency: the raw body of a PATCH, for `shared.transport.conventions.patched`. Raises `NotAcceptedType`."""
    _require_type(request, {MERGE_PATCH_TYPE, JSON_TYPE})
    return await request.body()


def _require_type(request: Request, accepted: set[str]) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise NotAcceptedType(f"The body must be {' or '.join(sorted(accepted))}", fix="Set the header Content-Type.")
