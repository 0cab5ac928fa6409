"""Keep when a peer applied the first message of a bond."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applied_bonds",
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("bond_id", sa.String(length=36), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "bond_id", name=op.f("pk_applied_bonds")),
    )


def downgrade() -> None:
    op.drop_table("applied_bonds")
