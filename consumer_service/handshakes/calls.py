"""The handshake's calls to the provider: each stored before it goes out and after it came back."""

import hashlib
from datetime import datetime

from pydantic import BaseModel

from consumer_service.context import Context
from consumer_service.handshakes import service
from consumer_service.handshakes.service import Attempt, Peer
from shared.transport.client import Reply
from shared.transport.errors import RefusedByPeer
from shared.transport.inbound import parsed
from shared.wire.errors import ExchangeError
from shared.wire.registration import (
    AnnouncementAnswer,
    AuthorizationAnswer,
    Cancellation,
    CompletionAnswer,
    RegistrationStatus,
    Reveal,
)
from shared.wire.states import Step


async def connect(context: Context, *, connection_id: str, user_id: str) -> tuple[str, str]:
    """Announce, reveal, push the authorization request; return the browser's way and the comparison code."""
    write = context.database.write
    attempt = await write(
        service.begin, connection_id=connection_id, user_id=user_id, masters=context.masters, now=context.clock()
    )
    try:
        answer = await _announce(context, connection_id, attempt)
    except ExchangeError as error:
        await write(service.note_failure, connection_id=connection_id, step=Step.ANNOUNCEMENT, error=error)
        raise
    try:
        pushed = await _post(context, attempt.peer, "authorization", attempt.authorization)
        return await write(
            service.ready,
            connection_id=connection_id,
            attempt=attempt,
            endpoint=answer.authorization_endpoint,
            answer=parsed(AuthorizationAnswer, pushed.body),
        )
    except ExchangeError as error:
        await write(service.note_failure, connection_id=connection_id, step=Step.AUTHORIZATION, error=error)
        raise


async def _announce(context: Context, connection_id: str, attempt: Attempt) -> AnnouncementAnswer:
    reply = await _post(context, attempt.peer, "announcement", attempt.announcement)
    answer = parsed(AnnouncementAnswer, reply.body)
    await context.database.write(
        service.announced, connection_id=connection_id, attempt=attempt, answer=answer, now=context.clock()
    )
    revealed = await _post(context, attempt.peer, "reveal", Reveal(nonce_c=attempt.nonce_c))
    parsed(RegistrationStatus, revealed.body)  # nothing follows from it, but who answers otherwise is not believed
    return answer


async def complete(context: Context, *, connection_id: str) -> None:
    """Redeem the code; the worker tries again where this fails for the moment."""
    write = context.database.write
    due = await write(service.completion, connection_id=connection_id, masters=context.masters, now=context.clock())
    if due is None:
        return
    peer, body = due
    try:
        reply = await _post(context, peer, "completion", body)
        answer = parsed(CompletionAnswer, reply.body)
    except ExchangeError as error:
        await write(service.note_failure, connection_id=connection_id, step=Step.COMPLETION, error=error)
        raise
    await write(service.completed, connection_id=connection_id, answer=answer, now=context.clock())


async def complete_due(context: Context, now: datetime) -> None:
    """Try every completion that is due; the worker's part of a handshake."""
    for connection_id in await context.database.write(service.completions_due, now=now):
        try:
            await complete(context, connection_id=connection_id)
        except ExchangeError:  # kept by `complete` for people to see, and due again unless it was final
            continue


async def tell_cancellations(context: Context, now: datetime) -> None:
    """Tell providers what we have cancelled."""
    due = await context.database.write(service.notices, masters=context.masters, now=now)
    for connection_id, peer, reason in due:
        try:
            await _post(context, peer, "cancellation", Cancellation(reason=reason))
        except ExchangeError as error:
            if error.code not in {"registration_closed", "registration_unknown"}:
                continue
        await context.database.write(service.noticed, connection_id=connection_id)


async def follow_due(context: Context, now: datetime) -> None:
    """Ask providers where their registrations stand while ours is under way: they may have been cancelled there."""
    for connection_id, peer in await context.database.read(service.unfinished, masters=context.masters, now=now):
        try:
            await refresh(context, connection_id=connection_id, peer=peer)
        except ExchangeError:  # the steps themselves show what is wrong; this only follows an end
            continue


async def refresh(context: Context, *, connection_id: str, peer: Peer) -> RegistrationStatus:
    """Ask the provider where its registration stands, and follow it."""
    reply = await context.peers.call(
        issuer=peer.issuer,
        method="GET",
        path=f"/exchange/v1/registrations/{peer.number}",
        body=None,
        key=peer.key,
        connection_id=None,
        idempotency_key=None,
        peer_keys=peer.keys,
    )
    told = parsed(RegistrationStatus, reply.body)
    await context.database.write(service.follow, connection_id=connection_id, told=told, now=context.clock())
    return told


async def _post(context: Context, peer: Peer, step: str, document: BaseModel) -> Reply:
    body = document.model_dump_json(exclude_none=True).encode()
    try:
        return await context.peers.call(
            issuer=peer.issuer,
            method="POST",
            path=f"/exchange/v1/registrations/{peer.number}/{step}",
            body=body,
            key=peer.key,
            connection_id=None,
            idempotency_key=f"{step}-{hashlib.sha256(body).hexdigest()}",
            peer_keys=peer.keys,
        )
    except RefusedByPeer as refusal:
        raise refusal.problem.to_error() from refusal
