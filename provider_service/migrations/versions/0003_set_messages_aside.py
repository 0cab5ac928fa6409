"""Let a channel go on past messages its peer has no room for, and know how much a peer takes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WAITS = sa.text("set_aside_until IS NOT NULL")
DEFERRED = sa.text("outcome = 'deferred'")


def upgrade() -> None:
    op.add_column("delivery_peers", sa.Column("body_limit", sa.Integer(), server_default="1048576", nullable=False))
    op.add_column("delivery_channels", sa.Column("set_aside", sa.Integer(), server_default="0", nullable=False))
    op.add_column("delivery_channels", sa.Column("set_aside_until", sa.BigInteger(), nullable=True))
    op.add_column("delivery_channels", sa.Column("moved", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_delivery_channels_set_aside_until",
        "delivery_channels",
        ["set_aside_until"],
        sqlite_where=WAITS,
        postgresql_where=WAITS,
    )
    op.create_index(
        "ix_delivery_outbox_set_aside",
        "delivery_outbox",
        ["connection_id", "channel", "lane", "sequence"],
        sqlite_where=DEFERRED,
        postgresql_where=DEFERRED,
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_outbox_set_aside", table_name="delivery_outbox")
    op.drop_index("ix_delivery_channels_set_aside_until", table_name="delivery_channels")
    for column in ("moved", "set_aside_until", "set_aside"):
        op.drop_column("delivery_channels", column)
    op.drop_column("delivery_peers", "body_limit")
