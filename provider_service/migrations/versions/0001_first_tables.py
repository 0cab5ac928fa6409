"""first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
        op.create_table('attempts',
        sa.Column('key', sa.String(), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('key', name=op.f('pk_attempts'))
        )
        with op.batch_alter_table('attempts', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_attempts_last_at'), ['last_at'], unique=False)

        op.create_table('audit_entries',
        sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('transaction_id', sa.BigInteger(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('actor_kind', sa.String(), nullable=False),
        sa.Column('actor_id', sa.String(), nullable=False),
        sa.Column('actor_name', sa.String(), nullable=False),
        sa.Column('actor_address', sa.String(), nullable=False),
        sa.Column('action', sa.String(), nullable=False),
        sa.Column('subject_type', sa.String(), nullable=False),
        sa.Column('subject_id', sa.String(), nullable=False),
        sa.Column('number', sa.String(), nullable=False),
        sa.Column('before', sa.Text(), nullable=True),
        sa.Column('after', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_entries')),
        sqlite_autoincrement=True
        )
        with op.batch_alter_table('audit_entries', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_audit_entries_action'), ['action'], unique=False)
            batch_op.create_index(batch_op.f('ix_audit_entries_subject_type_subject_id_position'), ['subject_type', 'subject_id', 'position'], unique=False)
            batch_op.create_index(batch_op.f('ix_audit_entries_transaction_id_position'), ['transaction_id', 'position'], unique=False)

        op.create_table('authorizations',
        sa.Column('number', sa.String(length=12), nullable=False),
        sa.Column('request_hash', sa.String(length=64), nullable=False),
        sa.Column('client_id', sa.String(length=36), nullable=False),
        sa.Column('redirect_uri', sa.String(length=400), nullable=False),
        sa.Column('state', sa.String(length=128), nullable=False),
        sa.Column('challenge', sa.String(length=43), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('code_hash', sa.String(length=64), nullable=True),
        sa.Column('code_expires_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint('number', name=op.f('pk_authorizations')),
        sa.UniqueConstraint('request_hash', name=op.f('uq_authorizations_request_hash'))
        )
        op.create_table('check_subjects',
        sa.Column('subject_type', sa.String(length=40), nullable=False),
        sa.Column('subject_id', sa.String(length=80), nullable=False),
        sa.Column('watches', sa.Text(), nullable=False),
        sa.Column('due', sa.Boolean(), nullable=False),
        sa.Column('checked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('next_check_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('subject_type', 'subject_id', name=op.f('pk_check_subjects'))
        )
        with op.batch_alter_table('check_subjects', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_check_subjects_next_check_at'), ['next_check_at'], unique=False)

        op.create_table('companies',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('external_key', sa.String(), nullable=True),
        sa.Column('domains', sa.Text(), nullable=False),
        sa.Column('parent_id', sa.String(), nullable=True),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.CheckConstraint('parent_id <> id', name=op.f('ck_companies_not_its_own_parent')),
        sa.ForeignKeyConstraint(['parent_id'], ['companies.id'], name=op.f('fk_companies_parent_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_companies')),
        sa.UniqueConstraint('external_key', name=op.f('uq_companies_external_key'))
        )
        with op.batch_alter_table('companies', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_companies_parent_id'), ['parent_id'], unique=False)

        op.create_table('connection_beats',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('connection_id', sa.String(length=36), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('direction', sa.String(length=3), nullable=False),
        sa.Column('round_trip_ms', sa.Integer(), nullable=True),
        sa.Column('problem', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_connection_beats'))
        )
        with op.batch_alter_table('connection_beats', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_connection_beats_at'), ['at'], unique=False)
            batch_op.create_index(batch_op.f('ix_connection_beats_connection_id_at'), ['connection_id', 'at'], unique=False)

        op.create_table('connections',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('company_id', sa.String(length=36), nullable=False),
        sa.Column('registration_number', sa.String(length=16), nullable=False),
        sa.Column('environment', sa.String(length=40), nullable=False),
        sa.Column('peer_name', sa.String(length=64), nullable=False),
        sa.Column('peer_issuer', sa.String(length=300), nullable=False),
        sa.Column('peer_instance_id', sa.String(length=36), nullable=False),
        sa.Column('peer_instance_type', sa.String(length=16), nullable=False),
        sa.Column('peer_epoch', sa.BigInteger(), nullable=False),
        sa.Column('peer_software', sa.String(length=64), nullable=False),
        sa.Column('identity_jkt', sa.String(length=64), nullable=False),
        sa.Column('key_set', sa.Text(), nullable=False),
        sa.Column('key_set_sequence', sa.BigInteger(), nullable=False),
        sa.Column('key_set_refresh_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('delivery', sa.String(length=8), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('settings_acknowledged', sa.Boolean(), nullable=False),
        sa.Column('peer_settings', sa.Text(), nullable=True),
        sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('close_reason', sa.String(length=500), nullable=False),
        sa.Column('closed_by', sa.String(length=200), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('own_number', sa.BigInteger(), nullable=False),
        sa.Column('peer_number', sa.BigInteger(), nullable=False),
        sa.Column('heartbeat_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('last_out_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('last_in_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('round_trip_ms', sa.Integer(), nullable=True),
        sa.Column('skew_ms', sa.BigInteger(), nullable=True),
        sa.Column('beat_failures', sa.Integer(), nullable=False),
        sa.Column('last_problem', sa.Text(), nullable=True),
        sa.Column('goodbye_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('goodbye_attempts', sa.Integer(), nullable=False),
        sa.Column('keys_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('keys_attempts', sa.Integer(), nullable=False),
        sa.Column('keys_message_id', sa.String(length=36), nullable=True),
        sa.Column('keys_message_sequence', sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'Closed') = (closed_at IS NOT NULL)", name=op.f('ck_connections_closed_at')),
        sa.CheckConstraint("delivery IN ('push', 'pull')", name=op.f('ck_connections_delivery')),
        sa.CheckConstraint("state IN ('Connecting', 'Active', 'Paused', 'Suspended', 'Closed')", name=op.f('ck_connections_state')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_connections'))
        )
        with op.batch_alter_table('connections', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_connections_company_id'), ['company_id'], unique=False)
            batch_op.create_index(batch_op.f('ix_connections_goodbye_due_at'), ['goodbye_due_at'], unique=False)
            batch_op.create_index(batch_op.f('ix_connections_heartbeat_due_at'), ['heartbeat_due_at'], unique=False)
            batch_op.create_index(batch_op.f('ix_connections_registration_number'), ['registration_number'], unique=False)
            batch_op.create_index(batch_op.f('ix_connections_state'), ['state'], unique=False)

        op.create_table('handshakes',
        sa.Column('number', sa.String(length=12), nullable=False),
        sa.Column('instance_id', sa.String(length=36), nullable=False),
        sa.Column('identity_jkt', sa.String(length=43), nullable=False),
        sa.Column('peer_name', sa.String(length=64), nullable=False),
        sa.Column('instance_type', sa.String(length=16), nullable=False),
        sa.Column('epoch', sa.Integer(), nullable=False),
        sa.Column('delivery', sa.String(length=8), nullable=False),
        sa.Column('key_set', sa.Text(), nullable=False),
        sa.Column('commitment', sa.String(length=43), nullable=False),
        sa.Column('nonce_p', sa.String(length=43), nullable=False),
        sa.Column('nonce_c', sa.String(length=43), nullable=True),
        sa.Column('announced_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.Column('problem_step', sa.String(length=16), nullable=True),
        sa.Column('allowed_by', sa.String(length=200), nullable=True),
        sa.Column('connection_id', sa.String(length=36), nullable=True),
        sa.Column('notice_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('notice_attempts', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('number', name=op.f('pk_handshakes'))
        )
        with op.batch_alter_table('handshakes', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_handshakes_deadline_at'), ['deadline_at'], unique=False)
            batch_op.create_index(batch_op.f('ix_handshakes_notice_due_at'), ['notice_due_at'], unique=False)

        op.create_table('incident_numbers',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('last', sa.Integer(), nullable=False),
        sa.CheckConstraint('id = 1', name=op.f('ck_incident_numbers_single')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_numbers'))
        )
        op.create_table('instance',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('issuer', sa.String(length=300), nullable=False),
        sa.Column('instance_id', sa.String(length=36), nullable=False),
        sa.Column('instance_type', sa.String(length=16), nullable=False),
        sa.Column('epoch', sa.Integer(), nullable=False),
        sa.Column('sender_address', sa.String(length=254), nullable=False),
        sa.Column('support_contact', sa.String(length=200), nullable=False),
        sa.Column('email_enabled', sa.Boolean(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("instance_type IN ('production', 'sub_production')", name=op.f('ck_instance_instance_type')),
        sa.CheckConstraint('epoch >= 1', name=op.f('ck_instance_epoch')),
        sa.CheckConstraint('id = 1', name=op.f('ck_instance_single')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_instance'))
        )
        op.create_table('invitations',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('number', sa.String(length=12), nullable=False),
        sa.Column('audience', sa.String(length=300), nullable=False),
        sa.Column('jti_hash', sa.String(length=64), nullable=False),
        sa.Column('token_sealed', sa.Text(), nullable=True),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations')),
        sa.UniqueConstraint('jti_hash', name=op.f('uq_invitations_jti_hash'))
        )
        with op.batch_alter_table('invitations', schema=None) as batch_op:
            batch_op.create_index('ix_invitations_issued', ['number'], unique=True, sqlite_where=sa.text("state = 'issued'"), postgresql_where=sa.text("state = 'issued'"))
            batch_op.create_index(batch_op.f('ix_invitations_number'), ['number'], unique=False)

        op.create_table('issues',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('check_id', sa.String(length=80), nullable=False),
        sa.Column('item', sa.String(length=200), nullable=False),
        sa.Column('title', sa.String(length=200), nullable=False),
        sa.Column('severity', sa.String(length=8), nullable=False),
        sa.Column('subject_type', sa.String(length=40), nullable=False),
        sa.Column('subject_id', sa.String(length=80), nullable=False),
        sa.Column('found', sa.Text(), nullable=False),
        sa.Column('cause', sa.Text(), nullable=False),
        sa.Column('fix', sa.Text(), nullable=False),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('muted_reason', sa.String(length=500), nullable=False),
        sa.Column('assigned_to', sa.String(length=36), nullable=True),
        sa.Column('first_detected_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_detected_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.CheckConstraint("severity IN ('error', 'warning', 'info')", name=op.f('ck_issues_severity')),
        sa.CheckConstraint("state <> 'muted' OR muted_reason <> ''", name=op.f('ck_issues_muted_reason')),
        sa.CheckConstraint("state IN ('open', 'muted', 'resolved')", name=op.f('ck_issues_state')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_issues')),
        sa.UniqueConstraint('subject_type', 'subject_id', 'check_id', 'item', name=op.f('uq_issues_subject_type_subject_id_check_id_item'))
        )
        with op.batch_alter_table('issues', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_issues_state_id'), ['state', 'id'], unique=False)

        op.create_table('key_acknowledgements',
        sa.Column('connection_id', sa.String(length=36), nullable=False),
        sa.Column('sequence', sa.BigInteger(), nullable=False),
        sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('connection_id', name=op.f('pk_key_acknowledgements'))
        )
        op.create_table('key_set',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('sequence', sa.BigInteger(), nullable=False),
        sa.Column('statement', sa.Text(), nullable=False),
        sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint('id = 1', name=op.f('ck_key_set_single')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_key_set'))
        )
        op.create_table('keys',
        sa.Column('kid', sa.String(length=64), nullable=False),
        sa.Column('purpose', sa.String(length=16), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('algorithm', sa.String(length=16), nullable=False),
        sa.Column('public_jwk', sa.Text(), nullable=True),
        sa.Column('private_sealed', sa.Text(), nullable=False),
        sa.Column('staged_sequence', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('retiring_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(purpose = 'data') = (public_jwk IS NULL)", name=op.f('ck_keys_public_jwk')),
        sa.CheckConstraint("purpose IN ('identity', 'http', 'token', 'data')", name=op.f('ck_keys_purpose')),
        sa.CheckConstraint("state IN ('pre_active', 'active', 'retiring', 'retired', 'compromised')", name=op.f('ck_keys_state')),
        sa.PrimaryKeyConstraint('kid', name=op.f('pk_keys'))
        )
        with op.batch_alter_table('keys', schema=None) as batch_op:
            batch_op.create_index('uq_keys_active', ['purpose'], unique=True, sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))
            batch_op.create_index('uq_keys_pre_active', ['purpose'], unique=True, sqlite_where=sa.text("state = 'pre_active'"), postgresql_where=sa.text("state = 'pre_active'"))

        op.create_table('mails',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('recipient', sa.String(), nullable=False),
        sa.Column('template', sa.String(), nullable=False),
        sa.Column('language', sa.String(), nullable=False),
        sa.Column('parameters', sa.Text(), nullable=False),
        sa.Column('related_type', sa.String(), nullable=False),
        sa.Column('related_id', sa.String(), nullable=False),
        sa.Column('status', sa.String(), nullable=False),
        sa.Column('edition', sa.Integer(), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('problem', sa.String(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('queued_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'failed', 'sent', 'dropped')", name=op.f('ck_mails_status_known')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mails'))
        )
        with op.batch_alter_table('mails', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_mails_related_type_related_id'), ['related_type', 'related_id'], unique=False)
            batch_op.create_index(batch_op.f('ix_mails_status_next_attempt_at'), ['status', 'next_attempt_at'], unique=False)

        op.create_table('setup_tokens',
        sa.Column('token_hash', sa.String(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_setup_tokens'))
        )
        op.create_table('users',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('email', sa.String(), nullable=False),
        sa.Column('email_key', sa.String(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('language', sa.String(), nullable=False),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('password_hash', sa.String(), nullable=True),
        sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('last_sign_in_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.CheckConstraint('version >= 1', name=op.f('ck_users_version_positive')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
        sa.UniqueConstraint('email_key', name=op.f('uq_users_email_key'))
        )
        op.create_table('worker_beats',
        sa.Column('worker', sa.String(length=80), nullable=False),
        sa.Column('software', sa.String(length=64), nullable=False),
        sa.Column('beat_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('worker', name=op.f('pk_worker_beats'))
        )
        op.create_table('api_tokens',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('prefix', sa.String(), nullable=False),
        sa.Column('token_hash', sa.String(), nullable=False),
        sa.Column('scopes', sa.Text(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_api_tokens_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_tokens')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_api_tokens_token_hash'))
        )
        with op.batch_alter_table('api_tokens', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_api_tokens_user_id'), ['user_id'], unique=False)

        op.create_table('contacts',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('company_id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_contacts_company_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_contacts_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contacts')),
        sa.UniqueConstraint('company_id', 'user_id', name=op.f('uq_contacts_company_id_user_id'))
        )
        with op.batch_alter_table('contacts', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_contacts_user_id'), ['user_id'], unique=False)

        op.create_table('incidents',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('number', sa.String(length=20), nullable=False),
        sa.Column('company_id', sa.String(), nullable=True),
        sa.Column('origin', sa.String(length=36), nullable=False),
        sa.Column('short_description', sa.String(length=160), nullable=True),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=True),
        sa.Column('impact', sa.String(length=80), nullable=True),
        sa.Column('urgency', sa.String(length=80), nullable=True),
        sa.Column('priority', sa.String(length=80), nullable=True),
        sa.Column('category', sa.String(length=80), nullable=True),
        sa.Column('subcategory', sa.String(length=80), nullable=True),
        sa.Column('caller', sa.String(length=80), nullable=True),
        sa.Column('assignment_group', sa.String(length=80), nullable=True),
        sa.Column('assigned_to', sa.String(length=80), nullable=True),
        sa.Column('location', sa.String(length=80), nullable=True),
        sa.Column('contact_type', sa.String(length=80), nullable=True),
        sa.Column('close_code', sa.String(length=80), nullable=True),
        sa.Column('opened_at', sa.String(length=32), nullable=True),
        sa.Column('resolved_at', sa.String(length=32), nullable=True),
        sa.Column('closed_at', sa.String(length=32), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_incidents_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_incidents')),
        sa.UniqueConstraint('number', name=op.f('uq_incidents_number'))
        )
        with op.batch_alter_table('incidents', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_incidents_company_id'), ['company_id'], unique=False)
            batch_op.create_index(batch_op.f('ix_incidents_state'), ['state'], unique=False)

        op.create_table('password_mails',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=True),
        sa.Column('purpose', sa.String(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('set', 'reset')", name=op.f('ck_password_mails_purpose_known')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_password_mails_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_password_mails'))
        )
        with op.batch_alter_table('password_mails', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_password_mails_user_id'), ['user_id'], unique=False)

        op.create_table('user_roles',
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('role', sa.String(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'sn_sb.admin', 'sn_sb.read', 'sn_sb_pro.consumer', 'sn_kmf.admin', 'sn_kmf.cryptographic_manager', 'sn_kmf.cryptographic_auditor')", name=op.f('ck_user_roles_role_known')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_roles_user_id')),
        sa.PrimaryKeyConstraint('user_id', 'role', name=op.f('pk_user_roles'))
        )
        with op.batch_alter_table('user_roles', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_user_roles_role'), ['role'], unique=False)

        op.create_table('user_sessions',
        sa.Column('id_hash', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('address', sa.String(), nullable=False),
        sa.Column('agent', sa.String(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_sessions_user_id')),
        sa.PrimaryKeyConstraint('id_hash', name=op.f('pk_user_sessions'))
        )
        with op.batch_alter_table('user_sessions', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_user_sessions_user_id'), ['user_id'], unique=False)

        op.create_table('bonds',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('connection_id', sa.String(length=36), nullable=False),
        sa.Column('incident_id', sa.String(length=36), nullable=False),
        sa.Column('state', sa.String(length=12), nullable=False),
        sa.Column('opened_by_us', sa.Boolean(), nullable=False),
        sa.Column('peer_record_id', sa.String(length=36), nullable=True),
        sa.Column('peer_number', sa.String(length=40), nullable=True),
        sa.Column('sent_sequence', sa.Integer(), nullable=False),
        sa.Column('received_sequence', sa.Integer(), nullable=False),
        sa.Column('changed', sa.Text(), nullable=False),
        sa.Column('pending', sa.Text(), nullable=False),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_bonds_incident_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_bonds')),
        sa.UniqueConstraint('connection_id', 'incident_id', name=op.f('uq_bonds_connection_id_incident_id'))
        )
        with op.batch_alter_table('bonds', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_bonds_connection_id'), ['connection_id'], unique=False)
            batch_op.create_index(batch_op.f('ix_bonds_incident_id'), ['incident_id'], unique=False)

        op.create_table('incident_comments',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('incident_id', sa.String(length=36), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('author', sa.String(length=120), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('origin', sa.String(length=36), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_incident_comments_incident_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_comments'))
        )
        with op.batch_alter_table('incident_comments', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_incident_comments_incident_id'), ['incident_id'], unique=False)

        op.create_table('password_links',
        sa.Column('secret_hash', sa.String(), nullable=False),
        sa.Column('mail_id', sa.String(), nullable=False),
        sa.ForeignKeyConstraint(['mail_id'], ['password_mails.id'], name=op.f('fk_password_links_mail_id')),
        sa.PrimaryKeyConstraint('secret_hash', name=op.f('pk_password_links'))
        )
        with op.batch_alter_table('password_links', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_password_links_mail_id'), ['mail_id'], unique=False)

        op.create_table('registrations',
        sa.Column('serial', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('number', sa.String(length=12), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('company_id', sa.String(), nullable=False),
        sa.Column('contact_id', sa.String(), nullable=False),
        sa.Column('consumer_url', sa.String(length=300), nullable=False),
        sa.Column('environment', sa.String(length=40), nullable=False),
        sa.Column('state', sa.String(length=24), nullable=False),
        sa.Column('reason', sa.String(length=500), nullable=False),
        sa.Column('opened_by', sa.String(length=200), nullable=False),
        sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('token_hours', sa.Integer(), nullable=False),
        sa.Column('scan_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('scanned_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('connection_id', sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_registrations_company_id')),
        sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_registrations_contact_id')),
        sa.PrimaryKeyConstraint('serial', name=op.f('pk_registrations')),
        sa.UniqueConstraint('connection_id', name=op.f('uq_registrations_connection_id')),
        sa.UniqueConstraint('number', name=op.f('uq_registrations_number'))
        )
        with op.batch_alter_table('registrations', schema=None) as batch_op:
            batch_op.create_index('ix_registrations_open', ['company_id', 'consumer_url'], unique=True, sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))
            batch_op.create_index(batch_op.f('ix_registrations_scan_due_at'), ['scan_due_at'], unique=False)
            batch_op.create_index(batch_op.f('ix_registrations_state'), ['state'], unique=False)

        op.create_table('registration_entries',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('registration_serial', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('author', sa.String(length=200), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('invitation_id', sa.String(length=36), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['registration_serial'], ['registrations.serial'], name=op.f('fk_registration_entries_registration_serial')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_registration_entries'))
        )
        with op.batch_alter_table('registration_entries', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_registration_entries_registration_serial'), ['registration_serial'], unique=False)

        op.create_table('delivery_answers',
        sa.Column('owner', sa.String(length=120), nullable=False),
        sa.Column('key', sa.String(length=128), nullable=False),
        sa.Column('fingerprint', sa.String(length=64), nullable=False),
        sa.Column('status', sa.Integer(), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('owner', 'key', name=op.f('pk_delivery_answers'))
        )
        with op.batch_alter_table('delivery_answers', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_delivery_answers_created_at'), ['created_at'], unique=False)

        op.create_table('delivery_channels',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('channel', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('next_position', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('settled_position', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('due_at', sa.BigInteger(), nullable=True),
        sa.Column('lease_token', sa.String(length=36), nullable=True),
        sa.Column('batch_limit', sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint('connection_id', 'channel', name=op.f('pk_delivery_channels')),
        sqlite_with_rowid=False
        )
        with op.batch_alter_table('delivery_channels', schema=None) as batch_op:
            batch_op.create_index('ix_delivery_channels_due_at', ['due_at'], unique=False, sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))

        op.create_table('delivery_inbox',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('lane', sa.String(length=80), nullable=False),
        sa.Column('sequence', sa.BigInteger(), nullable=False),
        sa.Column('type', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.Column('outcome', sa.String(length=16), nullable=False),
        sa.Column('quarantined', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('received_at', sa.BigInteger(), nullable=False),
        sa.Column('settled_at', sa.BigInteger(), nullable=True),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.Column('body', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('connection_id', 'id', name=op.f('pk_delivery_inbox')),
        sa.UniqueConstraint('connection_id', 'lane', 'sequence', name=op.f('uq_delivery_inbox_connection_id_lane_sequence')),
        sqlite_with_rowid=False
        )
        with op.batch_alter_table('delivery_inbox', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_delivery_inbox_connection_id_received_at'), ['connection_id', 'received_at'], unique=False)

        op.create_table('delivery_lanes_in',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('lane', sa.String(length=80), nullable=False),
        sa.Column('applied_sequence', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('held', sa.Integer(), server_default='0', nullable=False),
        sa.Column('blocked', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint('connection_id', 'lane', name=op.f('pk_delivery_lanes_in')),
        sqlite_with_rowid=False
        )
        with op.batch_alter_table('delivery_lanes_in', schema=None) as batch_op:
            batch_op.create_index('ix_delivery_lanes_in_held', ['connection_id', 'held'], unique=False, sqlite_where=sa.text('held > 0'), postgresql_where=sa.text('held > 0'))

        op.create_table('delivery_lanes_out',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('lane', sa.String(length=80), nullable=False),
        sa.Column('next_sequence', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('connection_id', 'lane', name=op.f('pk_delivery_lanes_out')),
        sqlite_with_rowid=False
        )
        op.create_table('delivery_nonces',
        sa.Column('key_id', sa.String(length=64), nullable=False),
        sa.Column('nonce', sa.String(length=64), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('key_id', 'nonce', name=op.f('pk_delivery_nonces')),
        sqlite_with_rowid=False
        )
        with op.batch_alter_table('delivery_nonces', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_delivery_nonces_expires_at'), ['expires_at'], unique=False)

        op.create_table('delivery_outbox',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('channel', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('lane', sa.String(length=80), nullable=False),
        sa.Column('sequence', sa.BigInteger(), nullable=False),
        sa.Column('type', sa.String(length=64), nullable=False),
        sa.Column('subject', sa.String(length=200), nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('outcome', sa.String(length=16), nullable=True),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.Column('body', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('connection_id', 'channel', 'position', name=op.f('pk_delivery_outbox')),
        sa.UniqueConstraint('id', name=op.f('uq_delivery_outbox_id')),
        sqlite_with_rowid=False
        )
        op.create_table('delivery_peers',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('mode', sa.String(length=8), nullable=False),
        sa.Column('channel_count', sa.Integer(), nullable=False),
        sa.Column('paused', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('closed', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
        sa.Column('next_attempt_at', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('last_contact_at', sa.BigInteger(), nullable=True),
        sa.Column('last_exchange_at', sa.BigInteger(), nullable=True),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('connection_id', name=op.f('pk_delivery_peers')),
        sqlite_with_rowid=False
        )
        op.create_table('delivery_settlements',
        sa.Column('connection_id', sa.String(length=64), nullable=False),
        sa.Column('channel', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('last_position', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('messages', sa.Integer(), nullable=False),
        sa.Column('settled_at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('connection_id', 'channel', 'last_position', name=op.f('pk_delivery_settlements')),
        sqlite_with_rowid=False
        )
        with op.batch_alter_table('delivery_settlements', schema=None) as batch_op:
            batch_op.create_index(batch_op.f('ix_delivery_settlements_connection_id_settled_at'), ['connection_id', 'settled_at'], unique=False)
    


def downgrade() -> None:
        with op.batch_alter_table('delivery_settlements', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_delivery_settlements_connection_id_settled_at'))

        op.drop_table('delivery_settlements')
        op.drop_table('delivery_peers')
        op.drop_table('delivery_outbox')
        with op.batch_alter_table('delivery_nonces', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_delivery_nonces_expires_at'))

        op.drop_table('delivery_nonces')
        op.drop_table('delivery_lanes_out')
        with op.batch_alter_table('delivery_lanes_in', schema=None) as batch_op:
            batch_op.drop_index('ix_delivery_lanes_in_held', sqlite_where=sa.text('held > 0'), postgresql_where=sa.text('held > 0'))

        op.drop_table('delivery_lanes_in')
        with op.batch_alter_table('delivery_inbox', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_delivery_inbox_connection_id_received_at'))

        op.drop_table('delivery_inbox')
        with op.batch_alter_table('delivery_channels', schema=None) as batch_op:
            batch_op.drop_index('ix_delivery_channels_due_at', sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))

        op.drop_table('delivery_channels')
        with op.batch_alter_table('delivery_answers', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_delivery_answers_created_at'))

        op.drop_table('delivery_answers')
        with op.batch_alter_table('registration_entries', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_registration_entries_registration_serial'))

        op.drop_table('registration_entries')
        with op.batch_alter_table('registrations', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_registrations_state'))
            batch_op.drop_index(batch_op.f('ix_registrations_scan_due_at'))
            batch_op.drop_index('ix_registrations_open', sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))

        op.drop_table('registrations')
        with op.batch_alter_table('password_links', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_password_links_mail_id'))

        op.drop_table('password_links')
        with op.batch_alter_table('incident_comments', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_incident_comments_incident_id'))

        op.drop_table('incident_comments')
        with op.batch_alter_table('bonds', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_bonds_incident_id'))
            batch_op.drop_index(batch_op.f('ix_bonds_connection_id'))

        op.drop_table('bonds')
        with op.batch_alter_table('user_sessions', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_user_sessions_user_id'))

        op.drop_table('user_sessions')
        with op.batch_alter_table('user_roles', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_user_roles_role'))

        op.drop_table('user_roles')
        with op.batch_alter_table('password_mails', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_password_mails_user_id'))

        op.drop_table('password_mails')
        with op.batch_alter_table('incidents', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_incidents_state'))
            batch_op.drop_index(batch_op.f('ix_incidents_company_id'))

        op.drop_table('incidents')
        with op.batch_alter_table('contacts', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_contacts_user_id'))

        op.drop_table('contacts')
        with op.batch_alter_table('api_tokens', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_api_tokens_user_id'))

        op.drop_table('api_tokens')
        op.drop_table('worker_beats')
        op.drop_table('users')
        op.drop_table('setup_tokens')
        with op.batch_alter_table('mails', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_mails_status_next_attempt_at'))
            batch_op.drop_index(batch_op.f('ix_mails_related_type_related_id'))

        op.drop_table('mails')
        with op.batch_alter_table('keys', schema=None) as batch_op:
            batch_op.drop_index('uq_keys_pre_active', sqlite_where=sa.text("state = 'pre_active'"), postgresql_where=sa.text("state = 'pre_active'"))
            batch_op.drop_index('uq_keys_active', sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

        op.drop_table('keys')
        op.drop_table('key_set')
        op.drop_table('key_acknowledgements')
        with op.batch_alter_table('issues', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_issues_state_id'))

        op.drop_table('issues')
        with op.batch_alter_table('invitations', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_invitations_number'))
            batch_op.drop_index('ix_invitations_issued', sqlite_where=sa.text("state = 'issued'"), postgresql_where=sa.text("state = 'issued'"))

        op.drop_table('invitations')
        op.drop_table('instance')
        op.drop_table('incident_numbers')
        with op.batch_alter_table('handshakes', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_handshakes_notice_due_at'))
            batch_op.drop_index(batch_op.f('ix_handshakes_deadline_at'))

        op.drop_table('handshakes')
        with op.batch_alter_table('connections', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_connections_state'))
            batch_op.drop_index(batch_op.f('ix_connections_registration_number'))
            batch_op.drop_index(batch_op.f('ix_connections_heartbeat_due_at'))
            batch_op.drop_index(batch_op.f('ix_connections_goodbye_due_at'))
            batch_op.drop_index(batch_op.f('ix_connections_company_id'))

        op.drop_table('connections')
        with op.batch_alter_table('connection_beats', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_connection_beats_connection_id_at'))
            batch_op.drop_index(batch_op.f('ix_connection_beats_at'))

        op.drop_table('connection_beats')
        with op.batch_alter_table('companies', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_companies_parent_id'))

        op.drop_table('companies')
        with op.batch_alter_table('check_subjects', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_check_subjects_next_check_at'))

        op.drop_table('check_subjects')
        op.drop_table('authorizations')
        with op.batch_alter_table('audit_entries', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_audit_entries_transaction_id_position'))
            batch_op.drop_index(batch_op.f('ix_audit_entries_subject_type_subject_id_position'))
            batch_op.drop_index(batch_op.f('ix_audit_entries_action'))

        op.drop_table('audit_entries')
        with op.batch_alter_table('attempts', schema=None) as batch_op:
            batch_op.drop_index(batch_op.f('ix_attempts_last_at'))

        op.drop_table('attempts')
