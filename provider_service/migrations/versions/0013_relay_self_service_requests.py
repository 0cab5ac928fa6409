"""Keep what a connected consumer says of the person whose request it relays."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ADDED = ("subject_name", "subject_email", "asked_by")


def upgrade() -> None:
    for column in ADDED:
        op.add_column("self_service_requests", sa.Column(column, sa.String(), nullable=True))


def downgrade() -> None:
    for column in reversed(ADDED):
        op.drop_column("self_service_requests", column)
