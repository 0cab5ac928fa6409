"""What the pre-onboarding scan asks about a provider connection (design: onboarding.md, *Pre-onboarding scan*)."""

from typing import Final

from sqlalchemy.orm import Session

from consumer_service.checks import Check, Finding, Subject
from consumer_service.connections import service as connections
from consumer_service.context import Context
from consumer_service.instance import service as instance
from consumer_service.keys.checks import certificate_holds
from consumer_service.provider_connections import calls, service
from consumer_service.provider_connections.tables import ProviderConnection
from shared.signing import tokens
from shared.signing.errors import TokenRefused
from shared.signing.keysets import read_key_set, verifying_keys
from shared.wire.discovery import Discovery
from shared.wire.errors import ExchangeError
from shared.wire.registration import TOKEN_TYPE
from shared.wire.states import DeliveryMode, KeyPurpose, Severity, Side
from shared.wire.version import BYTES_PER_REQUEST, CLOCK_SKEW_SECONDS, PROTOCOL_VERSION, SIGNATURE_TAG

CLAIMS: Final = ("iss", "aud", "sub", "jti", "iat", "exp", "provider_jkt")


async def provider_answers(context: Context, subject: Subject) -> list[Finding]:
    """Find a provider that cannot be reached or is not the one that invited us; keep its discovery otherwise."""
    row = await context.database.read(service.get, subject.id)
    if not service.is_going_on(row):
        return []
    try:
        discovery, skew_s = await calls.discover(context, row.provider_issuer, row.provider_jkt)
    except ExchangeError as error:
        return [_unanswered(row, error)]
    await context.database.write(
        service.keep_discovery, connection_id=row.id, discovery=discovery, skew_ms=int(skew_s * 1000)
    )
    findings = [*_clock(skew_s), *_fit(row, discovery)]
    if row.rekeys is not None:
        findings += await context.database.read(_rekeyable, row, discovery)
    return findings


def _rekeyable(session: Session, row: ProviderConnection, discovery: Discovery) -> list[Finding]:
    """Find what keeps the provider from taking the connection up again that the invitation re-keys."""
    try:
        connections.require_rekeyable(
            session,
            connection_id=row.rekeys or "",
            instance_id=discovery.instance_id,
            identity_jkt=row.provider_jkt,
            delivery=row.delivery,
            epoch=discovery.epoch,
        )
    except ExchangeError as error:
        return [Finding(error.detail, error.cause, error.fix, item="rekeying")]
    return []


def _unanswered(row: ProviderConnection, error: ExchangeError) -> Finding:
    return Finding(
        f"The provider at {row.provider_issuer} could not be verified: {error.detail}",
        error.cause or "Its address does not answer, or not as the instance that issued the invitation.",
        error.fix or "Check the network between; if it lasts, ask the provider.",
    )


def _clock(skew_s: float) -> list[Finding]:
    if abs(skew_s) < CLOCK_SKEW_SECONDS:
        return []
    return [
        Finding(
            f"The clocks are {abs(skew_s):.0f} seconds apart",
            f"Signatures need clocks within {CLOCK_SKEW_SECONDS} seconds of each other.",
            "Set both clocks by a time server.",
            item="clock",
        )
    ]


def _fit(row: ProviderConnection, discovery: Discovery) -> list[Finding]:
    faults = []
    if PROTOCOL_VERSION not in discovery.versions:
        faults.append(
            ("versions", f"The provider speaks protocol {', '.join(discovery.versions)}, we {PROTOCOL_VERSION}")
        )
    if Side.PROVIDER not in discovery.roles:
        faults.append(("role", f"{discovery.name} is not a provider"))
    if row.delivery == DeliveryMode.PULL and DeliveryMode.PULL not in discovery.delivery:
        faults.append(("delivery", "The provider does not offer 'pull' delivery"))
    if discovery.criteria.signature_profile != SIGNATURE_TAG:
        faults.append(
            ("profile", f"The provider requires the signature profile {discovery.criteria.signature_profile}")
        )
    taken = discovery.limits.bytes_per_request
    findings = [
        Finding(text, "The two instances do not fit together.", "Clear it up with the provider.", item=item)
        for item, text in faults
    ]
    return findings if taken >= BYTES_PER_REQUEST else [*findings, _tight(taken)]


def _tight(taken: int) -> Finding:
    return Finding(
        f"The provider takes {taken} bytes in one request; here records have up to {BYTES_PER_REQUEST}",
        "What is larger than the provider's limit is refused where it is written.",
        "Ask the provider to raise the limit, or keep records smaller.",
        item="limits",
        severity=Severity.WARNING,
    )


async def certificate_is_valid(context: Context, subject: Subject) -> list[Finding]:
    """Find that the provider's TLS certificate ends soon, or is not valid."""
    row = await context.database.read(service.get, subject.id)
    return await certificate_holds(context, row.provider_issuer) if service.is_going_on(row) else []


async def nothing_is_left(context: Context, subject: Subject) -> list[Finding]:
    """Find tokens and connections that earlier attempts have left."""
    return await context.database.read(_leftovers, subject.id)


def _leftovers(session: Session, connection_id: str) -> list[Finding]:
    row = service.get(session, connection_id)
    if not service.is_going_on(row):
        return []
    findings = [
        Finding(
            f"The invitation of {other.number} is still kept",
            "An earlier attempt with the same provider was not ended.",
            f"Cancel {other.number}.",
            item=f"token-{other.id}",
        )
        for other in service.with_token(session, row.provider_issuer)
        if other.id != row.id
    ]
    standing = connections.standing_at(session, row.provider_issuer)
    if standing is not None:
        findings.append(
            Finding(
                f"A connection with {row.provider_issuer} is left in state {standing.state}",
                "An earlier registration with this provider has not ended on this side.",
                "Disconnect it if it is not to be re-keyed by this invitation.",
                item="connection",
            )
        )
    return findings


async def token_is_genuine(context: Context, subject: Subject) -> list[Finding]:
    """Find an invitation that the provider did not make, that is not for us, or that has ended."""
    row = await context.database.read(service.get, subject.id)
    if not service.is_going_on(row):
        return []
    own = await context.database.read(instance.require)
    try:
        discovery, _ = await calls.discover(context, row.provider_issuer, row.provider_jkt)
    except ExchangeError as error:
        return [_unanswered(row, error)]
    now = int(context.clock().timestamp())
    key_set = read_key_set(discovery.key_set, pinned_jkt=row.provider_jkt, minimum_sequence=0, now=now)
    try:
        tokens.read(
            service.token(row, context.masters),
            keys=verifying_keys(key_set, KeyPurpose.TOKEN),
            typ=TOKEN_TYPE,
            issuer=row.provider_issuer,
            audience=own.issuer,
            required=CLAIMS,
            now=now,
        )
    except TokenRefused as error:
        return [
            Finding(
                f"The invitation is not valid: {error.detail}",
                error.cause or "The provider's keys do not confirm it, or its time is up.",
                "Ask the provider to issue a new link, and open that one.",
            )
        ]
    return []


_WATCHES: Final = ("instance", "provider_connection", "key")

CHECKS: Final = (
    Check("provider_connection.provider", "Provider is reachable and the one that invited us", Severity.ERROR,
          service.SUBJECT, provider_answers, _WATCHES),
    Check("provider_connection.token", "Invitation is genuine and valid", Severity.ERROR, service.SUBJECT,
          token_is_genuine, _WATCHES),
    Check("provider_connection.certificate", "Provider's TLS certificate is valid and not expiring", Severity.ERROR,
          service.SUBJECT, certificate_is_valid, _WATCHES),
    Check("provider_connection.leftovers", "Nothing is left of earlier attempts", Severity.WARNING,
          service.SUBJECT, nothing_is_left, (*_WATCHES, "connection")),
)  # fmt: skip
"""Registered by the composition root."""
