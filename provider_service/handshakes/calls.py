"""The handshake's calls to the consumer: its discovery at the announcement, and our cancellation."""

from datetime import datetime

from provider_service.context import Context
from provider_service.handshakes import service
from shared.signing.errors import StatementIdentity
from shared.signing.keys import PublicKey
from shared.signing.keysets import read_key_set, verifying_keys
from shared.transport.certificates import ENDING
from shared.transport.errors import RefusedByPeer
from shared.transport.inbound import parsed
from shared.wire.discovery import Discovery
from shared.wire.errors import Conflict, ExchangeError
from shared.wire.registration import Announcement, Cancellation
from shared.wire.states import KeyPurpose
from shared.wire.version import CLOCK_SKEW_SECONDS, WELL_KNOWN_PATH


async def check_address(context: Context, url: str, announcement: Announcement) -> None:
    """Hold the announcement against who answers at the registered address, and only there.

    Raises `Conflict` (``peer_unreachable``, ``peer_identity_mismatch``, ``certificate_ending``, ``clock_skew``).
    """
    now = int(context.clock().timestamp())

    def keys_from(body: bytes) -> dict[str, PublicKey]:
        discovery = parsed(Discovery, body)
        key_set = read_key_set(discovery.key_set, pinned_jkt=announcement.key_set.kid, minimum_sequence=0, now=now)
        _require_same(discovery, announcement, url, key_set.instance_id)
        return verifying_keys(key_set, KeyPurpose.HTTP)

    try:
        reply = await context.peers.fetch_signed(url, WELL_KNOWN_PATH, keys_from=keys_from)
    except Conflict:
        raise
    except StatementIdentity as error:
        raise _another_instance(url) from error
    except ExchangeError as error:
        raise Conflict(
            f"The provider could not reach you at {url}: {error.detail}",
            code="peer_unreachable",
            cause=error.cause or "The registered address did not answer as your instance.",
            fix="Let the provider's instance reach this address, or choose 'pull' delivery if it cannot.",
        ) from error
    await _require_lasting_certificate(context, url)
    if abs(reply.skew_s) > CLOCK_SKEW_SECONDS:
        raise Conflict(
            f"The clocks are {abs(reply.skew_s):.0f} seconds apart",
            code="clock_skew",
            cause=f"Signatures need clocks within {CLOCK_SKEW_SECONDS} seconds of each other.",
            fix="Set both clocks by a time server.",
        )


async def _require_lasting_certificate(context: Context, url: str) -> None:
    """Refuse a certificate about to end: the connection would hardly have begun. Longer ones are watched after."""
    try:
        end = await context.peers.certificate_end(url)
    except ExchangeError:  # it has just answered; what is wrong since then the connection's own checks will tell
        return
    if end is not None and end - context.clock() <= ENDING:
        raise Conflict(
            f"The TLS certificate of {url} ends on {end:%Y-%m-%d %H:%M} UTC",
            code="certificate_ending",
            cause="Once it has ended, nothing from the provider reaches you.",
            fix="Renew the certificate, then choose Connect to Provider again.",
        )


def _require_same(discovery: Discovery, announcement: Announcement, url: str, key_set_instance: str) -> None:
    expected = (url, announcement.instance_id, announcement.instance_id)
    if (discovery.issuer, discovery.instance_id, key_set_instance) != expected:
        raise _another_instance(url)


def _another_instance(url: str) -> Conflict:
    return Conflict(
        f"Another instance answers at {url}",
        code="peer_identity_mismatch",
        cause="Instance id, identity key or address there are not those of the announcement.",
        fix="Open the link on the instance that runs at the registered address.",
    )


async def tell_cancellations(context: Context, now: datetime) -> None:
    """Tell consumers what we have cancelled; each is tried again later where that fails."""
    due = await context.database.write(service.notices, masters=context.masters, now=now)
    for number, url, reason, key, known in due:
        try:
            await context.peers.call(
                issuer=url,
                method="POST",
                path=f"/exchange/v1/registrations/{number}/cancellation",
                body=Cancellation(reason=reason).model_dump_json().encode(),
                key=key,
                connection_id=None,
                idempotency_key=f"cancellation-{number}",
                peer_keys=known,
            )
        except RefusedByPeer as refusal:
            if refusal.problem.code == "registration_closed":
                await context.database.write(service.outlived, number=number, problem=refusal.problem, now=now)
            elif refusal.problem.code != "registration_unknown":
                continue
        except ExchangeError:
            continue
        await context.database.write(service.noticed, number=number)
