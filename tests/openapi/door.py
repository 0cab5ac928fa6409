"""The way from schemathesis into a running world: its requests go through a real session into the application.

A request that carries the placeholder of a signature is signed here, over the bytes that really leave; one without goes
unsigned, so that the check of ignored authentication means something.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import anyio.from_thread
import httpx
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from urllib3._collections import HTTPHeaderDict

from shared.signing.keys import PrivateKey
from shared.signing.requests import sign_request
from shared.wire.errors import ExchangeError
from shared.wire.identifiers import new_id
from tests.openapi import prepared
from tests.openapi.world import ORIGINS, Instance, World, opened

PLACEHOLDER = "signed-on-the-way"
UNBOUND = "/exchange/v1/registrations/"
"""Calls that happen before there is a connection."""


@dataclass
class Door:
    """One instance of a running world, as callers from outside any event loop see it."""

    world: World
    instance: Instance
    known: dict[str, str]
    portal: anyio.from_thread.BlockingPortal
    keys: dict[str, PrivateKey]
    client: httpx.AsyncClient

    def credentials(self, path: str) -> dict[str, str]:
        """Return the headers that let a call in."""
        if path.startswith("/api/"):
            return {"Authorization": f"Bearer {self.instance.token}"}
        if path.startswith(("/exchange/v1/echo", "/.well-known/")):
            return {"Exchange-Request-Nonce": new_id().replace("-", "")}
        return {"Signature-Input": PLACEHOLDER}

    def turn(self) -> None:
        """Let every worker of the world do its part once."""
        self.portal.call(self.world.turn)


@contextmanager
def door_of(name: str, template: Path, folder: Path) -> Iterator[Door]:
    """Open a copy of the prepared world and stand before its provider or consumer."""
    known = prepared.copied(template, folder)
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(opened(folder, *ORIGINS)) as world,
    ):
        instance = world.instances[name]
        keys = {other: portal.call(side.http_key) for other, side in world.instances.items() if other != "newcomer"}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(instance.app, raise_app_exceptions=False, client=("127.0.0.1", 5000)),
            base_url=instance.issuer,
        )
        door = Door(world, instance, known[name], portal, keys, client)
        passage = _Passage(door)  # for every session: schemathesis opens its own where it probes without credentials
        with mock.patch.object(requests.Session, "get_adapter", return_value=passage):
            yield door
        portal.call(client.aclose)


class _Passage(BaseAdapter):
    """Carries a prepared request into the application, signed where it asks to be."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._door = door

    def send(self, request: requests.PreparedRequest, *_given: Any, **_more: Any) -> requests.Response:  # type: ignore[override]
        headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
        body = request.body.encode() if isinstance(request.body, str) else (request.body or b"")
        if request.headers.get("Signature-Input") == PLACEHOLDER:
            with suppress(ExchangeError):  # what cannot be signed is sent as it is, and has to be refused
                headers = self._signed(request, headers, body)
        answer = self._door.portal.call(self._ask, request, headers, body)
        return _as_requests(request, answer)

    def close(self) -> None:
        """Nothing is kept open."""

    async def _ask(
        self, request: requests.PreparedRequest, headers: list[tuple[str, str]], body: bytes
    ) -> httpx.Response:
        return await self._door.client.request(
            str(request.method), str(request.url), headers=[(n.encode(), _bytes(v)) for n, v in headers], content=body
        )

    def _signed(
        self, request: requests.PreparedRequest, headers: list[tuple[str, str]], body: bytes
    ) -> list[tuple[str, str]]:
        url = urlsplit(str(request.url))
        pulls = (request.method, url.path) in {("GET", "/exchange/v1/messages"), ("POST", "/exchange/v1/outcomes")}
        caller = "provider" if self._door.instance.name == "consumer" else "puller" if pulls else "consumer"
        bound = not url.path.startswith(UNBOUND)
        connection = self._door.known["pull_connection_id" if pulls else "connection_id"]
        media = request.headers.get("Content-Type")
        plain = request.method == "GET" or not (body and media)
        made = sign_request(
            self._door.keys[caller],
            method=str(request.method),
            target_uri=str(request.url),
            body=None if plain else body,
            content_type=None if plain else str(media),
            idempotency_key=None if request.method == "GET" else request.headers.get("Idempotency-Key", new_id()),
            connection_id=connection if bound else None,
            nonce=new_id().replace("-", ""),
            now=int(self._door.world.provider.context.clock().timestamp()),
        )
        named = {name.lower() for name, _ in made}
        return [pair for pair in headers if pair[0].lower() not in named] + made


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def _as_requests(request: requests.PreparedRequest, answer: httpx.Response) -> requests.Response:
    headers = HTTPHeaderDict(answer.headers.multi_items())
    raw = HTTPResponse(
        io.BytesIO(answer.content), headers=headers, status=answer.status_code, preload_content=False, version=11
    )
    made = requests.Response()
    made.status_code, made.raw, made.request, made.url = answer.status_code, raw, request, str(request.url)
    made.headers.update(headers)
    made._content = answer.content
    made.encoding = answer.encoding
    return made
