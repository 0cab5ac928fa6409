"""Reading signed requests and signing answers.

The signed target is the configured issuer, the raw path and the query: never ``Host``, never ``request.url``, never a
proxy's headers (design: architecture.md, fact 3). JSON is looked at after the signature, not before (fact 2).
"""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from fastapi import HTTPException
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.signing.keys import PrivateKey
from shared.signing.profile import CONNECTION_ID, DIGEST, METHODS, NONCE, TARGET
from shared.signing.requests import UnverifiedRequest, read_request
from shared.signing.responses import AnsweredRequest, sign_response
from shared.transport.errors import ReceiptTimeout
from shared.transport.problems import faults_as_invalid, is_signed_path
from shared.wire import strict_json
from shared.wire.errors import MalformedJson, TooLarge
from shared.wire.version import BYTES_PER_REQUEST, CONNECTION_HEADER, JSON_TYPE, NONCE_HEADER, PROBLEM_TYPE

RECEIPT_SECONDS: Final = 10.0
"""From the start of reading to the last byte of a body."""

Signer = Callable[[], PrivateKey | None]
"""The active ``http`` key at this moment, or None while the instance has none."""

Model = TypeVar("Model", bound=BaseModel)

_RawHeaders = list[tuple[bytes, bytes]]

_NONCE_PARAMETER: Final = re.compile(rb';nonce="(' + NONCE.pattern.encode("ascii") + rb')"')


def signed_target(scope: Scope, issuer: str) -> str:
    """Return the target a caller must have signed: ``issuer`` + raw path + query."""
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8")
    query = scope.get("query_string", b"")
    asked: bytes = raw_path + b"?" + query if query else raw_path
    return issuer + asked.decode("latin-1")


async def read_body(request: Request, *, max_bytes: int = BYTES_PER_REQUEST, seconds: float = RECEIPT_SECONDS) -> bytes:
    """Return the raw body; raise `TooLarge` at the first byte beyond, `ReceiptTimeout` when it dawdles."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise TooLarge(f"The body is larger than {max_bytes} bytes", extra={"limit_bytes": max_bytes})
    except TimeoutError as error:
        raise ReceiptTimeout(f"The body was not complete after {seconds:g} seconds") from error
    return bytes(body)


async def read_signed(
    request: Request,
    *,
    issuer: str,
    now: int,
    max_bytes: int = BYTES_PER_REQUEST,
    requires_idempotency_key: bool,
    seconds: float = RECEIPT_SECONDS,
) -> UnverifiedRequest:
    """Walk the ladder up to coverage. ``now``: unix seconds when the headers arrived, taken before the body is read.

    Raises `shared.signing.errors.SignatureRefused`, `TooLarge`, `ReceiptTimeout`.
    """
    body = await read_body(request, max_bytes=max_bytes, seconds=seconds)
    return read_request(
        method=request.method,
        target_uri=signed_target(request.scope, issuer),
        headers=request.headers.raw,
        body=body,
        now=now,
        requires_idempotency_key=requires_idempotency_key,
        max_body=max_bytes,
    )


def parsed(model: type[Model], body: bytes) -> Model:
    """Return ``body`` as ``model``; raise `MalformedJson`, or `Invalid` with a pointer a fault.

    Twice strict: the decoder refuses what JSON should not hold, the model takes no member of another type for its own
    (``true`` is not 1, ``"1"`` is not 1).
    """
    strict_json.decode(body)
    with faults_as_invalid():
        return model.model_validate_json(body, strict=True)


def parsed_once(model: type[Model], body: bytes) -> Model:
    """Return ``body`` as ``model`` like `parsed`, but without reading it twice: for the way of every message.

    For models whose members are JSON's own types alone, no enumerations: a strict model takes those from the decoded
    value exactly as it does from the text. A refusal is worded as of the text.
    """
    value = strict_json.decode(body)
    try:
        return model.model_validate(value, strict=True)
    except ValidationError:
        return parsed(model, body)


def answered_request(scope: Scope, issuer: str) -> AnsweredRequest | None:
    """Return what an answer to this request must cover, or None where its nonce cannot be read.

    A method or target outside the profile counts as unreadable: no peer asks that way, and we sign no odd strings.
    """
    target = signed_target(scope, issuer)
    if scope["method"] not in METHODS or not TARGET.fullmatch(target):
        return None
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name, []).append(value)
    nonce = _nonce(headers)
    digest, digest_ok = _optional(headers, b"content-digest", DIGEST)
    connection, connection_ok = _optional(headers, CONNECTION_HEADER.encode("ascii"), CONNECTION_ID)
    if nonce is None or not digest_ok or not connection_ok:
        return None
    return AnsweredRequest(
        method=scope["method"],
        target_uri=target,
        nonce=nonce,
        content_digest=digest,
        connection_id=connection,
    )


def signed_response(
    *,
    key: PrivateKey,
    answered: AnsweredRequest,
    content: Any,
    now: int,
    status: int = 200,
    content_type: str = JSON_TYPE,
) -> Response:
    """Return ``content`` (a model, JSON value or bytes) as an answer bound to the request it answers."""
    body = _as_bytes(content)
    response = Response(body, status)
    for name, value in sign_response(
        key, status=status, content_type=content_type, body=body, request=answered, now=now
    ):
        response.headers[name] = value
    return response


class SignedAnswers:
    """Signs every answer beneath ``/exchange`` and ``/.well-known``, refusals included.

    It does so whenever the request's nonce can be read. Answers that already bear a signature (streamed attachments)
    pass untouched.
    """

    def __init__(self, app: ASGIApp, *, issuer: str, signer: Signer, clock: Callable[[], float]) -> None:
        self._app = app
        self._issuer = issuer
        self._signer = signer
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; hold the answer back until it is whole and signed."""
        answered = answered_request(scope, self._issuer) if scope["type"] == "http" and is_signed_path(scope) else None
        key = self._signer() if answered is not None else None
        if answered is None or key is None:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Held(send, key, answered, self._clock).send)


class _Held:
    """An answer held back until its last byte is there."""

    def __init__(self, send: Send, key: PrivateKey, answered: AnsweredRequest, clock: Callable[[], float]) -> None:
        self._send = send
        self._key = key
        self._answered = answered
        self._clock = clock
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_to_be_signed(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._release(self._start)

    async def _release(self, start: Message) -> None:
        body = bytes(self._body)
        if body:
            start["headers"] = self._signed(start["status"], _content_type(start), body, start["headers"])
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _signed(self, status: int, content_type: str, body: bytes, headers: _RawHeaders) -> _RawHeaders:
        signature = sign_response(
            self._key,
            status=status,
            content_type=content_type,
            body=body,
            request=self._answered,
            now=int(self._clock()),
        )
        signed = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in signature]
        signed.append((b"content-length", str(len(body)).encode("ascii")))
        replaced = {name for name, _ in signed} | {b"transfer-encoding"}
        return [header for header in headers if header[0].lower() not in replaced] + signed


_SIGNED_TYPES: Final = frozenset({JSON_TYPE, PROBLEM_TYPE})
"""What the profile signs; a page or a redirect for a browser goes out as it is."""


class StrictRequest(Request):
    """A request whose JSON passes the strict decoder."""

    async def json(self) -> Any:
        """Return the body's value; the problem handlers turn the refusal into a `MalformedJson` problem."""
        try:
            return strict_json.decode(await self.body())
        except MalformedJson as error:
            raise HTTPException(400) from error


class StrictRoute(APIRoute):
    """The route class of every router that takes JSON by a pydantic parameter.

    The framework's own decoder takes ``NaN``, duplicate names and lone surrogates (design: architecture.md, fact 8).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the usual handler behind a `StrictRequest`."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def _as_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json().encode("utf-8")
    return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _is_to_be_signed(start: Message) -> bool:
    already = any(name.lower() == b"signature-input" for name, _ in start["headers"])
    return not already and _content_type(start) in _SIGNED_TYPES


def _content_type(start: Message) -> str:
    found = next((value for name, value in start["headers"] if name.lower() == b"content-type"), b"")
    return bytes(found).decode("latin-1")


def _nonce(headers: dict[bytes, list[bytes]]) -> str | None:
    inputs = headers.get(b"signature-input")
    if inputs is None:
        nonce, _ = _optional(headers, NONCE_HEADER.encode("ascii"), NONCE)
        return nonce
    found = [nonce for value in inputs for nonce in _NONCE_PARAMETER.findall(value)]
    return found[0].decode("ascii") if len(found) == 1 else None


def _optional(headers: dict[bytes, list[bytes]], name: bytes, form: re.Pattern[str]) -> tuple[str | None, bool]:
    """Return the header's value and whether it is well formed: absent is, given twice is not."""
    values = headers.get(name, [])
    if not values:
        return None, True
    value = values[0].decode("latin-1")
    return (value, True) if len(values) == 1 and form.fullmatch(value) else (None, False)
