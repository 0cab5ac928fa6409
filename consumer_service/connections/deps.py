"""Who calls on a connection: the peer pinned to it, by a verified signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import Row
from sqlalchemy.orm import Session

from consumer_service.connections import domain, service, store
from consumer_service.connections.domain import PeerKeys, Snapshot
from consumer_service.connections.service import ConnectionHooks
from consumer_service.connections.tables import Connection
from consumer_service.context import Context, ContextDep
from consumer_service.instance.deps import speaking_epoch
from shared.delivery import answers, nonces, usage
from shared.delivery.answers import StoredAnswer
from shared.delivery.inbox import Handler
from shared.signing.errors import KeyUnknown
from shared.signing.requests import UnverifiedRequest, VerifiedRequest
from shared.transport.inbound import read_signed
from shared.wire.errors import NotFound
from shared.wire.states import ConnectionState, DeliveryMode
from shared.wire.version import JSON_TYPE

WITHOUT_KEY = ("/exchange/v1/messages", "/exchange/v1/outcomes")
"""The calls that need no idempotency key: messages have ids of their own (docs/protocol.md, section 4)."""

RENEWING = "/exchange/v1/keys"
"""The one call a peer may make under a key set that has expired: it brings the next one."""


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """Who called, on which connection, and in which epoch of ours it is answered."""

    connection: Snapshot
    request: VerifiedRequest
    epoch: int
    """Ours."""

    def remember(self, session: Session) -> None:
        """Count the request once, in the transaction of its effect; raise `NonceSeen` for a replay."""
        nonces.remember(session, self.request.key_id, self.request.nonce, self.request.expires)


@dataclass(frozen=True, slots=True)
class _Pinned:
    epoch: int
    peer: Snapshot
    keys: PeerKeys


async def _verified_peer(request: Request, context: ContextDep) -> VerifiedPeer:
    now = int(context.clock().timestamp())
    path = request.url.path
    unverified = await read_signed(
        request,
        issuer=context.settings.issuer,
        now=now,
        requires_idempotency_key=request.method != "GET" and path not in WITHOUT_KEY,
    )
    pinned = await context.database.read(_pinned, context.settings.data_dir, unverified.connection_id)
    verified = _verify(unverified, pinned.keys, now, renewing=path == RENEWING)
    domain.require_open(pinned.peer)
    await _count(context, pinned.peer.id, len(verified.body), control=path not in WITHOUT_KEY)
    return VerifiedPeer(pinned.peer, verified, pinned.epoch)


async def _count(context: Context, connection_id: str, octets: int, *, control: bool) -> None:
    """Count the request, and now and then tell the other processes; raise `TooMany` (code ``quota_exceeded``)."""
    quotas, now_ms = context.quotas, int(context.clock().timestamp() * 1000)
    if quotas.due(connection_id, now_ms):
        pending = quotas.pending(connection_id, now_ms)
        totals = await context.database.write(usage.add, connection_id, pending)
        quotas.shared(connection_id, pending, totals)
    quotas.request(connection_id, octets, now_ms, control=control)


def _pinned(session: Session, data_dir: Path, connection_id: str | None) -> _Pinned:
    epoch = speaking_epoch(session, data_dir)
    row = None if connection_id is None else store.pinned(session, connection_id)
    if row is None:
        raise NotFound(
            "There is no such connection here",
            code="connection_unknown",
            cause="It was never completed, or belongs to another instance.",
            fix="Check the header Exchange-Connection, or register anew.",
        )
    return _Pinned(epoch, snapshot(row), service.keys_in(row.key_set))


def _verify(unverified: UnverifiedRequest, pinned: PeerKeys, now: int, *, renewing: bool) -> VerifiedRequest:
    key = pinned.keys.get(unverified.key_id)
    if key is None or (pinned.expires <= now and not renewing):
        raise KeyUnknown(
            "No usable key of this id is pinned to the connection",
            cause="The key belongs to another peer, has ended, or its key set was not told here or has expired.",
            fix="Tell the present key set by POST /exchange/v1/keys, signed by a key known here.",
        )
    return unverified.verify(key)


async def answered_once(
    context: Context, peer: VerifiedPeer, work: Callable[[Session, datetime], BaseModel]
) -> Response:
    """Carry the call out once, in one transaction with its nonce and its stored answer.

    ``work`` takes a session and the time, and returns the document to answer with; a repetition gets the same one.
    """
    now = context.clock()
    request = peer.request

    def transaction(session: Session) -> StoredAnswer:
        peer.remember(session)
        service.note_contact(session, peer.connection.id, now)
        return answers.once(
            session,
            owner=f"peer:{peer.connection.id}",
            key=request.idempotency_key or "",
            wanted=answers.fingerprint(request.method, request.target_uri, request.body),
            work=lambda: StoredAnswer(200, work(session, now).model_dump_json()),
            now_ms=round(now.timestamp() * 1000),
        )

    stored = await context.database.write(transaction)
    return Response(stored.body, stored.status, media_type=JSON_TYPE)


def snapshot(row: Connection | Row[Any]) -> Snapshot:
    """Return what a request needs to know of its connection."""
    return Snapshot(
        id=row.id,
        state=ConnectionState(row.state),
        delivery=DeliveryMode(row.delivery),
        peer_name=row.peer_name,
        peer_issuer=row.peer_issuer,
        peer_instance_id=row.peer_instance_id,
        peer_epoch=row.peer_epoch,
        peer_histories=row.peer_histories,
        key_set_sequence=row.key_set_sequence,
    )


async def _handlers(request: Request) -> Mapping[str, Handler]:
    handlers: Mapping[str, Handler] = request.app.state.message_handlers
    return handlers


async def _hooks(request: Request) -> ConnectionHooks:
    hooks: ConnectionHooks = request.app.state.connection_hooks
    return hooks


VerifiedPeerDep = Annotated[VerifiedPeer, Depends(_verified_peer)]
"""The verified caller of a signed endpoint; refuses a connection that is unknown, closed or suspended."""

HandlersDep = Annotated[Mapping[str, Handler], Depends(_handlers)]
"""Handlers by message type, set by the composition root in ``app.state.message_handlers``."""

ConnectionHooksDep = Annotated[ConnectionHooks, Depends(_hooks)]
"""What higher slices do, set by the composition root in ``app.state.connection_hooks``."""
