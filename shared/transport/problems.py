"""Errors become problems (RFC 9457) here, by one table, and nowhere else.

What a caller sent is never repeated to them: an echoed ``NaN`` or lone surrogate cannot even be written as JSON, and an
echoed password ends up in logs (design: architecture.md, fact 8).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.signing.errors import BodyTooLarge
from shared.transport import errors as crossing
from shared.wire import errors as tree
from shared.wire.errors import ExchangeError, FieldError
from shared.wire.problems import Problem
from shared.wire.version import PROBLEM_TYPE

STATUS: Final[Mapping[type[ExchangeError], int]] = {
    ExchangeError: 500,
    tree.Invalid: 422,
    tree.MalformedJson: 400,
    crossing.UnknownParameter: 400,
    crossing.BadFraming: 400,
    tree.Unauthenticated: 401,
    BodyTooLarge: 413,
    tree.Forbidden: 403,
    tree.NotFound: 404,
    crossing.MethodNotAllowed: 405,
    crossing.ReceiptTimeout: 408,
    tree.Conflict: 409,
    tree.Gone: 410,
    tree.PreconditionFailed: 412,
    tree.TooLarge: 413,
    crossing.NotAcceptedType: 415,
    tree.PreconditionRequired: 428,
    tree.TooMany: 429,
    crossing.HeadersTooLarge: 431,
    crossing.CallFailed: 502,
    tree.Unavailable: 503,
    crossing.DeadlinePassed: 504,
}
"""Error class to status; a class without an entry takes its nearest ancestor's."""

METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
"""Methods that a route of ours may take."""

SIGNED_PREFIXES: Final = ("/exchange/", "/.well-known/")
"""Paths whose answers are signed and whose callers authenticate by signature."""

Model = TypeVar("Model", bound=BaseModel)

_log = structlog.get_logger("shared.transport")

_BY_STATUS: Final[Mapping[int, type[ExchangeError]]] = {
    400: crossing.BadFraming,
    401: tree.Unauthenticated,
    403: tree.Forbidden,
    404: tree.NotFound,
    405: crossing.MethodNotAllowed,
    413: tree.TooLarge,
    415: crossing.NotAcceptedType,
    503: tree.Unavailable,
}


def status_of(error: ExchangeError) -> int:
    """Return the status of ``error``: that of the nearest class in its method resolution order."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def request_id_of(scope: Scope) -> str | None:
    """Return the id that `shared.transport.limits.RequestIds` gave this request."""
    found = scope.get("state", {}).get("request_id")
    return found if isinstance(found, str) else None


def problem_response(error: ExchangeError, scope: Scope, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``error`` as the answer to the request of ``scope``, with Retry-After and WWW-Authenticate where due."""
    status = status_of(error)
    problem = Problem.from_error(error, status, request_id_of(scope))
    sent = dict(headers or {})
    sent["cache-control"] = "no-store"
    if error.retry_after is not None:
        sent["retry-after"] = str(error.retry_after)
    if status == 401:
        sent.setdefault("www-authenticate", "Signature" if is_signed_path(scope) else "Bearer")
    body = json.dumps(problem.to_wire(), allow_nan=False).encode("ascii")
    return Response(body, status, headers=sent, media_type=PROBLEM_TYPE)


def is_signed_path(scope: Scope) -> bool:
    """Tell whether answers beneath this path are signed."""
    return str(scope.get("path", "")).startswith(SIGNED_PREFIXES)


def field_errors(faults: Sequence[Any], *, skip: int = 0) -> list[FieldError]:
    """Return pydantic's faults as JSON pointers and reasons, without what was sent."""
    return [FieldError(pointer_of(fault["loc"][skip:]), _reason(fault)) for fault in faults]


def validated(model: type[Model], value: Any) -> Model:
    """Return the decoded ``value`` as ``model``; raise `Invalid` with a pointer for each fault."""
    with faults_as_invalid():
        return model.model_validate(value)


@contextmanager
def faults_as_invalid() -> Iterator[None]:
    """Turn a model's faults into `Invalid` with a pointer each, and without the input."""
    try:
        yield
    except ValidationError as error:
        faults = field_errors(error.errors(include_input=False, include_url=False, include_context=False))
        raise tree.Invalid(errors=faults, fix="Correct the members listed in errors.") from None


def pointer_of(parts: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of a path of names and indexes."""
    return "".join("/" + _printable(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def install(app: FastAPI) -> None:
    """Answer every error of ``app``, expected or not, with a problem."""
    app.add_exception_handler(ExchangeError, _on_exchange_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_middleware(UnexpectedErrors)


class UnexpectedErrors:
    """Answers an exception nobody expected with a 500 that tells the request id and nothing else.

    A layer of its own, because the framework's handler for `Exception` stands outside every other layer: its answers
    would be neither signed nor carry the request id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer what is raised unless an answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except ExchangeError as error:
            if started:
                raise
            await _shown(error, scope)(scope, receive, send)
        except Exception:
            _log.exception("unexpected_error", request_id=request_id_of(scope), path=scope["path"])
            if started:
                raise
            await problem_response(ExchangeError(), scope)(scope, receive, send)


def _shown(error: ExchangeError, scope: Scope) -> Response:
    """A fault of ours is logged and shown without its detail; every other error is shown as it is."""
    if status_of(error) == 500:
        _log.error("internal_error", request_id=request_id_of(scope), path=scope["path"], exc_info=error)
        return problem_response(ExchangeError(), scope)
    return problem_response(error, scope)


async def _on_exchange_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ExchangeError):
        raise error
    return _shown(error, request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    cause = error.__cause__
    if isinstance(cause, ExchangeError):  # raised while the framework read the body
        return _shown(cause, request.scope)
    if isinstance(cause, ClientDisconnect):
        raise cause
    kind = _BY_STATUS.get(error.status_code, tree.Invalid if error.status_code < 500 else ExchangeError)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem_response(kind(), request.scope, headers)


def _methods_at(request: Request) -> list[str]:
    """Return the methods that some route at this path takes; the framework names those of the first one only."""
    routes = request.scope["app"].router.routes
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [
        FieldError(pointer_of(fault["loc"][1:] if fault["loc"][:1] == ("body",) else fault["loc"]), _reason(fault))
        for fault in error.errors()
    ]
    return problem_response(tree.Invalid(errors=faults, fix="Correct the members listed in errors."), request.scope)


def _reason(fault: Any) -> str:
    """Say why without quoting: pydantic's own sentence, but for validators of ours, which may quote the value."""
    if fault["type"] in {"value_error", "assertion_error"}:
        return "The value is not allowed here"
    return _printable(str(fault["msg"]))


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")[:200]
