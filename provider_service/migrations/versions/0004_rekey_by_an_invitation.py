"""Re-key a suspended connection by an invitation."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("identity_lost_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("registrations", sa.Column("rekeys", sa.String(length=36), nullable=True))
    op.add_column("registrations", sa.Column("rekeyed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_registrations_rekeys", "registrations", ["rekeys"])


def downgrade() -> None:
    op.drop_index("ix_registrations_rekeys", "registrations")
    op.drop_column("registrations", "rekeyed_at")
    op.drop_column("registrations", "rekeys")
    op.drop_column("connections", "identity_lost_at")
