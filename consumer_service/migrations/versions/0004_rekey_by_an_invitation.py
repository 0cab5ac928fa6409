"""Re-key a suspended connection by an invitation."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIVE = "ix_provider_connections_live"
REKEYING = "ix_provider_connections_rekeying"


def upgrade() -> None:
    op.add_column("connections", sa.Column("identity_lost_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("provider_connections", sa.Column("rekeys", sa.String(length=36), nullable=True))
    op.add_column("provider_connections", sa.Column("rekeyed_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index(LIVE, "provider_connections")
    _one_live(LIVE, "provider_issuer", " AND rekeys IS NULL")
    _one_live(REKEYING, "rekeys", "")


def downgrade() -> None:
    op.drop_index(REKEYING, "provider_connections")
    op.drop_index(LIVE, "provider_connections")
    op.execute("DELETE FROM provider_connections WHERE rekeys IS NOT NULL")
    _one_live(LIVE, "provider_issuer", "")
    op.drop_column("provider_connections", "rekeyed_at")
    op.drop_column("provider_connections", "rekeys")
    op.drop_column("connections", "identity_lost_at")


def _one_live(name: str, column: str, besides: str) -> None:
    op.create_index(
        name,
        "provider_connections",
        [column],
        unique=True,
        sqlite_where=sa.text("live = 1" + besides),
        postgresql_where=sa.text("live" + besides),
    )
