"""Register people by themselves: requests, the secrets of their links, and the roles that come of them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "self_service_requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("awaits", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.Column("submitter", sa.String(), nullable=False),
        sa.Column("submitter_user_id", sa.String(), nullable=True),
        sa.Column("submitter_name", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("account_key", sa.String(), nullable=True),
        sa.Column("company_id", sa.String(), nullable=True),
        sa.Column("company_chosen", sa.Boolean(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("user_reference", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("decided_by_id", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("administrator_pending", sa.Boolean(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_self_service_requests_company_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_self_service_requests_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_service_requests")),
    )
    op.create_index(op.f("ix_self_service_requests_awaits"), "self_service_requests", ["awaits"])
    op.create_index(op.f("ix_self_service_requests_company_id_state"), "self_service_requests", ["company_id", "state"])
    op.create_index(op.f("ix_self_service_requests_connection_id"), "self_service_requests", ["connection_id"])
    op.create_index(op.f("ix_self_service_requests_email_key_state"), "self_service_requests", ["email_key", "state"])
    op.create_index(op.f("ix_self_service_requests_state_expires_at"), "self_service_requests", ["state", "expires_at"])
    op.create_index(op.f("ix_self_service_requests_submitter_user_id"), "self_service_requests", ["submitter_user_id"])

    op.create_table(
        "self_service_roles",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_self_service_roles_company_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_self_service_roles_contact_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["self_service_requests.id"], name=op.f("fk_self_service_roles_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_service_roles")),
    )
    op.create_index(op.f("ix_self_service_roles_contact_id"), "self_service_roles", ["contact_id"])
    op.create_index(
        "uq_self_service_roles_held", "self_service_roles", ["company_id", "contact_id", "role"], unique=True
    )
    op.create_index(
        "uq_self_service_roles_of_its_own",
        "self_service_roles",
        ["contact_id", "role"],
        unique=True,
        sqlite_where=sa.text("company_id IS NULL"),
        postgresql_where=sa.text("company_id IS NULL"),
    )

    op.create_table(
        "self_service_secrets",
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["self_service_requests.id"], name=op.f("fk_self_service_secrets_request_id")
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_self_service_secrets")),
    )
    op.create_index(op.f("ix_self_service_secrets_request_id"), "self_service_secrets", ["request_id"])


def downgrade() -> None:
    for table in ("self_service_secrets", "self_service_roles", "self_service_requests"):
        op.drop_table(table)
