"""The explicit table of addresses the egress guard refuses (IANA special-purpose registries, RFC 6890 and after).

``ipaddress.is_global`` and ``is_private`` are no guard: NAT64, 6to4, compatible and translated forms pass them, and
the answer changes with the Python version (design: architecture.md, fact 7).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Block:
    """A refused network, why, and whether an operator's allow-list may open it."""

    network: Network
    reason: str
    openable: bool


def _closed(network: str, reason: str) -> Block:
    return Block(ip_network(network), reason, openable=False)


def _openable(network: str, reason: str) -> Block:
    return Block(ip_network(network), reason, openable=True)


BLOCKED_V4: Final = (
    _closed("168.63.129.16/32", "cloud platform endpoint"),
    _closed("192.0.0.192/32", "cloud metadata"),
    _closed("100.100.100.200/32", "cloud metadata"),
    _closed("0.0.0.0/8", "this network, unspecified"),
    _closed("127.0.0.0/8", "loopback"),
    _closed("169.254.0.0/16", "link-local, cloud metadata"),
    _closed("224.0.0.0/4", "multicast"),
    _closed("240.0.0.0/4", "reserved and broadcast"),
    _closed("192.88.99.0/24", "6to4 relay"),
    _openable("10.0.0.0/8", "private"),
    _openable("172.16.0.0/12", "private"),
    _openable("192.168.0.0/16", "private"),
    _openable("100.64.0.0/10", "carrier-grade NAT"),
    _openable("198.18.0.0/15", "benchmarking"),
    _openable("192.0.0.0/24", "protocol assignments"),
    _openable("192.0.2.0/24", "documentation"),
    _openable("198.51.100.0/24", "documentation"),
    _openable("203.0.113.0/24", "documentation"),
    _openable("192.31.196.0/24", "AS112"),
    _openable("192.52.193.0/24", "multicast tunnelling"),
    _openable("192.175.48.0/24", "AS112"),
)
"""Refused IPv4 networks, the first match counts: what stays closed stands before what an operator may open."""

BLOCKED_V6: Final = (
    _closed("fd00:ec2::254/128", "cloud metadata"),
    _closed("fd20:ce::254/128", "cloud metadata"),
    _closed("::/96", "unspecified, loopback and IPv4-compatible"),
    _closed("::ffff:0:0:0/96", "IPv4-translated"),
    _closed("64:ff9b::/96", "NAT64"),
    _closed("64:ff9b:1::/48", "local-use NAT64"),
    _closed("2002::/16", "6to4"),
    _closed("2001::/32", "Teredo"),
    _closed("fe80::/10", "link-local"),
    _closed("ff00::/8", "multicast"),
    _closed("fec0::/10", "site-local"),
    _closed("100::/64", "discard-only"),
    _closed("100:0:0:1::/64", "dummy prefix"),
    _closed("5f00::/16", "segment routing"),
    _openable("2001::/23", "protocol assignments"),
    _openable("2001:db8::/32", "documentation"),
    _openable("3fff::/20", "documentation"),
    _openable("2620:4f:8000::/48", "AS112"),
    _openable("fc00::/7", "unique local"),
)
"""Refused IPv6 networks, the first match counts. IPv4-mapped addresses are judged as the IPv4 address they carry."""


def parse(text: str) -> Address:
    """Return the address ``text`` spells, an IPv4-mapped one as IPv4; raise ValueError for zone ids and odd forms."""
    if "%" in text:
        raise ValueError("zone ids are not accepted")
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def block_of(address: Address) -> Block | None:
    """Return the entry of the table that refuses ``address``, or None where it is a public one."""
    table = BLOCKED_V4 if address.version == 4 else BLOCKED_V6
    return next((block for block in table if address in block.network), None)
