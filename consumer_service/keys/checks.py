"""What the Health Dashboard asks about keys, and whether the world reaches the holder of these keys at our address."""

import asyncio
from typing import Final

from pydantic import ValidationError

from consumer_service.checks import Check, Finding, Subject
from consumer_service.context import Context
from consumer_service.instance import service as instance
from consumer_service.keys import service
from consumer_service.keys.domain import Colour, HealthNode
from shared.signing.keys import refused_algorithms
from shared.transport.certificates import ENDING, EXPIRING
from shared.transport.errors import CallFailed, CertificateRefused, EgressRefused
from shared.transport.inbound import parsed
from shared.wire.connection import Echo
from shared.wire.errors import Invalid
from shared.wire.states import KeyPurpose, Severity

ECHO_PATH: Final = "/exchange/v1/echo"
ECHO_SECONDS: Final = 8.0

_SEVERITY: Final = {Colour.RED: Severity.ERROR, Colour.YELLOW: Severity.WARNING}


async def key_management_is_healthy(context: Context, subject: Subject) -> list[Finding]:
    """Find every diagnosis of the tree that is red or yellow."""
    tree = await context.database.read(service.health, context.masters, now=context.clock())
    return [_finding(leaf) for leaf in tree.leaves() if leaf.colour in _SEVERITY]


async def address_answers_as_us(context: Context, subject: Subject) -> list[Finding]:
    """Find that our own address, called through the real route, is not answered by the holder of our keys."""
    record = await context.database.read(instance.get)
    if record is None:
        return []
    keys = await context.database.read(service.verifiers, KeyPurpose.HTTP)
    try:
        reply = await context.peers.fetch_signed(
            record.issuer, ECHO_PATH, keys_from=lambda _body: keys, timeout=ECHO_SECONDS
        )
        echo = parsed(Echo, reply.body)
    except (CallFailed, EgressRefused, Invalid, ValidationError) as error:
        return [_unanswered(record.issuer, error)]
    if (echo.issuer, echo.instance_id, echo.epoch) == (record.issuer, record.instance_id, record.epoch):
        return []
    return [
        Finding(
            f"{record.issuer} is answered by instance {echo.instance_id} in epoch {echo.epoch}",
            "A copy or an older state of this instance answers at this address.",
            "Stop it, or declare this one a copy.",
        )
    ]


async def crypto_allows_the_profile(context: Context, subject: Subject) -> list[Finding]:
    """Find an algorithm of the signature profile that this machine's cryptography refuses."""
    return [
        Finding(
            f"The cryptographic library of this machine refuses {algorithm}",
            "A policy of the operating system forbids it; no peer could be spoken to.",
            "Allow it in the policy, or run the service where it is allowed.",
            item=algorithm,
        )
        for algorithm in await asyncio.to_thread(refused_algorithms)
    ]


async def own_certificate_holds(context: Context, subject: Subject) -> list[Finding]:
    """Find that the TLS certificate at our own address ends soon, or is not valid."""
    record = await context.database.read(instance.get)
    return [] if record is None else await certificate_holds(context, record.issuer)


async def certificate_holds(context: Context, issuer: str) -> list[Finding]:
    """Find a TLS certificate that ends soon, has ended, or is not valid; that nothing answers is another check's."""
    try:
        end = await context.peers.certificate_end(issuer)
    except CertificateRefused as error:
        return [Finding(error.detail, error.cause, error.fix, item="refused")]
    except (CallFailed, EgressRefused):
        return []
    left = None if end is None else end - context.clock()
    if end is None or left is None or left > EXPIRING:
        return []
    return [
        Finding(
            f"The TLS certificate of {issuer} ends on {end:%Y-%m-%d %H:%M} UTC",
            "Nobody has renewed it in time; once it has ended, no call gets through.",
            "Renew it there, and see that renewals happen by themselves.",
            item="ends",
            severity=Severity.ERROR if left <= ENDING else Severity.WARNING,
        )
    ]


def _finding(leaf: HealthNode) -> Finding:
    return Finding(f"{leaf.title}: {leaf.found}", leaf.cause, leaf.fix, item=leaf.name, severity=_SEVERITY[leaf.colour])


def _unanswered(issuer: str, error: Exception) -> Finding:
    cause = error.cause if isinstance(error, CallFailed | Invalid) else ""
    return Finding(
        f"{issuer} does not answer as this instance: {error}",
        cause or "Proxy, firewall, name or certificate do not lead here, or something else answers there.",
        "Open the address from outside and follow it to this service; set the issuer if it is another one.",
    )


CHECKS: Final = (
    Check("keys.health", "Key management is healthy", Severity.ERROR, "instance", key_management_is_healthy, ("keys",)),
    Check(
        "keys.profile",
        "Cryptography allows the signature profile",
        Severity.ERROR,
        "instance",
        crypto_allows_the_profile,
    ),
    Check(
        "keys.address",
        "Own address answers from outside as this instance",
        Severity.ERROR,
        "instance",
        address_answers_as_us,
        ("instance", "keys"),
    ),
    Check(
        "keys.certificate",
        "Own TLS certificate is valid and not expiring",
        Severity.ERROR,
        "instance",
        own_certificate_holds,
        ("instance",),
    ),
)
"""Registered by the composition root; what is about the own address does not block a ``pull`` consumer's onboarding,
whom nobody calls."""
