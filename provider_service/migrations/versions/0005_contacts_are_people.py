"""Contacts are people: one record a person, and a tie to each company it is a contact of.

Until now a contact was one user at one company. The oldest contact of each user becomes the person's record; the others
point to it, so that ids that were handed out lead somewhere.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PERSON = "(SELECT MIN(k.id) FROM contacts k WHERE k.user_id = c.user_id)"
TIES = (
    "INSERT INTO account_contacts (company_id, contact_id, active, created_at, updated_at, version) "
    f"SELECT c.company_id, {PERSON}, c.active, c.created_at, c.updated_at, c.version FROM contacts c"
)
REGISTRATIONS = (
    f"UPDATE registrations SET contact_id = (SELECT {PERSON} FROM contacts c WHERE c.id = registrations.contact_id)"
)
OF_USER = [
    f"UPDATE contacts SET {column} = (SELECT u.{column} FROM users u WHERE u.id = contacts.user_id)"
    for column in ("email", "email_key", "name", "language")
]
POINTERS = (
    "UPDATE contacts SET merged_into = (SELECT MIN(k.id) FROM contacts k WHERE k.user_id = contacts.user_id) "
    "WHERE id <> (SELECT MIN(k.id) FROM contacts k WHERE k.user_id = contacts.user_id)"
)
STAMPS = "UPDATE contacts SET user_id = NULL WHERE merged_into IS NOT NULL"
REST = "UPDATE contacts SET addresses = '[]', attributes = '{}', category = '', active = true"


def upgrade() -> None:
    new_tables()
    op.execute(TIES)
    op.execute(REGISTRATIONS)
    companies()
    contacts()


def new_tables() -> None:
    op.create_table('custom_attributes',
    sa.Column('object', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('unique_values', sa.Boolean(), nullable=False),
    sa.Column('required', sa.Boolean(), nullable=False),
    sa.Column('choices', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("object IN ('contact', 'company', 'request')", name=op.f('ck_custom_attributes_object_known')),
    sa.CheckConstraint("type IN ('text', 'number', 'boolean', 'date', 'choice', 'email')", name=op.f('ck_custom_attributes_type_known')),
    sa.PrimaryKeyConstraint('object', 'code', name=op.f('pk_custom_attributes'))
    )
    op.create_table('account_contacts',
    sa.Column('company_id', sa.String(), nullable=False),
    sa.Column('contact_id', sa.String(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_account_contacts_company_id')),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_account_contacts_contact_id')),
    sa.PrimaryKeyConstraint('company_id', 'contact_id', name=op.f('pk_account_contacts'))
    )
    with op.batch_alter_table('account_contacts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_account_contacts_contact_id'), ['contact_id'], unique=False)

    op.create_table('attribute_values',
    sa.Column('object', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('owner_id', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('unique_key', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['object', 'code'], ['custom_attributes.object', 'custom_attributes.code'], name=op.f('fk_attribute_values_object_code')),
    sa.PrimaryKeyConstraint('object', 'code', 'owner_id', name=op.f('pk_attribute_values')),
    sa.UniqueConstraint('unique_key', name=op.f('uq_attribute_values_unique_key'))
    )
    with op.batch_alter_table('attribute_values', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attribute_values_object_code_key'), ['object', 'code', 'key'], unique=False)


def companies() -> None:
    # SQLite makes the table anew and would forget its check
    kept = (sa.CheckConstraint("parent_id <> id", name=op.f("ck_companies_not_its_own_parent")),)
    with op.batch_alter_table("companies") as batch_op:
        batch_op.add_column(sa.Column("verified_domains", sa.Text(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("attributes", sa.Text(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("key_secret", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("companies", table_args=kept) as batch_op:
        for column in ("verified_domains", "attributes", "key_secret"):
            batch_op.alter_column(column, server_default=None)
        batch_op.create_index(op.f("ix_companies_name"), ["name"])


def contacts() -> None:
    with op.batch_alter_table("contacts") as batch_op:
        for column in ("email", "email_key", "name", "language", "category"):
            batch_op.add_column(sa.Column(column, sa.String(), nullable=True))
        for column in ("first_name", "middle_name", "last_name", "work_phone", "mobile_phone", "home_phone"):
            batch_op.add_column(sa.Column(column, sa.String(), nullable=True))
        batch_op.add_column(sa.Column("date_of_birth", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("place_of_birth", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("addresses", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("attributes", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("merged_into", sa.String(), nullable=True))
        batch_op.alter_column("user_id", existing_type=sa.String(), nullable=True)
        batch_op.drop_index(op.f("ix_contacts_user_id"))
        batch_op.drop_constraint(op.f("uq_contacts_company_id_user_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_contacts_company_id"), type_="foreignkey")
        batch_op.drop_constraint(op.f("fk_contacts_user_id"), type_="foreignkey")
        batch_op.drop_column("company_id")
    for statement in [*OF_USER, POINTERS, STAMPS, REST]:
        op.execute(statement)
    with op.batch_alter_table("contacts") as batch_op:
        for column in ("email", "email_key", "name", "language", "category"):
            batch_op.alter_column(column, existing_type=sa.String(), nullable=False)
        for column in ("addresses", "attributes"):
            batch_op.alter_column(column, existing_type=sa.Text(), nullable=False)
        batch_op.create_index(op.f("ix_contacts_email_key"), ["email_key"])
        batch_op.create_index(op.f("ix_contacts_merged_into"), ["merged_into"])
        batch_op.create_unique_constraint(op.f("uq_contacts_user_id"), ["user_id"])
        batch_op.create_foreign_key(op.f("fk_contacts_merged_into"), "contacts", ["merged_into"], ["id"])
        batch_op.create_check_constraint(op.f("ck_contacts_not_its_own_target"), "merged_into <> id")
        batch_op.create_check_constraint(
            op.f("ck_contacts_pointer_unstamped"), "merged_into IS NULL OR user_id IS NULL"
        )


def downgrade() -> None:
    raise RuntimeError("People without a user have no place in the former tables; restore the backup made before")
