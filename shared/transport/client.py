"""Calls to other instances: signed, guarded, bounded in time and size, and believed only when the answer is signed.

The only importer of httpx. Requests go straight to a transport, not through ``httpx.AsyncClient``: no cookies, no
redirects, no proxies from the environment, no decompression, and less than half the cost of a call
(design: architecture.md, fact 11).
"""

import asyncio
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import ValidationError
from yarl import URL

from shared.signing.errors import SignatureRefused
from shared.signing.keys import PrivateKey, PublicKey
from shared.signing.requests import sign_request
from shared.signing.responses import AnsweredRequest, VerifiedResponse, verify_response
from shared.transport.certificates import certificate_end
from shared.transport.connector import guarded_session
from shared.transport.egress import EgressPolicy, Resolver, system_resolver
from shared.transport.errors import (
    DeadlinePassed,
    EgressRefused,
    OversizedAnswer,
    RefusedByPeer,
    Unreachable,
    UnsignedAnswer,
)
from shared.wire import strict_json
from shared.wire.errors import ExchangeError, MalformedJson
from shared.wire.problems import Problem
from shared.wire.version import BYTES_PER_REQUEST, JSON_TYPE, NONCE_HEADER, SOFTWARE_NAME, SOFTWARE_VERSION

DEADLINE_SECONDS: Final = 10.0
"""From the look-up of the name to the last byte of the answer."""

CONNECTIONS: Final = 100
CONNECTIONS_PER_PEER: Final = 8

_PATH = re.compile(r"/[A-Za-z0-9._/-]*")
_AGENT: Final = f"{SOFTWARE_NAME}/{SOFTWARE_VERSION}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, not yet believed."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""
    body: bytes
    round_trip_ms: float

    def header(self, name: str) -> str | None:
        """Return the header's value where it is there exactly once."""
        found = [value for key, value in self.headers if key == name.encode("ascii")]
        return found[0].decode("latin-1") if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Reply:
    """A signed success."""

    status: int
    body: bytes
    round_trip_ms: float
    skew_s: float
    """The peer's clock minus ours, in seconds, judged at the middle of the round trip; exact to about a second."""
    verified: VerifiedResponse


class PeerClient:
    """Calls other instances; one for each process, closed with it.

    ``clock``: unix seconds. ``transports``: for tests and in-process peers, an httpx transport for an origin; such an
    origin skips the guard. ``tls``: trust for private certificate authorities.
    """

    def __init__(
        self,
        egress: EgressPolicy,
        *,
        clock: Callable[[], float],
        resolver: Resolver = system_resolver,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        tls: ssl.SSLContext | None = None,
        max_bytes: int = BYTES_PER_REQUEST,
        timeout: float = DEADLINE_SECONDS,
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._resolver = resolver
        self._transports = dict(transports or {})
        self._given_tls = tls
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._guarded: httpx.AsyncBaseTransport | None = None

    async def call(
        self,
        *,
        issuer: str,
        method: str,
        path: str,
        query: str = "",
        body: bytes | None,
        key: PrivateKey,
        connection_id: str | None,
        idempotency_key: str | None,
        peer_keys: Mapping[str, PublicKey],
        timeout: float | None = None,  # noqa: ASYNC109 - the caller states a number; asyncio.timeout is inside
    ) -> Reply:
        """Sign and send one request; return the signed success.

        Raises `RefusedByPeer` for a signed refusal, `UnsignedAnswer` for anything not signed by ``peer_keys``,
        `Unreachable` where no answer came, `EgressRefused` where the guard stands before it.
        """
        target = target_of(issuer, path, query)
        nonce = _new_nonce()
        headers = sign_request(
            key,
            method=method,
            target_uri=target,
            body=body,
            content_type=None if body is None else JSON_TYPE,
            idempotency_key=idempotency_key,
            connection_id=connection_id,
            nonce=nonce,
            now=int(self._clock()),
        )
        asked = AnsweredRequest.sent(
            method=method, target_uri=target, nonce=nonce, body=body, connection_id=connection_id
        )
        answer = await self._send(method, target, headers, body, timeout)
        return self._believed(answer, asked, lambda _: peer_keys)

    async def fetch_signed(
        self,
        issuer: str,
        path: str,
        *,
        keys_from: Callable[[bytes], Mapping[str, PublicKey]],
        timeout: float | None = None,  # noqa: ASYNC109 - the caller states a number; asyncio.timeout is inside
    ) -> Reply:
        """Send an unsigned GET whose answer must be signed by a key ``keys_from`` finds in it or knows.

        For discovery and echo. ``keys_from`` gets the body before it is believed, and may raise. Raises as `call`.
        """
        target = target_of(issuer, path)
        nonce = _new_nonce()
        answer = await self._send("GET", target, [(NONCE_HEADER, nonce)], None, timeout)
        asked = AnsweredRequest.sent(method="GET", target_uri=target, nonce=nonce, body=None, connection_id=None)
        return self._believed(answer, asked, keys_from)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the caller states a number; asyncio.timeout is inside
    ) -> Answer:
        """Send an ordinary request to someone who is no instance (an identity provider): same guard, same bounds."""
        return await self._send(method, url, headers, body, timeout)

    async def certificate_end(self, issuer: str) -> datetime | None:
        """Return when the TLS certificate at ``issuer`` ends; None for http and for peers in this process.

        Raises `CertificateRefused` for an invalid one, `Unreachable`, `EgressRefused`.
        """
        if issuer in self._transports:
            return None
        return await certificate_end(
            issuer, policy=self._egress, resolver=self._resolver, tls=self._tls, seconds=self._timeout
        )

    def check_url(self, url: str) -> None:
        """Raise `EgressRefused` for a URL the guard would not call; what its name leads to is looked at in a call."""
        if _origin_of(url) not in self._transports:
            self._egress.check_url(url)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Trust for certificates; reading the machine's takes a while, and many a process calls nobody."""
        return self._given_tls or ssl.create_default_context()

    async def aclose(self) -> None:
        """Close every connection."""
        guarded, self._guarded = self._guarded, None
        if guarded is not None:
            await guarded.aclose()

    async def __aenter__(self) -> "PeerClient":
        """Return the client itself; connections open when first needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self.aclose()

    def _transport_for(self, url: str) -> httpx.AsyncBaseTransport:
        origin = _origin_of(url)
        if origin in self._transports:
            return self._transports[origin]
        self._egress.check_url(url)
        if str(URL(url)) != url:
            raise EgressRefused(
                f"{url[:200]!a} may not be called",
                code="url_not_allowed",
                cause="The address would be sent in another spelling than the one given.",
                fix="Write the address in its normal form.",
            )
        if self._guarded is None:
            session = guarded_session(
                self._egress, self._resolver, tls=self._tls, connections=CONNECTIONS, per_host=CONNECTIONS_PER_PEER
            )
            self._guarded = AiohttpTransport(verify=self._tls, trust_env=False, client=session)
        return self._guarded

    async def _send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes | None, seconds: float | None
    ) -> Answer:
        transport = self._transport_for(url)
        sent = [*_general_headers(headers), *headers]
        request = httpx.Request(method, url, headers=sent, content=body)
        limit = self._timeout if seconds is None else seconds
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(transport, request)
        except ExchangeError:
            raise
        except TimeoutError as error:
            raise DeadlinePassed(
                f"{request.url.host} gave no complete answer within {limit:g} seconds",
                cause="The other side, or the network between, is slow or down.",
                fix="It is tried again by itself; if it lasts, ask the other side's operator.",
            ) from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"{request.url.host} cannot be reached",
                cause=_network_cause(error),
                fix="Check address, firewall and certificate; it is tried again by itself.",
            ) from error

    async def _exchange(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> Answer:
        began = time.perf_counter()
        response = await transport.handle_async_request(request)
        try:
            body = await self._bounded(response)
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            headers=tuple((name.lower(), value) for name, value in response.headers.raw),
            body=body,
            round_trip_ms=(time.perf_counter() - began) * 1000,
        )

    async def _bounded(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise OversizedAnswer(
                    f"The answer is larger than {self._max_bytes} bytes",
                    cause="The other side sent more than any answer of the protocol has.",
                    fix="Ask the other side's operator what answers at this address.",
                )
        return bytes(body)

    def _believed(
        self, answer: Answer, asked: AnsweredRequest, keys_from: Callable[[bytes], Mapping[str, PublicKey]]
    ) -> Reply:
        now = self._clock()
        if answer.header("content-encoding") is not None:
            raise _unsigned(answer, "it is encoded, which the profile does not allow")
        if not any(name == b"signature-input" for name, _ in answer.headers):
            raise _unsigned(answer, "it bears no signature")
        try:
            verified = verify_response(
                keys_from(answer.body),
                status=answer.status,
                headers=answer.headers,
                body=answer.body,
                request=asked,
                now=int(now),
                max_body=self._max_bytes,
            )
        except SignatureRefused as error:
            raise _unsigned(answer, f"its signature was refused ({error.code}): {error.detail}") from error
        if not 200 <= answer.status < 300:
            raise RefusedByPeer(_problem_in(answer))
        middle = now - answer.round_trip_ms / 2000
        return Reply(answer.status, answer.body, answer.round_trip_ms, verified.created + 0.5 - middle, verified)


def in_process(app: Any) -> httpx.AsyncBaseTransport:
    """Return a transport that calls an ASGI application directly, for tests. It runs no lifespan."""
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)


def target_of(issuer: str, path: str, query: str = "") -> str:
    """Return the absolute target; raise ValueError for a path outside the profile, which is a fault of ours."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path of the protocol")
    return f"{issuer}{path}?{query}" if query else issuer + path


def _origin_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _new_nonce() -> str:
    return secrets.token_urlsafe(16)


def _general_headers(given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {name.lower() for name, _ in given}
    general = (
        ("accept", f"{JSON_TYPE}, application/problem+json"),
        ("accept-encoding", "identity"),
        ("user-agent", _AGENT),
    )
    return [(name, value) for name, value in general if name not in names]


def _unsigned(answer: Answer, why: str) -> UnsignedAnswer:
    stated = answer.header("retry-after") or ""
    error = UnsignedAnswer(
        f"The answer with status {answer.status} is not signed by the other side",
        cause=f"It counts for nothing: {why}. A proxy may have answered, or the other side's keys have changed.",
        fix="It is tried again by itself; if it lasts, compare keys and addresses with the other side.",
        retry_after=int(stated) if stated.isdigit() and len(stated) < 7 else None,
    )
    error.status = answer.status
    return error


def _problem_in(answer: Answer) -> Problem:
    """Return the problem a signed refusal carries, or one that says only its status."""
    try:
        problem = Problem.model_validate(strict_json.decode(answer.body))
    except (MalformedJson, ValidationError):
        problem = Problem(title="The other side refused without a readable reason", code="unreadable_problem")
    return problem.model_copy(update={"status": answer.status})


def _network_cause(error: BaseException) -> str:
    chain: list[str] = []
    step: BaseException | None = error
    while step is not None and len(chain) < 3:
        text = f"{type(step).__name__}: {step}"
        if str(step) and text not in chain:
            chain.append(text)
        step = step.__cause__
    return "; ".join(chain)[:300] or type(error).__name__
