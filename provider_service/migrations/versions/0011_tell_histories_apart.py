"""Tell two histories of a peer apart, and compare marks after a restore."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ADDED = (
    "own_history",
    "own_history_told",
    "peer_histories",
    "peer_sent",
    "peer_received",
    "contest",
    "reconciling",
    "peer_restored",
    "reconcile_due_at",
    "reconcile_attempts",
    "reconciliation",
)


def upgrade() -> None:
    op.add_column("delivery_lanes_out", sa.Column("floor", sa.BigInteger(), nullable=True))
    op.add_column("connections", sa.Column("own_history", sa.String(length=64), server_default="", nullable=False))
    op.add_column("connections", sa.Column("own_history_told", sa.String(length=64), server_default="", nullable=False))
    op.add_column("connections", sa.Column("peer_histories", sa.String(length=300), server_default="", nullable=False))
    op.add_column("connections", sa.Column("peer_sent", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("connections", sa.Column("peer_received", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("connections", sa.Column("contest", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("reconciling", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("connections", sa.Column("peer_restored", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("connections", sa.Column("reconcile_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("connections", sa.Column("reconcile_attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("connections", sa.Column("reconciliation", sa.Text(), nullable=True))


def downgrade() -> None:
    for column in reversed(ADDED):
        op.drop_column("connections", column)
    op.drop_column("delivery_lanes_out", "floor")
