"""Keep what the directory has to be told of roles until it knows."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BEING_CARRIED_OUT = """
    SELECT DISTINCT contacts.user_id, self_service_roles.role, self_service_requests.updated_at
    FROM self_service_requests
    JOIN contacts ON contacts.id = self_service_requests.contact_id
    JOIN self_service_roles ON self_service_roles.contact_id = contacts.id
    WHERE contacts.user_id IS NOT NULL
    AND (self_service_requests.awaits = 'provisioning' OR self_service_requests.state = 'ORA_CSS_FAILED')
"""


def upgrade() -> None:
    op.create_table(
        "directory_syncs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_syncs")),
        sa.UniqueConstraint("user_id", "role", name=op.f("uq_directory_syncs_user_id_role")),
    )
    op.create_index(op.f("ix_directory_syncs_due_at"), "directory_syncs", ["due_at"])
    connection = op.get_bind()
    owed = {(user_id, role): at for user_id, role, at in connection.execute(sa.text(_BEING_CARRIED_OUT))}
    for (user_id, role), at in owed.items():  # of what was begun before this migration, groups may be missing yet
        connection.execute(
            sa.text(
                "INSERT INTO directory_syncs (id, user_id, role, version, tries, created_at, due_at)"
                " VALUES (:id, :user_id, :role, 1, 0, :at, :at)"
            ),
            {"id": uuid4().hex, "user_id": user_id, "role": role, "at": at},
        )


def downgrade() -> None:
    op.drop_table("directory_syncs")
