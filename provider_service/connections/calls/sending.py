"""Calls to peers on their connections: messages, heartbeats, key sets, goodbyes; run by the worker."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from provider_service.connections import service
from provider_service.connections.deps import snapshot
from provider_service.connections.domain import Snapshot
from provider_service.connections.service import NO_HOOKS, Beat, ConnectionHooks, Farewell, KeyNotice
from provider_service.context import Context
from provider_service.instance.deps import answering
from provider_service.keys import service as keys
from shared.delivery.claims import ENVELOPE_BYTES, Claim, ClaimedMessage
from shared.delivery.loop import BatchRefused, DeliveryFailed, NotDelivered, PeerClosed
from shared.signing.keys import PrivateKey, PublicKey
from shared.signing.keysets import read_key_set, verifying_keys
from shared.transport.client import Reply
from shared.transport.errors import RefusedByPeer, UnsignedAnswer
from shared.transport.inbound import parsed
from shared.transport.problems import status_of
from shared.wire.connection import Heartbeat, KeysAcknowledged
from shared.wire.discovery import Discovery, Limits
from shared.wire.errors import Conflict, ExchangeError
from shared.wire.identifiers import new_id
from shared.wire.messages import Outcome, Outcomes
from shared.wire.problems import Problem
from shared.wire.states import KeyPurpose
from shared.wire.version import BYTES_PER_REQUEST, WELL_KNOWN_PATH

MESSAGES_PATH: Final = "/exchange/v1/messages"
FRESH: Final = timedelta(seconds=5)
"""How long what is needed to call a peer is used without looking again."""

PARTS: Final = timedelta(seconds=5)
"""How long the parts of one batch go on being begun; with the time of a call it is less than the lease."""

SPLIT: Final = frozenset({"too_large", "malformed", "invalid"})
"""Refusals of a batch as a whole: it is sent again in halves, until the message at fault stands alone."""
OVER: Final = frozenset({"connection_closed", "connection_unknown"})
"""Answers to a goodbye that say as much as a success."""

_log = structlog.get_logger("connections")


@dataclass(frozen=True, slots=True)
class Line:
    """What it takes to call one peer."""

    peer: Snapshot
    key: PrivateKey
    """Our http key."""
    epoch: int
    """Ours."""
    history: str
    """Our last word that the peer knows."""
    peer_keys: Mapping[str, PublicKey]
    identity_jkt: str
    limits: Limits
    """The peer's."""


class Lines:
    """Lines as this process last read them, so that delivery asks the database once in a while and not every batch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, tuple[datetime, Line]] = {}

    async def get(self, connection_id: str) -> Line:
        """Return the line to a peer, at most `FRESH` old."""
        now = self._context.clock()
        known = self._known.get(connection_id)
        if known is not None and abs(now - known[0]) < FRESH:
            return known[1]
        line = await line_to(self._context, connection_id)
        self._known[connection_id] = (now, line)
        return line

    def forget(self, connection_id: str) -> None:
        """Look again at the next call."""
        self._known.pop(connection_id, None)


async def line_to(context: Context, connection_id: str) -> Line:
    """Return what it takes to call a peer now; raise `Unavailable` while this instance may not speak."""
    return await context.database.read(_line, context.settings.data_dir, context.masters, connection_id)


def send(context: Context, hooks: ConnectionHooks = NO_HOOKS) -> Callable[[Claim], Awaitable[Sequence[Outcome]]]:
    """Return what delivers a claimed batch (`shared.delivery.loop.DeliveryLoop`)."""
    lines = Lines(context)

    async def deliver(claim: Claim) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        began = context.clock()
        try:
            line = await lines.get(claim.connection_id)
            for part in _parts(claim.items, line.limits):
                if outcomes and context.clock() - began > PARTS:
                    break
                outcomes += await _post(context, line, part)
        except ExchangeError as error:
            lines.forget(claim.connection_id)
            if outcomes:
                return outcomes  # they count; whatever keeps the rest is met again by the rest alone
            if isinstance(error, RefusedByPeer):
                raise await _undelivered(context, hooks, claim.connection_id, error) from error
            raise DeliveryFailed(problem_of(error), error.retry_after) from error
        return outcomes

    return deliver


async def heartbeats_due(context: Context, hooks: ConnectionHooks = NO_HOOKS) -> int:
    """Send the heartbeats that are due; return how many those were."""
    beats = await context.database.write(service.claim_beats, now=context.clock())
    await _all(send_beat(context, beat, hooks) for beat in beats)
    return len(beats)


async def send_beat(context: Context, beat: Beat, hooks: ConnectionHooks = NO_HOOKS) -> None:
    """Send one heartbeat and write down what came of it."""
    connection_id = beat.connection_id
    try:
        line = await line_to(context, connection_id)
        reply = await call_over(context, line, "/exchange/v1/heartbeat", beat.body, f"beat-{new_id()}")
        answer = parsed(Heartbeat, reply.body)
        now = context.clock()
        middle = now.timestamp() * 1000 - reply.round_trip_ms / 2
        await context.database.write(
            service.note_answer,
            connection_id=connection_id,
            word=beat.body.history,
            answer=answer,
            round_trip_ms=reply.round_trip_ms,
            skew_ms=round(answer.time - middle),
            now=now,
        )
    except ExchangeError as error:
        if not await _ended(context, hooks, connection_id, error):
            await context.database.write(
                service.note_silence,
                connection_id=connection_id,
                problem=problem_of(error),
                stale_keys=isinstance(error, UnsignedAnswer),
                now=context.clock(),
            )


async def goodbyes_due(context: Context) -> int:
    """Tell the peers of closed connections that it is over; return how many were due."""
    farewells = await context.database.write(service.claim_goodbyes, now=context.clock())
    await _all(_say_goodbye(context, farewell) for farewell in farewells)
    return len(farewells)


async def key_notices_due(context: Context, hooks: ConnectionHooks = NO_HOOKS) -> int:
    """Tell our key set to the peers that do not know it; return how many calls were due.

    Once all have acknowledged it, `keys.service.tend` activates what waited.
    """
    notices = await context.database.write(service.claim_key_notices, now=context.clock())
    await _all(_tell_keys(context, notice, hooks) for notice in notices)
    return len(notices)


async def refreshes_due(context: Context) -> int:
    """Look whether peers have published newer key sets, at their pinned address; return how many were due."""
    due = await context.database.write(service.claim_refreshes, now=context.clock())
    await _all(_refresh(context, connection_id) for connection_id in due)
    return len(due)


def _line(session: Session, data_dir: Path, masters: keys.Masters, connection_id: str) -> Line:
    own = answering(session, data_dir)
    row = service.get(session, connection_id)
    settings = row.peer_settings
    return Line(
        peer=snapshot(row),
        key=keys.signer(session, masters, KeyPurpose.HTTP),
        epoch=own.epoch,
        history=row.own_history_told,
        peer_keys=service.keys_of(row).keys,
        identity_jkt=row.identity_jkt,
        limits=Limits.model_validate(settings["limits"]) if settings else Limits(),
    )


def _parts(items: Sequence[ClaimedMessage], limits: Limits) -> Iterator[list[ClaimedMessage]]:
    """Cut a batch to what the peer takes in one request; a message too large for it goes alone."""
    most = min(limits.bytes_per_request, BYTES_PER_REQUEST) - ENVELOPE_BYTES
    part: list[ClaimedMessage] = []
    size = 0
    for item in items:
        length = len(item.body.encode()) + 1
        if part and (len(part) >= limits.messages_per_request or size + length > most):
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    yield part


async def _post(context: Context, line: Line, items: Sequence[ClaimedMessage]) -> list[Outcome]:
    word = f'"history":"{line.history}",' if line.history else ""
    body = f'{{"epoch":{line.epoch},{word}"messages":[{",".join(item.body for item in items)}]}}'.encode()
    reply = await call_over(context, line, MESSAGES_PATH, body, None)
    answer = parsed(Outcomes, reply.body)
    if [outcome.id for outcome in answer.outcomes] != [item.id for item in items]:
        raise Conflict(
            "The peer's verdicts do not answer the messages that were sent",
            code="outcomes_mismatch",
            cause="A batch is answered by one outcome a message, in the order of the messages.",
            fix="It is tried again by itself; if it lasts, ask the peer's operator.",
        )
    if answer.epoch != line.peer.peer_epoch:
        await context.database.write(service.adopt_epoch, line.peer.id, answer.epoch, context.clock())
    return answer.outcomes


async def _undelivered(
    context: Context, hooks: ConnectionHooks, connection_id: str, refusal: RefusedByPeer
) -> NotDelivered:
    problem = refusal.problem
    if problem.code in SPLIT:
        return BatchRefused(problem)
    if await _ended(context, hooks, connection_id, refusal):
        return PeerClosed(problem)
    return DeliveryFailed(problem, problem.retry_after)


async def _say_goodbye(context: Context, farewell: Farewell) -> None:
    connection_id = farewell.connection_id
    try:
        line = await line_to(context, connection_id)
        await call_over(context, line, "/exchange/v1/goodbye", farewell.body, f"goodbye-{connection_id}")
    except RefusedByPeer as refusal:
        if refusal.problem.code not in OVER:
            await context.database.write(service.goodbye_failed, connection_id=connection_id, now=context.clock())
            return
    except ExchangeError:
        await context.database.write(service.goodbye_failed, connection_id=connection_id, now=context.clock())
        return
    await context.database.write(service.goodbye_told, connection_id=connection_id)


async def _tell_keys(context: Context, notice: KeyNotice, hooks: ConnectionHooks) -> None:
    connection_id = notice.connection_id
    try:
        line = await line_to(context, connection_id)
        name = f"keys-{line.epoch}-{notice.sequence}"
        reply = await call_over(context, line, "/exchange/v1/keys", notice.body, name)
        if parsed(KeysAcknowledged, reply.body).sequence < notice.sequence:
            raise Conflict("The peer has pinned an older key set than it was told", code="keys_not_pinned")
    except ExchangeError as error:
        _log.warning("keys_not_told", connection=connection_id, code=error.code, detail=error.detail)
        if not await _ended(context, hooks, connection_id, error):
            await context.database.write(service.key_notice_failed, connection_id=connection_id, now=context.clock())
        return
    await context.database.write(
        service.keys_acknowledged, connection_id=connection_id, sequence=notice.sequence, now=context.clock()
    )


async def _refresh(context: Context, connection_id: str) -> None:
    """Adopt the key set the peer publishes; it counts only if the pinned identity signed it."""
    now = context.clock()
    try:
        line = await line_to(context, connection_id)

        def keys_from(body: bytes) -> Mapping[str, PublicKey]:
            statement = parsed(Discovery, body).key_set
            found = read_key_set(
                statement,
                pinned_jkt=line.identity_jkt,
                minimum_sequence=line.peer.key_set_sequence,
                now=int(now.timestamp()),
            )
            return verifying_keys(found, KeyPurpose.HTTP)

        reply = await context.peers.fetch_signed(line.peer.peer_issuer, WELL_KNOWN_PATH, keys_from=keys_from)
        await context.database.write(_adopt, connection_id, parsed(Discovery, reply.body), now)
    except ExchangeError as error:
        _log.warning("key_set_not_refreshed", connection=connection_id, code=error.code, detail=error.detail)


def _adopt(session: Session, connection_id: str, discovery: Discovery, now: datetime) -> None:
    row = service.get(session, connection_id, lock=True)
    service.adopt_key_set(session, row, discovery.key_set, now)
    service.adopt_epoch(session, connection_id, discovery.epoch, now)


async def _ended(context: Context, hooks: ConnectionHooks, connection_id: str, error: ExchangeError) -> bool:
    """Close here too what the peer says is closed; tell whether it said so, signed."""
    if not isinstance(error, RefusedByPeer) or error.problem.code != "connection_closed":
        return False
    await context.database.write(
        service.closed_by_peer,
        connection_id=connection_id,
        reason="The peer says that the connection is closed",
        now=context.clock(),
        hooks=hooks,
    )
    return True


async def call_over(context: Context, line: Line, path: str, body: BaseModel | bytes, name: str | None) -> Reply:
    """Make one signed call on a connection; ``name`` is its idempotency key. Raises as `PeerClient.call`."""
    return await context.peers.call(
        issuer=line.peer.peer_issuer,
        method="POST",
        path=path,
        body=body if isinstance(body, bytes) else body.model_dump_json().encode(),
        key=line.key,
        connection_id=line.peer.id,
        idempotency_key=name,
        peer_keys=line.peer_keys,
    )


async def _all(calls: Iterator[Coroutine[Any, Any, None]]) -> None:
    """Make the calls side by side; what one of them did not expect is logged and ends no other."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, Exception):
            _log.error("call_failed", exc_info=outcome)


def problem_of(error: ExchangeError) -> Problem:
    """Return what a call that failed has met: the peer's own words, or ours."""
    return error.problem if isinstance(error, RefusedByPeer) else Problem.from_error(error, status_of(error))
