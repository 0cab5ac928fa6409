"""Connects to the addresses the guard has checked, and to nothing else.

The resolver hands the connector only checked addresses, so no second look-up stands between check and connect
(DNS rebinding); the peer's address is looked at once more when the connection stands. TLS still names the host.
"""

import socket
import ssl
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from shared.transport.egress import EgressPolicy, Resolver

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.tracing import Trace

IDLE_SECONDS: Final = 30.0
"""How long an unused connection stays open."""


class GuardedResolver(AbstractResolver):
    """A resolver whose every answer has passed the policy."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses of ``host``; raises what `EgressPolicy.resolve` raises."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._policy.resolve(host, port, self._resolver)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class GuardedConnector(aiohttp.TCPConnector):
    """A connection pool that keeps a connection only when its far end has an allowed address."""

    def __init__(
        self, policy: EgressPolicy, resolver: Resolver, *, tls: ssl.SSLContext, connections: int, per_host: int
    ) -> None:
        super().__init__(
            resolver=GuardedResolver(policy, resolver),
            use_dns_cache=False,
            ssl=tls,
            limit=connections,
            limit_per_host=per_host,
            keepalive_timeout=IDLE_SECONDS,
        )
        self._policy = policy

    async def _create_connection(
        self,
        req: "ClientRequest",
        traces: "list[Trace]",
        timeout: "ClientTimeout",  # noqa: ASYNC109
    ) -> ResponseHandler:
        protocol = await super()._create_connection(req, traces, timeout)
        transport = protocol.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        try:
            self._policy.check_address(
                str(peer[0]) if peer else "", host=req.url.raw_host or "", port=req.url.port or 0
            )
        except BaseException:
            protocol.close()
            raise
        return protocol


def guarded_session(
    policy: EgressPolicy, resolver: Resolver, *, tls: ssl.SSLContext, connections: int, per_host: int
) -> aiohttp.ClientSession:
    """Return a session over a `GuardedConnector`: no cookies, no proxy environment, no own idea of headers."""
    return aiohttp.ClientSession(
        connector=GuardedConnector(policy, resolver, tls=tls, connections=connections, per_host=per_host),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        skip_auto_headers={"User-Agent", "Accept-Encoding", "Accept", "Content-Type"},
    )
