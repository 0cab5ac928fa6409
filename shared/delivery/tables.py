"""Tables of delivery: peers, channels, lanes, outbox, inbox and nonces (design: protocol.md, *Messages*).

All times are integer unix milliseconds, but for the nonces', whose signatures count in seconds. A *channel* is the log
of a part of one connection's lanes. Places in it are given under its row's lock, so they have no gaps and a claim is a
read from the settled position onwards: nothing is ever skipped, and settled rows cost nothing. Without row ids the
primary key is SQLite's table itself: one tree fewer to write.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from shared.wire.version import BYTES_PER_REQUEST

delivery_metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Joined to each service's own metadata by its migrations."""


def _connection() -> Column[str]:
    return Column("connection_id", String(64), primary_key=True)


peers = Table(
    "delivery_peers",
    delivery_metadata,
    _connection(),
    Column("mode", String(8), nullable=False),
    Column("channel_count", Integer, nullable=False),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("closed", Boolean, nullable=False, server_default=false()),
    Column("body_limit", Integer, nullable=False, server_default=str(BYTES_PER_REQUEST)),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", BigInteger, nullable=False, server_default="0"),
    Column("last_contact_at", BigInteger),
    Column("last_exchange_at", BigInteger),
    Column("problem", Text),
    sqlite_with_rowid=False,
)
"""Whom we exchange with. Back-off belongs here: one peer, one schedule.

``body_limit``: how many octets the peer takes in one request.
"""

channels = Table(
    "delivery_channels",
    delivery_metadata,
    _connection(),
    Column("channel", Integer, primary_key=True, autoincrement=False),
    Column("next_position", BigInteger, nullable=False, server_default="1"),
    Column("settled_position", BigInteger, nullable=False, server_default="0"),
    Column("due_at", BigInteger),
    Column("lease_token", String(36)),
    Column("batch_limit", Integer),
    Column("set_aside", Integer, nullable=False, server_default="0"),
    Column("set_aside_until", BigInteger),
    Column("moved", BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
"""``due_at`` is empty while nothing waits; under a lease it is the moment the lease lapses.

``set_aside`` counts messages the peer had no room for, which the cursor has passed and which are brought back after
``set_aside_until``; ``moved`` counts the places given to them anew.
"""
Index("ix_delivery_channels_due_at", channels.c.due_at, sqlite_where=channels.c.due_at.isnot(None),
      postgresql_where=channels.c.due_at.isnot(None))  # fmt: skip
Index("ix_delivery_channels_set_aside_until", channels.c.set_aside_until,
      sqlite_where=channels.c.set_aside_until.isnot(None),
      postgresql_where=channels.c.set_aside_until.isnot(None))  # fmt: skip

lanes_out = Table(
    "delivery_lanes_out",
    delivery_metadata,
    _connection(),
    Column("lane", String(80), primary_key=True),
    Column("next_sequence", BigInteger, nullable=False),
    Column("floor", BigInteger),
    sqlite_with_rowid=False,
)
"""``floor``: the first sequence given out since a restore, until the marks were compared; else empty."""

outbox = Table(
    "delivery_outbox",
    delivery_metadata,
    _connection(),
    Column("channel", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("lane", String(80), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("size", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("outcome", String(16)),
    Column("problem", Text),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""``body`` is the finished JSON text of the message, ``size`` its octets: a sender joins texts and parses nothing.

A message up to its channel's settled position without an ``outcome`` was applied: only exceptions are written. Before
that, ``outcome`` is empty or a mark of `shared.delivery.claims`: brought back, or void.
"""
Index("ix_delivery_outbox_set_aside", outbox.c.connection_id, outbox.c.channel, outbox.c.lane, outbox.c.sequence,
      sqlite_where=outbox.c.outcome == "deferred", postgresql_where=outbox.c.outcome == "deferred")  # fmt: skip

settlements = Table(
    "delivery_settlements",
    delivery_metadata,
    _connection(),
    Column("channel", Integer, primary_key=True, autoincrement=False),
    Column("last_position", BigInteger, primary_key=True, autoincrement=False),
    Column("messages", Integer, nullable=False),
    Column("settled_at", BigInteger, nullable=False),
    Index(None, "connection_id", "settled_at"),
    sqlite_with_rowid=False,
)
"""When a run of messages was settled: one small row a batch, so that the messages' own rows need no second write."""

lanes_in = Table(
    "delivery_lanes_in",
    delivery_metadata,
    _connection(),
    Column("lane", String(80), primary_key=True),
    Column("applied_sequence", BigInteger, nullable=False, server_default="0"),
    Column("held", Integer, nullable=False, server_default="0"),
    Column("blocked", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)
"""The highest applied sequence, kept for ever. ``blocked``: its next message is quarantined."""
Index("ix_delivery_lanes_in_held", lanes_in.c.connection_id, lanes_in.c.held,
      sqlite_where=lanes_in.c.held > 0, postgresql_where=lanes_in.c.held > 0)  # fmt: skip

inbox = Table(
    "delivery_inbox",
    delivery_metadata,
    _connection(),
    Column("id", String(36), primary_key=True),
    Column("lane", String(80), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("quarantined", Boolean, nullable=False, server_default=false()),
    Column("received_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("problem", Text),
    Column("body", Text),
    UniqueConstraint("connection_id", "lane", "sequence"),
    Index(None, "connection_id", "received_at"),
    sqlite_with_rowid=False,
)
"""What arrived, and what became of it. ``body`` is kept only while the message is held or quarantined."""

nonces = Table(
    "delivery_nonces",
    delivery_metadata,
    Column("key_id", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""Nonces of verified requests, by key; ``expires_at`` in unix seconds."""

usage = Table(
    "delivery_usage",
    delivery_metadata,
    _connection(),
    Column("window_start", BigInteger, nullable=False),
    Column("octets", BigInteger, nullable=False, server_default="0"),
    Column("lanes", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
    Column("last_refused", String(20), nullable=False, server_default=""),
    Column("last_refused_at", BigInteger),
    sqlite_with_rowid=False,
)
"""What a connection has used of its quotas in the hour that began at ``window_start``."""
