"""How each operation is called so that it succeeds in the prepared world; what stands here needs more than its example.

Operations run in this order: those that end something come last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.transport.openapi import operations

ALIASES: Final = {
    "provider_connection_id": (
        "get_provider_connection",
        "validate_provider_connection",
        "connect_to_provider",
        "confirm_comparison_code",
        "cancel_provider_connection",
    )
}
"""Names of known ids that stand for a path parameter of another name in these operations."""


@dataclass(frozen=True)
class Call:
    """What differs from the example and the path parameters that everybody uses."""

    body: Mapping[str, Any] | None = None
    """A value that names a known id stands for it."""
    path: Mapping[str, str] = field(default_factory=dict)
    """Path parameter to the name of the known id that it takes here."""


PREPARED: Final = frozenset(
    {
        "create_instance",
        "create_provider_connection",
        "accept_account_invitation",
        "connect_to_provider",
        "confirm_comparison_code",
        "cancel_provider_connection",
        "validate_provider_connection",
        "reset_handshake",
        "receive_messages",
        "fetch_messages",
        "settle_messages",
        "exchange_heartbeats",
        "compare_marks",
        "pin_keys",
        "end_connection",
        "announce_consumer",
        "reveal_nonce",
        "push_authorization_request",
        "complete_registration",
        "cancel_registration_as_consumer",
        "cancel_registration_as_provider",
        "get_registration_as_consumer",
    }
)
"""What succeeds while the world is prepared, or when a connection ends: a step of a handshake, or a signed call."""

CALLS: Final[Mapping[str, Call]] = {
    "create_user": Call({"email": "grace@example.com", "name": "Grace Hopper", "roles": ["sn_sb.read"]}),
    "update_user": Call({"name": "Ada King"}),
    "create_company_contact": Call({"email": "charles@example.com", "name": "Charles Babbage"}),
    "link_contact": Call(path={"contact_id": "spare_contact_id"}),
    "merge_contact": Call({"into_id": "contact_id"}, path={"contact_id": "spare_contact_id"}),
    "update_identity_provider": Call({"name": "Everybody's sign-in"}),
    "link_user_identity": Call({"provider_id": "provider_id", "subject": "248289761001"}),
    "unlink_my_identity": Call(path={"identity_id": "own_identity_id"}),
    "update_company": Call({"name": "Analytical Engines"}),
    "update_instance": Call({"support_contact": "+44 20 7946 0000"}),
    "update_issue": Call({"assigned_to": "user_id"}),
    "start_request": Call(path={"request_id": "started_request_id"}),
    "reject_request": Call({"tell": False}, path={"request_id": "rejected_request_id"}),
    "ask_applicant": Call({"question": "Why?"}, path={"request_id": "asked_request_id"}),
    "choose_request_company": Call({"company_id": "company_id"}, path={"request_id": "chosen_request_id"}),
    "withdraw_request": Call(path={"request_id": "withdrawn_request_id"}),
    "decide_requests": Call({"ids": ["bulk_request_id"]}),
    "create_access_request": Call({"connection_id": "connection_id", "user_id": "user_id"}),
    "get_relayed_request": Call(path={"request_id": "relayed_request_id"}),
    "grant_role": Call({"company_id": "company_id", "contact_id": "registered_contact_id"}),
    "invite_to_account": Call({"company_id": "company_id", "email": "invited@example.com"}),
    "revoke_account_invitation": Call(path={"invitation_id": "revoked_invitation_id"}),
    "suspend_contact": Call({"suspended": True}, path={"contact_id": "registered_contact_id"}),
    "rotate_key": Call({"purpose": "data"}),
    "activate_key": Call({"insist": True}),
    "skip_message": Call(path={"message_id": "skipped_message_id"}),
    "create_registration": Call(
        {"company_id": "company_id", "contact_id": "contact_id", "consumer_url": "https://desk.elsewhere.example"}
    ),
    "create_rekeying": Call({"connection_id": "connection_id", "contact_id": "connected_contact_id"}),
    "update_registration": Call({"environment": "Test"}),
    "add_registration_entry": Call({"kind": "comment", "text": "Called the customer."}),
    "start_registration_again": Call(path={"number": "closed_number"}),
    "share_incident": Call({"connection_id": "connection_id"}),
    "update_incident": Call({"state": "In Progress"}),
    "add_incident_comment": Call({"text": "Rebooting it."}),
    "declare_instance": Call({"decision": "restored"}),
}

LAST: Final = (
    "update_company",  # requests name it by its name
    "send_heartbeat",
    "merge_contact",
    "delete_custom_attribute",
    "end_connection",
    "revoke_registration_link",
    "cancel_registration",
    "suspend_connection",
    "create_rekeying",
    "disconnect_connection",
    "rekey_identity",
    "compromise_key",
    "declare_instance",
    "unlink_user_identity",
    "unlink_my_identity",
    "revoke_token",
    "suspend_contact",
    "revoke_role",
    "take_scim_group",
    "revoke_scim_client",
)


def ordered(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return path, method and operation of every operation, those that end something last."""

    def place(found: tuple[str, str, dict[str, Any]]) -> int:
        name = found[2]["operationId"]
        return LAST.index(name) + 1 if name in LAST else 0

    return sorted(operations(document), key=place)
