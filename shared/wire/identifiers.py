"""Ids, names and addresses as they appear on the wire."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

import idna
import uuid6

from shared.wire.errors import Invalid

LOOPBACK_NAMES: Final = frozenset({"localhost"})
LANE_PATTERN: Final = r"^[A-Za-z0-9._:-]{1,80}$"
NAME_PATTERN: Final = r"^[A-Za-z0-9-]{1,64}$"
"""An instance's name: letters, digits and dashes (seed: *Set up a Service Exchange provider record*)."""

_HOST = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$")


def new_id() -> str:
    """Return a fresh UUIDv7 (RFC 9562) as text: unique, and in order of creation."""
    return str(uuid6.uuid7())


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` (no brackets) is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def canonical_issuer(url: str, *, allow_loopback_http: bool = False) -> str:
    """Return the canonical origin of ``url``: scheme, A-label host in lower case, port if not the default, no path.

    Raises `Invalid` (code ``issuer_invalid``) where it has anything more, or is not https; plain http passes for
    loopback hosts only, and only when ``allow_loopback_http``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(url, str(error)) from error
    host = parts.hostname or ""
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None or "\\" in url:
        raise _refused(url, "it has more than scheme, host and port")
    if not (parts.scheme == "https" or (parts.scheme == "http" and allow_loopback_http and is_loopback(host))):
        raise _refused(url, "it is not https")
    shown = _canonical_host(url, host)
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" if port in {None, default} else f"{parts.scheme}://{shown}:{port}"


def _canonical_host(url: str, host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return f"[{address.compressed}]" if address.version == 6 else str(address)
    try:
        name = idna.encode(host, uts46=True).decode("ascii") if not host.isascii() else host.lower()
    except idna.IDNAError as error:
        raise _refused(url, str(error)) from error
    if not _HOST.match(name) or name.rsplit(".", 1)[-1].isdigit() or len(name) > 253:
        raise _refused(url, "its host is not a name or an address")
    return name


def _refused(url: str, why: str) -> Invalid:
    return Invalid(
        f"{url[:200]!r} is not the address of an instance",
        code="issuer_invalid",
        cause=f"An instance's address is an https origin without a path; {why}.",
        fix="Give it as https://host or https://host:port.",
    )
