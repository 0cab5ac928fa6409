"""Serve the directory over SCIM: logins, groups, and what each client was given to see."""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("login", sa.String(), nullable=True))
    op.add_column("users", sa.Column("login_key", sa.String(), nullable=True))
    op.execute("UPDATE users SET login = email, login_key = email_key")
    with op.batch_alter_table("users") as batch:
        batch.alter_column("login", existing_type=sa.String(), nullable=False)
        batch.alter_column("login_key", existing_type=sa.String(), nullable=False)
        batch.create_unique_constraint("uq_users_login_key", ["login_key"])
    op.create_table(
        "groups",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name_key", name=op.f("uq_groups_name_key")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id_groups")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_group_members_user_id_users")),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id"), "group_members", ["user_id"])
    op.create_table(
        "scim_clients",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scim_clients")),
        sa.UniqueConstraint("name", name=op.f("uq_scim_clients_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_scim_clients_token_hash")),
    )
    op.create_table(
        "scim_users",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_scim_users_user_id_users")),
        sa.ForeignKeyConstraint(["client_id"], ["scim_clients.id"], name=op.f("fk_scim_users_client_id_scim_clients")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_scim_users")),
    )
    op.create_index(op.f("ix_scim_users_client_id"), "scim_users", ["client_id"])
    op.create_index(op.f("ix_scim_users_external_id"), "scim_users", ["external_id"])
    op.create_table(
        "scim_groups",
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_scim_groups_group_id_groups")),
        sa.ForeignKeyConstraint(["client_id"], ["scim_clients.id"], name=op.f("fk_scim_groups_client_id_scim_clients")),
        sa.PrimaryKeyConstraint("group_id", "client_id", name=op.f("pk_scim_groups")),
    )
    op.create_index(op.f("ix_scim_groups_client_id"), "scim_groups", ["client_id"])


def downgrade() -> None:
    for table in ("scim_groups", "scim_users", "scim_clients", "group_members", "groups"):
        op.drop_table(table)
    with op.batch_alter_table("users") as batch:
        batch.drop_constraint("uq_users_login_key", type_="unique")
        batch.drop_column("login_key")
        batch.drop_column("login")
