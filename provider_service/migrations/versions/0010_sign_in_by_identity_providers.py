"""Sign in by identity providers"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('identity_providers',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('issuer', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('client_id', sa.String(), nullable=False),
    sa.Column('client_secret_sealed', sa.String(), nullable=True),
    sa.Column('scopes', sa.Text(), nullable=False),
    sa.Column('may_create_users', sa.Boolean(), nullable=False),
    sa.Column('email_trusted', sa.Boolean(), nullable=False),
    sa.Column('allowed_domains', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('version >= 1', name=op.f('ck_identity_providers_version_positive')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identity_providers')),
    sa.UniqueConstraint('issuer', name=op.f('uq_identity_providers_issuer')),
    sa.UniqueConstraint('slug', name=op.f('uq_identity_providers_slug'))
    )
    op.create_table('oidc_flows',
    sa.Column('state_hash', sa.String(), nullable=False),
    sa.Column('browser_hash', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('user_id', sa.String(), nullable=True),
    sa.Column('resets', sa.Integer(), nullable=True),
    sa.Column('following', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('subject', sa.String(), nullable=True),
    sa.Column('email', sa.String(), nullable=True),
    sa.CheckConstraint("(purpose = 'link') = (user_id IS NOT NULL)", name=op.f('ck_oidc_flows_user_of_a_link')),
    sa.CheckConstraint("purpose IN ('sign_in', 'link')", name=op.f('ck_oidc_flows_purpose_known')),
    sa.ForeignKeyConstraint(['provider_id'], ['identity_providers.id'], name=op.f('fk_oidc_flows_provider_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_oidc_flows_user_id')),
    sa.PrimaryKeyConstraint('state_hash', name=op.f('pk_oidc_flows'))
    )
    with op.batch_alter_table('oidc_flows', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oidc_flows_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_oidc_flows_user_id'), ['user_id'], unique=False)

    op.create_table('user_identities',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('user_id', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('linked_by', sa.String(), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resets', sa.Integer(), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("linked_by IN ('person', 'administrator', 'first_sign_in')", name=op.f('ck_user_identities_linked_by_known')),
    sa.ForeignKeyConstraint(['provider_id'], ['identity_providers.id'], name=op.f('fk_user_identities_provider_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_identities_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_identities')),
    sa.UniqueConstraint('provider_id', 'subject', name=op.f('uq_user_identities_provider_id_subject'))
    )
    with op.batch_alter_table('user_identities', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_user_identities_user_id'), ['user_id'], unique=False)

    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('provider_id', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('subject', sa.String(), nullable=True))

    with op.batch_alter_table('user_sessions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authenticated_by', sa.String(), server_default='local', nullable=False))
        batch_op.add_column(sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('provider_id', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('subject', sa.String(), nullable=True))
        batch_op.create_check_constraint("authenticated_by_known", "authenticated_by IN ('local', 'oidc')")
        batch_op.create_check_constraint("provider_named", "(authenticated_by = 'oidc') = (provider_id IS NOT NULL)")
        batch_op.create_index('ix_user_sessions_provider_id_subject', ['provider_id', 'subject'], unique=False)

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('resets', sa.Integer(), server_default='0', nullable=False))
    


def downgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_column('resets')

    with op.batch_alter_table('user_sessions', schema=None) as batch_op:
        batch_op.drop_constraint("provider_named", type_="check")
        batch_op.drop_constraint("authenticated_by_known", type_="check")
        batch_op.drop_index('ix_user_sessions_provider_id_subject')
        batch_op.drop_column('subject')
        batch_op.drop_column('provider_id')
        batch_op.drop_column('authenticated_at')
        batch_op.drop_column('authenticated_by')

    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.drop_column('subject')
        batch_op.drop_column('provider_id')

    with op.batch_alter_table('user_identities', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_user_identities_user_id'))

    op.drop_table('user_identities')
    with op.batch_alter_table('oidc_flows', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_oidc_flows_user_id'))
        batch_op.drop_index(batch_op.f('ix_oidc_flows_expires_at'))

    op.drop_table('oidc_flows')
    op.drop_table('identity_providers')
