"""Count what each connection uses of its hourly quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_usage",
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lanes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_refused", sa.String(length=20), server_default="", nullable=False),
        sa.Column("last_refused_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_delivery_usage")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("delivery_usage")
