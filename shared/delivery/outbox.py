"""Queueing messages in the transaction that causes them, and the four ends of delivering them.

`enqueue` takes a message's place in its channel and its sequence in its lane under the lock of the channel's row, so
that both are without gaps and in the order of commits. The sender's half of the work (`claim`, `settle`, `fail`, …)
stands in `shared.delivery.claims` and `shared.delivery.settling`.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.delivery.claims import ENVELOPE_BYTES, claim, leased, release
from shared.delivery.peers import close, pause, resume, wake
from shared.delivery.settling import fail, refuse, settle, settle_and_claim, settle_held, skip
from shared.delivery.statements import WAKE_CHANNEL, insert_many, is_postgresql, update_many
from shared.delivery.tables import channels, lanes_out, outbox, peers
from shared.wire.errors import Gone, Invalid, NotFound, TooLarge
from shared.wire.identifiers import LANE_PATTERN, new_id

__all__ = [
    "Draft", "claim", "close", "enqueue", "enqueue_many", "fail", "leased", "pause", "refuse", "release", "resume",
    "settle", "settle_and_claim", "settle_held", "skip", "wake",
]  # fmt: skip

_LANE = re.compile(LANE_PATTERN)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has an id, a sequence and a time; ``data_json`` is the text of a JSON object."""

    lane: str
    type: str
    subject: str
    data_json: str


def enqueue(
    session: Session,
    *,
    connection_id: str,
    lane: str,
    type: str,  # noqa: A002 - the member's name on the wire
    subject: str,
    data_json: str,
    now_ms: int,
) -> str:
    """Queue one message and return its id. Errors as in `enqueue_many`."""
    draft = Draft(lane, type, subject, data_json)
    return enqueue_many(session, connection_id=connection_id, drafts=[draft], now_ms=now_ms)[0]


def enqueue_many(session: Session, *, connection_id: str, drafts: Sequence[Draft], now_ms: int) -> list[str]:
    """Queue messages of one connection in the order given and return their ids.

    Raises `NotFound` for a connection never registered, `Gone` for a closed one, `Invalid` for a lane's name outside
    ``[A-Za-z0-9._:-]{1,80}``, `TooLarge` (code ``message_too_large``) for a message that alone is more than the peer
    takes in one request. A transaction that queues into several lanes should do so in one call: channels are
    locked in order here, which two calls cannot promise each other.
    """
    count, most = _open_channels(session, connection_id)
    time = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    by_channel = sorted(
        ((_channel_of(draft.lane, count), index) for index, draft in enumerate(drafts)),
    )
    ids = [""] * len(drafts)
    rows: list[dict[str, Any]] = []
    for channel, group in groupby(by_channel, key=lambda pair: pair[0]):
        indexes = [index for _, index in group]
        position = _take_positions(session, connection_id, channel, len(indexes), now_ms)
        sequences = _Sequences(session, connection_id, [drafts[index].lane for index in indexes])
        for offset, index in enumerate(indexes):
            draft = drafts[index]
            ids[index] = new_id()
            place = {"connection_id": connection_id, "channel": channel, "position": position + offset}
            row = _row(draft, ids[index], sequences.take(draft.lane), time)
            _require_fitting(draft, row["size"], most)
            rows.append({**place, **row, "created_at": now_ms})
        sequences.store()
    insert_many(session, outbox, rows)
    return ids


def _open_channels(session: Session, connection_id: str) -> tuple[int, int]:
    """Return the channels of a connection, and the octets one message to it may have."""
    peer = session.execute(
        select(peers.c.channel_count, peers.c.closed, peers.c.body_limit).where(peers.c.connection_id == connection_id)
    ).one_or_none()
    if peer is None:
        raise NotFound(f"Connection {connection_id} has no delivery set up", code="connection_unknown")
    if peer.closed:
        raise Gone(
            "The connection is closed",
            code="connection_closed",
            cause="One of the two sides ended the connection; nothing is sent through it any more.",
            fix="Connect anew.",
        )
    return int(peer.channel_count), int(peer.body_limit) - ENVELOPE_BYTES


def _require_fitting(draft: Draft, size: int, most: int) -> None:
    if size > most:
        raise TooLarge(
            f"The {draft.type} has {size} octets as a message; the peer takes {most}",
            code="message_too_large",
            cause="A message travels whole, and the peer states how much it takes in one request.",
            fix="Shorten the texts, or spread them over several comments.",
        )


def _channel_of(lane: str, count: int) -> int:
    if _LANE.fullmatch(lane) is None:
        raise Invalid(f"{lane[:100]!r} cannot name a lane", code="lane_invalid", cause=f"It must match {LANE_PATTERN}.")
    return zlib.crc32(lane.encode()) % count


def _take_positions(session: Session, connection_id: str, channel: int, count: int, now_ms: int) -> int:
    row = session.execute(
        update(channels)
        .where(channels.c.connection_id == connection_id, channels.c.channel == channel)
        .values(next_position=channels.c.next_position + count, due_at=func.coalesce(channels.c.due_at, now_ms))
        .returning(channels.c.next_position, channels.c.due_at)
    ).one()
    if row.due_at == now_ms and is_postgresql(session):
        session.execute(select(func.pg_notify(WAKE_CHANNEL, connection_id)))
    return int(row.next_position) - count


class _Sequences:
    """The next sequences of some lanes of one channel, read and written under the channel's lock."""

    def __init__(self, session: Session, connection_id: str, lanes: Sequence[str]) -> None:
        self._session = session
        self._connection_id = connection_id
        self._new = set(lanes)
        self._next = dict.fromkeys(lanes, 1)
        known = session.execute(
            select(lanes_out.c.lane, lanes_out.c.next_sequence).where(
                lanes_out.c.connection_id == connection_id, lanes_out.c.lane.in_(sorted(self._new))
            )
        )
        for lane, sequence in known:
            self._next[lane] = sequence
            self._new.discard(lane)

    def take(self, lane: str) -> int:
        sequence = self._next[lane]
        self._next[lane] = sequence + 1
        return sequence

    def store(self) -> None:
        rows = [
            {"connection_id": self._connection_id, "lane": lane, "next_sequence": upto}
            for lane, upto in self._next.items()
        ]
        insert_many(self._session, lanes_out, [row for row in rows if row["lane"] in self._new])
        known = [row for row in rows if row["lane"] not in self._new]
        update_many(self._session, lanes_out, ("connection_id", "lane"), known)


def _row(draft: Draft, message_id: str, sequence: int, time: str) -> dict[str, Any]:
    body = (
        f'{{"id":"{message_id}","lane":"{draft.lane}","sequence":{sequence},"type":{json.dumps(draft.type)},'
        f'"time":"{time}","subject":{json.dumps(draft.subject)},"data":{draft.data_json}}}'
    )
    return {
        "id": message_id,
        "lane": draft.lane,
        "sequence": sequence,
        "type": draft.type,
        "subject": draft.subject,
        "size": len(body) if body.isascii() else len(body.encode()),
        "body": body,
    }
