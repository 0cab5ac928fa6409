"""What the Health Dashboard asks about every connection (design: onboarding.md, *Connection (both sides), after*)."""

from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from provider_service.checks import Check, Finding, Subject
from provider_service.connections import domain, service, store
from provider_service.connections.calls import line_to
from provider_service.connections.schemas import ConnectionDetail, ContestView
from provider_service.context import Context
from provider_service.keys.checks import certificate_holds
from shared.delivery import figures
from shared.transport.inbound import parsed
from shared.wire.connection import Echo
from shared.wire.errors import ExchangeError
from shared.wire.states import ConnectionState, LinkStatus, Severity
from shared.wire.version import BYTES_PER_REQUEST, CLOCK_SKEW_SECONDS

EXPIRING: Final = timedelta(days=3)
UNCLAIMED: Final = timedelta(minutes=5)
"""How long a message may be due before nobody taking it up is a fault of ours and no passing load."""
REMINDED: Final = timedelta(days=1)
"""How long a decided contest of histories is shown after it was last heard of."""


async def peer_is_reachable(context: Context, subject: Subject) -> list[Finding]:
    """Find a peer that does not answer at its pinned address as itself."""
    connection = await _detail(context, subject)
    if connection is None or not domain.called(connection.delivery):
        return []
    try:
        line = await line_to(context, subject.id)
        reply = await context.peers.fetch_signed(
            connection.peer_issuer, "/exchange/v1/echo", keys_from=lambda _: line.peer_keys
        )
        echo = parsed(Echo, reply.body)
    except ExchangeError as error:
        return [Finding(error.detail, error.cause, error.fix or "Check the network between the two instances.")]
    if (echo.issuer, echo.instance_id) == (connection.peer_issuer, connection.peer_instance_id):
        return []
    return [
        Finding(
            f"Another instance answers at {connection.peer_issuer}",
            "The address was given to another instance, or the peer was replaced by a copy.",
            "Ask the peer's operator; re-key the connection if the change was meant.",
        )
    ]


async def clocks_agree(context: Context, subject: Subject) -> list[Finding]:
    """Find clocks so far apart that signatures are about to be refused."""
    connection = await _detail(context, subject)
    skew = None if connection is None else connection.skew_ms
    if skew is None or abs(skew) < CLOCK_SKEW_SECONDS * 1000:
        return []
    return [
        Finding(
            f"The peer's clock is {skew / 1000:+.1f} seconds from ours",
            f"Signatures need clocks within {CLOCK_SKEW_SECONDS} seconds of each other.",
            "Set both clocks by a time server.",
        )
    ]


async def key_set_is_fresh(context: Context, subject: Subject) -> list[Finding]:
    """Find a pinned key set that ends soon or has ended."""
    connection = await _detail(context, subject)
    if connection is None:
        return []
    left = connection.key_set_expires_at - context.clock()
    if left > EXPIRING:
        return []
    over = left <= timedelta(0)
    return [
        Finding(
            f"The peer's key set {'has expired' if over else 'expires'} ({connection.key_set_expires_at:%Y-%m-%d})",
            "The peer has not told its next one, and it could not be looked up at its address.",
            "Ask the peer's operator whether its worker runs and can reach this instance.",
            severity=Severity.ERROR if over else Severity.WARNING,
        )
    ]


async def outbox_flows(context: Context, subject: Subject) -> list[Finding]:
    """Find messages undelivered for too long, and received ones that wait for a person."""
    connection = await _detail(context, subject)
    if connection is None:
        return []
    now_ms = round(context.clock().timestamp() * 1000)
    overdue = await context.database.read(figures.needs_attention, now_ms, connection_id=subject.id)
    findings = [
        Finding(
            f"{item.queued} messages wait; the oldest one, of lane {item.lane}, for over 14 days",
            connection.problem.detail if connection.problem else "The peer has not taken it.",
            "Bring the peer back, or disconnect. It is tried on; nothing is dropped.",
            item=f"channel-{item.channel}",
        )
        for item in overdue
    ]
    if connection.quarantined:
        findings.append(
            Finding(
                f"{connection.quarantined} received messages could not be applied",
                "Applying them failed unexpectedly; what follows them in their lanes waits.",
                "Look at them in the connection's messages; replay or skip each.",
                item="quarantine",
            )
        )
    return findings


async def directions_are_up(context: Context, subject: Subject) -> list[Finding]:
    """Find a direction that is down or slow."""
    connection = await _detail(context, subject)
    if connection is None or connection.state not in {ConnectionState.ACTIVE, ConnectionState.CONNECTING}:
        return []
    told = {
        ("sending", LinkStatus.DOWN): f"Nothing gets through to {connection.peer_name}",
        ("sending", LinkStatus.SLOW): f"What is sent to {connection.peer_name} is slow to get through",
        ("receiving", LinkStatus.DOWN): f"Nothing comes from {connection.peer_name} any more",
        ("receiving", LinkStatus.SLOW): f"What comes from {connection.peer_name} comes slowly",
    }
    return [
        Finding(
            told[name, status],
            connection.problem.detail if connection.problem else "Nothing has come through for a while.",
            "Check whether the peer is reachable and its worker runs.",
            item=name,
            severity=Severity.ERROR if status is LinkStatus.DOWN else Severity.WARNING,
        )
        for name, status in (("sending", connection.sending), ("receiving", connection.receiving))
        if (name, status) in told
    ]


async def certificate_is_valid(context: Context, subject: Subject) -> list[Finding]:
    """Find that the peer's TLS certificate ends soon, or is not valid."""
    connection = await _detail(context, subject)
    if connection is None or not domain.called(connection.delivery):
        return []
    return await certificate_holds(context, connection.peer_issuer)


async def limits_fit(context: Context, subject: Subject) -> list[Finding]:
    """Find a peer that takes less in one request than we may have to send."""
    connection = await _detail(context, subject)
    told = connection.peer_settings if connection else None
    if told is None or told.limits.bytes_per_request >= BYTES_PER_REQUEST:
        return []
    return [
        Finding(
            f"The peer takes {told.limits.bytes_per_request} bytes in one request; here records have up to "
            f"{BYTES_PER_REQUEST}",
            "What is larger than the peer's limit is refused where it is written.",
            "Ask the peer's operator to raise the limit, or keep records smaller.",
        )
    ]


async def outbox_is_not_stuck(context: Context, subject: Subject) -> list[Finding]:
    """Find messages that nobody has tried to send although they are due."""
    before_ms = round((context.clock() - UNCLAIMED).timestamp() * 1000)
    stuck = await context.database.read(figures.unclaimed, before_ms)
    if not stuck:
        return []
    return [
        Finding(
            f"{stuck} queues of messages have been due for over 5 minutes and nobody sends them",
            "The worker is not running, is overloaded, or cannot write to the database.",
            "Look at the worker's log, and restart it.",
        )
    ]


async def _detail(context: Context, subject: Subject) -> ConnectionDetail | None:
    """Return the connection while it is open."""

    def read(session: Session) -> ConnectionDetail | None:
        row = store.find(session, subject.id)
        if row is None or row.state == ConnectionState.CLOSED:
            return None
        return service.detail(session, connection_id=subject.id, now=context.clock())

    return await context.database.read(read)


async def history_is_one(context: Context, subject: Subject) -> list[Finding]:
    """Find a second history of the peer, and a restore after which the two sides have not found together."""
    connection = await _detail(context, subject)
    if connection is None:
        return []
    contest, now = connection.contest, context.clock()
    findings = []
    if contest is not None and contest.verdict is None:
        findings.append(_in_doubt(connection))
    elif contest is not None and now - max(contest.seen_at, contest.decided_at or contest.seen_at) < REMINDED:
        findings.append(_decided(connection, contest))
    report = connection.reconciliation
    if report is not None and report.problem is not None and (connection.reconciling or connection.peer_restored):
        findings.append(
            Finding(
                "After a restore, the marks of both sides could not be compared",
                f"{report.problem.detail or report.problem.title} ({report.problem.code})",
                report.problem.fix or "It is tried again by itself. Resuming the connection goes on without.",
                item="reconciliation",
            )
        )
    return findings


def _in_doubt(connection: ConnectionDetail) -> Finding:
    return Finding(
        f"Two histories of {connection.peer_name} are calling in one epoch",
        "A copy of it is running, or it was set back to an earlier state without being declared.",
        "Ask the peer's operator, then decide on the connection's page which history goes on."
        if not domain.called(connection.delivery)
        else "Its address is being asked. If it stays silent, decide on the connection's page.",
        item="history",
    )


def _decided(connection: ConnectionDetail, contest: ContestView) -> Finding:
    if contest.verdict == "kept":
        return Finding(
            f"A second history of {connection.peer_name} has called {contest.count} times; it is refused",
            "A copy of the peer is running with its keys.",
            "Ask the peer's operator to stop the copy, or to declare it one.",
            item="history",
        )
    return Finding(
        f"{connection.peer_name} goes on with another history than before, in the same epoch",
        "It was set back to an earlier state, or replaced by a copy, without being declared.",
        "Ask the peer's operator to declare the restore, so that both sides compare what was lost.",
        item="history",
    )


CHECKS: Final = (
    Check("connections.reachable", "Peer is reachable", Severity.ERROR, "connection", peer_is_reachable),
    Check(
        "connections.certificate",
        "Peer's TLS certificate is valid and not expiring",
        Severity.ERROR,
        "connection",
        certificate_is_valid,
    ),
    Check("connections.limits", "Peer's body limit fits", Severity.WARNING, "connection", limits_fit),
    Check("connections.clock", "Clocks agree", Severity.ERROR, "connection", clocks_agree),
    Check("connections.key_set", "Key set is fresh", Severity.WARNING, "connection", key_set_is_fresh, ("keys",)),
    Check("connections.outbox", "Messages flow", Severity.ERROR, "connection", outbox_flows),
    Check("connections.queue", "Outbox is not stuck", Severity.WARNING, "instance", outbox_is_not_stuck),
    Check("connections.history", "Peer has one history", Severity.ERROR, "connection", history_is_one),
    Check("connections.direction", "Both directions are up", Severity.ERROR, "connection", directions_are_up),
)
"""Registered by the composition root."""
