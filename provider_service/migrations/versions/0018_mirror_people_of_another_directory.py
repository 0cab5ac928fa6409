"""Keep how another directory has the people of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at_directory", sa.String(), nullable=True))
        batch_op.create_check_constraint("at_directory_known", "at_directory IN ('active', 'inactive', 'gone')")
        batch_op.create_check_constraint(
            "no_password_of_another_directory", "at_directory IS NULL OR password_hash IS NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_constraint("no_password_of_another_directory", type_="check")
        batch_op.drop_constraint("at_directory_known", type_="check")
        batch_op.drop_column("at_directory")
