"""Invite people to an account: invitations, and the secrets of their links."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "self_service_invitations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("invited_by_id", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_self_service_invitations_company_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["self_service_requests.id"], name=op.f("fk_self_service_invitations_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_service_invitations")),
        sa.UniqueConstraint("request_id", name=op.f("uq_self_service_invitations_request_id")),
    )
    op.create_index(
        op.f("ix_self_service_invitations_company_id_email_key"), "self_service_invitations", ["company_id", "email_key"]
    )
    op.create_index(
        op.f("ix_self_service_invitations_company_id_created_at"),
        "self_service_invitations",
        ["company_id", "created_at"],
    )

    op.create_table(
        "self_service_invitation_secrets",
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("invitation_id", sa.String(), nullable=False),
        sa.Column("mail", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["self_service_invitations.id"],
            name=op.f("fk_self_service_invitation_secrets_invitation_id"),
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_self_service_invitation_secrets")),
    )
    op.create_index(
        op.f("ix_self_service_invitation_secrets_invitation_id"), "self_service_invitation_secrets", ["invitation_id"]
    )


def downgrade() -> None:
    for table in ("self_service_invitation_secrets", "self_service_invitations"):
        op.drop_table(table)
