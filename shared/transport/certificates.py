"""When a peer's TLS certificate ends: looked at on a connection of its own, through the same guard as every call."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509

from shared.transport.egress import EgressPolicy, Resolver, Target
from shared.transport.errors import CertificateRefused, Unreachable

EXPIRING: Final = timedelta(days=30)
"""Left of a certificate's life when its renewal should have happened: ACME renews with a third of 90 days left."""

ENDING: Final = timedelta(days=3)
"""Left of a certificate's life when nobody has renewed it in time."""


async def certificate_end(
    url: str,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    tls: ssl.SSLContext,
    seconds: float,
) -> datetime | None:
    """Return when the certificate at ``url`` ends; None where the address is not https.

    Raises `CertificateRefused` for one that is not valid (expired, of another name, of nobody trusted), `Unreachable`
    where nothing answers, `EgressRefused` where the guard stands before it.
    """
    target = policy.check_url(url)
    if target.scheme != "https":
        return None
    try:
        async with asyncio.timeout(seconds):
            return await _end(target, policy, resolver, tls)
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused(
            f"The TLS certificate of {target.host} is not valid",
            cause=f"Checking it gave: {error.verify_message}.",
            fix="Renew the certificate there, for this host name, by an authority both sides trust.",
        ) from error
    except (OSError, TimeoutError) as error:
        raise Unreachable(
            f"{target.host} cannot be reached",
            cause=f"{type(error).__name__}: {error}"[:300],
            fix="Check address, firewall and certificate; it is tried again by itself.",
        ) from error


async def _end(target: Target, policy: EgressPolicy, resolver: Resolver, tls: ssl.SSLContext) -> datetime:
    """Connect to an address that was checked, and to no other (DNS rebinding); TLS still names the host."""
    if target.address is not None:
        address = target.address
    else:
        address = (await policy.resolve(target.host, target.port, resolver))[0]
    _, writer = await asyncio.open_connection(str(address), target.port, ssl=tls, server_hostname=target.host)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(shown).not_valid_after_utc.astimezone(UTC)
