"""The egress guard: which URLs we may call, and which addresses a name may lead to.

Every URL that came from outside passes here when it is stored and again at each use. One answer of the resolver that
is not allowed refuses the name (design: architecture.md, fact 7; quality.md, the egress bar).
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from shared.transport.addresses import Address, block_of, parse
from shared.transport.errors import EgressRefused, Unreachable
from shared.wire.errors import Invalid
from shared.wire.identifiers import is_loopback

DEFAULT_PORTS: Final = frozenset({443, 8443})
"""Ports a URL may name, unless the operator adds some."""

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port to the addresses it has now, as text; raises OSError where the name does not resolve."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]{2,45}\]|[a-z0-9.-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:[/?][!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?"
)
_NAME = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAME = re.compile(r"(?:.*\.)?(?:localhost|localdomain)|ip6-(?:localhost|loopback)")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose spelling has passed."""

    scheme: str
    host: str
    """Name in A-label form, or address without brackets."""
    port: int
    address: Address | None
    """The address itself where the URL names one instead of a host."""

    @property
    def origin(self) -> str:
        """Scheme, host and non-default port."""
        return _origin(self.scheme, self.host, self.port)


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the operating system, both families."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


class EgressPolicy:
    """What the operator allows on top of public https.

    ``allowed_networks``: intranets in CIDR form; loopback, link-local, multicast and metadata stay closed whatever is
    listed. ``allowed_origins``: loopback origins of development mode, the only ones where http passes. ``ports``: added
    to `DEFAULT_PORTS`. Raises `Invalid` (code ``egress_setting_invalid``) for entries that make no sense.
    """

    def __init__(
        self, allowed_networks: Iterable[str] = (), allowed_origins: Iterable[str] = (), ports: Iterable[int] = ()
    ) -> None:
        try:
            self.networks = tuple(ip_network(network) for network in allowed_networks)
        except ValueError as error:
            raise _bad_setting(str(error)) from error
        self.origins = frozenset(_loopback_origin(origin) for origin in allowed_origins)
        self.ports = DEFAULT_PORTS | frozenset(ports)

    def check_url(self, url: str) -> Target:
        """Return the target ``url`` names; raise `EgressRefused` for its spelling, scheme, port or literal address."""
        target = _read(url)
        if target.origin in self.origins:
            return target
        if target.scheme != "https":
            raise _refused_url(url, "it is not https", "Use an https address.")
        if target.port not in self.ports:
            raise _refused_url(
                url, f"port {target.port} is not among the allowed ports", "Use port 443, or have the port allowed."
            )
        if target.address is not None:
            self._check(target.address, target)
        elif _LOCAL_NAME.fullmatch(target.host) or ("." not in target.host and not self.networks):
            raise _refused_url(url, "its host is a local name", "Use the full public host name.")
        return target

    def check_address(self, text: str, *, host: str, port: int) -> Address:
        """Return the address ``text`` that ``host`` led to; raise `EgressRefused` where it is not allowed."""
        try:
            address = parse(text)
        except ValueError as error:
            raise _refused_address(text, host, "it is not a plain address") from error
        scheme = "http" if _origin("http", host, port) in self.origins else "https"
        self._check(address, Target(scheme, host, port, None))
        return address

    async def resolve(self, host: str, port: int, resolver: Resolver = system_resolver) -> tuple[Address, ...]:
        """Return every address of ``host``; refuse them all when one is not allowed. Raises `Unreachable` if none."""
        try:
            answers = await resolver(host, port)
        except OSError as error:
            raise _unresolvable(host) from error
        if not answers:
            raise _unresolvable(host)
        return tuple(dict.fromkeys(self.check_address(answer, host=host, port=port) for answer in answers))

    async def check(self, url: str, resolver: Resolver = system_resolver) -> Target:
        """Check the spelling and what the name leads to at the moment: for URLs about to be stored."""
        target = self.check_url(url)
        if target.address is None:
            await self.resolve(target.host, target.port, resolver)
        return target

    def _check(self, address: Address, target: Target) -> None:
        if target.origin in self.origins:
            if not address.is_loopback:
                raise _refused_address(str(address), target.host, "a development origin must stay on this machine")
            return
        block = block_of(address)
        if block is None or (block.openable and any(address in network for network in self.networks)):
            return
        raise _refused_address(str(address), target.host, block.reason)


def _read(url: str) -> Target:
    match = _URL.fullmatch(url)
    if match is None:
        raise _refused_url(
            url,
            "it is not in plain form: https, a host in lower case without user name, escapes or trailing dot, "
            "and no fragment",
            "Write it as https://host/path.",
        )
    host = match["host"].strip("[]")
    port = int(match["port"] or {"https": 443, "http": 80}[match["scheme"]])
    if port > 65535:
        raise _refused_url(url, "there is no such port", "Use a port up to 65535.")
    return Target(match["scheme"], host, port, _literal(url, host, bracketed=match["host"].startswith("[")))


def _literal(url: str, host: str, *, bracketed: bool) -> Address | None:
    """Return the address a host spells, or None for a name. A host that ends in a number is an address or nothing."""
    if not bracketed and not _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        if not _NAME.fullmatch(host):
            raise _refused_url(url, "its host is not a host name", "Check the host name.")
        return None
    try:
        address = parse(host)
    except ValueError as error:
        raise _refused_url(
            url, "its host is an oddly written address", "Write the address in its usual form."
        ) from error
    return address


def _origin(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port == {"https": 443, "http": 80}[scheme] else f"{scheme}://{shown}:{port}"


def _loopback_origin(origin: str) -> str:
    target = _read(origin)
    if not (is_loopback(target.host) or target.host.endswith(".localhost")) or target.origin != origin:
        raise _bad_setting(f"{origin!r} is not an origin on this machine")
    return origin


def _bad_setting(why: str) -> Invalid:
    return Invalid(
        f"The egress settings are not valid: {why}",
        code="egress_setting_invalid",
        cause="Networks are written in CIDR form, development origins as http://127.0.0.1:port without a path.",
        fix="Correct the setting; leave it out where both sides have public https addresses.",
    )


def _refused_url(url: str, why: str, fix: str) -> EgressRefused:
    return EgressRefused(
        f"{url[:200]!a} may not be called",
        code="url_not_allowed",
        cause=f"The address was refused: {why}.",
        fix=fix,
    )


def _refused_address(address: str, host: str, why: str) -> EgressRefused:
    return EgressRefused(
        f"{host[:200]} leads to {address[:60]}, which may not be connected to",
        cause=f"The address was refused: {why}.",
        fix="Use a public address, or have the operator add the network to the allowed networks.",
    )


def _unresolvable(host: str) -> Unreachable:
    return Unreachable(
        f"{host[:200]} has no address",
        cause="The name did not resolve, or not at the moment.",
        fix="Check the spelling of the host and the name server of this machine.",
    )
