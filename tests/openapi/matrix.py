"""The role matrix: which roles reach an operation, and which scope a token has to be made for."""

from typing import Final, TypeAlias

from shared.wire.states import Role

ANYBODY: Final = frozenset({*Role, None})
"""Whoever is signed in, with or without a role."""

EVERY_ROLE: Final[frozenset[Role | None]] = frozenset(Role)
ADMIN: Final[frozenset[Role | None]] = frozenset({Role.ADMIN})
DESK: Final[frozenset[Role | None]] = frozenset({Role.ADMIN, Role.SN_SB_ADMIN})
READERS: Final[frozenset[Role | None]] = DESK | {Role.SN_SB_READ}
READERS_AND_CONTACTS: Final[frozenset[Role | None]] = READERS | {Role.SN_SB_PRO_CONSUMER}
KEEPERS: Final[frozenset[Role | None]] = frozenset({Role.ADMIN, Role.SN_KMF_ADMIN})
KEY_MANAGERS: Final[frozenset[Role | None]] = frozenset({Role.SN_KMF_CRYPTOGRAPHIC_MANAGER})
KEY_READERS: Final[frozenset[Role | None]] = KEY_MANAGERS | {Role.SN_KMF_ADMIN, Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR}

_Rows: TypeAlias = dict[tuple[frozenset[Role | None], str | None], str]

_BOTH: Final[_Rows] = {
    (ADMIN, "audit:read"): "list_audit_entries",
    (READERS, "events:read"): "list_events",
    (DESK, "mails:read"): "list_mails get_mail",
    (DESK, "mails:write"): "resend_mail send_test_mail",
    (ANYBODY, None): "get_me",
    (ANYBODY, "users:read"): "list_my_identities",
    (ANYBODY, "users:write"): "update_me unlink_my_identity",
    (KEEPERS, "users:read"): "list_users get_user list_user_identities",
    (KEEPERS, "users:write"): "set_user_roles",
    (ADMIN, "users:write"): ("create_user update_user send_password_mail link_user_identity unlink_user_identity"),
    (ADMIN, "identity-providers:read"): "list_identity_providers get_identity_provider",
    (ADMIN, "identity-providers:write"): "create_identity_provider update_identity_provider",
    (ANYBODY, "tokens:read"): "list_tokens",
    (ANYBODY, "tokens:write"): "create_token revoke_token",
    (READERS, "instance:read"): "get_instance get_standing",
    (ADMIN, "instance:write"): "create_instance update_instance declare_instance",
    (KEY_READERS, "keys:read"): "list_keys get_key",
    (EVERY_ROLE, "keys:read"): "get_key_health",
    (KEY_MANAGERS, "keys:write"): "rotate_key activate_key compromise_key rekey_identity rewrap_keys",
    (READERS, "issues:read"): "list_health_checks list_issues get_issue",
    (DESK, "issues:write"): "update_issue validate_issue validate_subject",
    (READERS, "connections:read"): "list_connections get_connection list_messages",
    (DESK, "connections:write"): (
        "pause_connection resume_connection suspend_connection disconnect_connection send_heartbeat replay_message"
        " skip_message decide_history"
    ),
    (READERS, "incidents:read"): "list_incidents get_incident list_incident_comments list_bonds get_bond",
    (DESK, "incidents:write"): (
        "create_incident operate_incidents update_incident add_incident_comment share_incident"
        " disconnect_bond reconnect_bond"
    ),
}

_PROVIDER: Final[_Rows] = {
    (READERS_AND_CONTACTS, "companies:read"): (
        "list_companies get_company list_company_contacts get_company_contact list_contacts get_contact"
    ),
    (DESK, "companies:write"): (
        "create_company update_company create_company_contact link_contact update_company_contact"
        " create_contact update_contact"
    ),
    (ADMIN, "companies:write"): (
        "merge_contact create_custom_attribute update_custom_attribute delete_custom_attribute"
    ),
    (READERS, "companies:read"): "list_custom_attributes get_custom_attribute",
    (ADMIN, "users:read"): "list_groups get_group list_scim_clients",
    (ADMIN, "users:write"): ("create_group create_scim_client revoke_scim_client give_scim_group take_scim_group"),
    (READERS, "options:read"): "list_options get_option list_option_changes",
    (ADMIN, "options:write"): "set_option reset_option",
    (ANYBODY, "self_service:read"): "list_requests get_request get_request_evidence list_roles"
    " list_account_invitations get_account_invitation",
    (READERS, "self_service:read"): "list_directory_syncs",
    (ANYBODY, "self_service:write"): (
        "submit_request start_request approve_request reject_request ask_applicant choose_request_company"
        " withdraw_request decide_requests grant_role revoke_role suspend_contact"
        " invite_to_account accept_account_invitation resend_account_invitation revoke_account_invitation"
    ),
    (READERS_AND_CONTACTS, "registrations:read"): "list_registrations get_registration list_registration_entries",
    (READERS, "registrations:read"): "get_registration_status",
    (ADMIN, "registrations:write"): (
        "create_registration create_rekeying update_registration add_registration_entry validate_registration"
        " reissue_registration_link revoke_registration_link resend_registration_mail copy_registration_link"
        " start_registration_again cancel_registration reset_handshake"
    ),
}

_CONSUMER: Final[_Rows] = {
    (DESK, "access-requests:read"): "list_access_requests get_access_request",
    (DESK, "access-requests:write"): "create_access_request refresh_access_request",
    (READERS, "provider-connections:read"): "list_provider_connections get_provider_connection",
    (ADMIN, "provider-connections:write"): (
        "create_provider_connection validate_provider_connection connect_to_provider confirm_comparison_code"
        " cancel_provider_connection"
    ),
}

_ROWS: Final = {"provider": [*_BOTH.items(), *_PROVIDER.items()], "consumer": [*_BOTH.items(), *_CONSUMER.items()]}

MAY: Final = {
    side: {name: roles for (roles, _), names in rows for name in names.split()} for side, rows in _ROWS.items()
}
"""By service and operation, the roles that reach it."""

SCOPES: Final = {
    side: {name: scope for (_, scope), names in rows for name in names.split()} for side, rows in _ROWS.items()
}
"""By service and operation, the scope a token needs; None where any token will do."""
