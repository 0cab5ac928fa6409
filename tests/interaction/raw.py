"""Requests sent byte by byte to an application, past every client that would correct them."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.interaction.network import Call
from tests.interaction.sides import Side
from tests.shared.signing.mutations import SignedMessage


@dataclass(frozen=True)
class Found:
    """An answer: status and code."""

    status: int
    code: str


def message_of(call: Call) -> SignedMessage:
    """A request that crossed the wire, as the profile sees it."""
    headers = tuple((name.decode().lower(), value.decode()) for name, value in call.request.headers.raw)
    return SignedMessage(call.request.method, str(call.request.url), headers, call.request.content)


async def send(side: Side, message: SignedMessage, issuer: str | None = None) -> Found:
    """Send it to a service, whatever it looks like. ``issuer``: what the target begins with, if not with its own."""
    asked = message.target_uri.removeprefix(issuer or side.issuer)
    raw_path, _, query = asked.partition("?")
    headers = [(b"host", side.issuer.split("//")[1].encode())]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in message.headers if name != "host"]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(message.body)).encode()))
    headers = [(name, str(len(message.body)).encode() if name == b"content-length" else v) for name, v in headers]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": message.method,
        "scheme": "https",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("utf-8"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.9", 4000),
        "server": (side.issuer.split("//")[1], 443),
    }
    return await _run(side, scope, message.body)


async def _run(side: Side, scope: dict[str, Any], body: bytes) -> Found:
    events = [{"type": "http.request", "body": body, "more_body": False}]
    status, answer = 0, b""

    async def receive() -> dict[str, Any]:
        return events.pop() if events else {"type": "http.disconnect"}

    async def deliver(event: Any) -> None:
        nonlocal status, answer
        status = event.get("status", status)
        answer += event.get("body", b"")

    await side.app(scope, receive, deliver)
    try:
        return Found(status, str(json.loads(answer).get("code", "")))
    except (ValueError, AttributeError):
        return Found(status, "")
