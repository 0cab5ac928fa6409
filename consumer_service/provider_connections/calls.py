"""What this slice asks of providers, and the pre-onboarding scan as the worker runs it."""

import asyncio

from consumer_service.checks import THIS_INSTANCE, Subject
from consumer_service.context import Context
from consumer_service.health.checks import validate
from consumer_service.health.domain import CheckRegistry
from consumer_service.provider_connections import service
from shared.signing.keys import PublicKey
from shared.signing.keysets import read_key_set, verifying_keys
from shared.transport.inbound import parsed
from shared.wire.discovery import Discovery
from shared.wire.errors import Conflict
from shared.wire.states import KeyPurpose
from shared.wire.version import WELL_KNOWN_PATH


async def discover(context: Context, issuer: str, jkt: str) -> tuple[Discovery, float]:
    """Fetch a provider's discovery and hold it against address and pinned identity.

    Returns the document and the provider's clock minus ours in seconds. Raises what the crossing raises, and
    `Conflict` (``peer_identity_mismatch``) where another instance answers.
    """
    now = int(context.clock().timestamp())
    found: list[Discovery] = []

    def keys_from(body: bytes) -> dict[str, PublicKey]:
        discovery = parsed(Discovery, body)
        key_set = read_key_set(discovery.key_set, pinned_jkt=jkt, minimum_sequence=0, now=now)
        if (discovery.issuer, key_set.issuer, key_set.instance_id) != (issuer, issuer, discovery.instance_id):
            raise Conflict(
                f"Another instance answers at {issuer}",
                code="peer_identity_mismatch",
                cause="Address or instance id in its documents are not those expected.",
                fix="Do not go on; ask the provider.",
            )
        found.append(discovery)
        return verifying_keys(key_set, KeyPurpose.HTTP)

    reply = await context.peers.fetch_signed(issuer, WELL_KNOWN_PATH, keys_from=keys_from)
    return found[0], reply.skew_s


async def scan_due(context: Context, registry: CheckRegistry) -> list[str]:
    """Scan every provider connection whose scan is due and let the findings decide; return their ids."""
    ids = await context.database.write(service.claim_scans, now=context.clock())
    if ids:
        await validate(context, registry, THIS_INSTANCE)
        await asyncio.gather(*(_scan(context, registry, connection_id) for connection_id in ids))
    return ids


async def _scan(context: Context, registry: CheckRegistry, connection_id: str) -> None:
    await validate(context, registry, Subject(service.SUBJECT, connection_id))
    await context.database.write(service.conclude_scan, connection_id=connection_id, now=context.clock())
