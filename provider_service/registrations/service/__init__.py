"""Use cases of registration tasks, one module a concern; callers import the names from here."""

from provider_service.registrations.service.links import copy_link, invite, resend, revoke
from provider_service.registrations.service.scanning import (
    blocking,
    claim_scans,
    conclude_cleared,
    conclude_scan,
    validate,
)
from provider_service.registrations.service.seen import entries_seen, get_seen, page_seen
from provider_service.registrations.service.tasks import (
    SUBJECT,
    announced,
    attach_connection,
    attach_rekeyed,
    cancel,
    complete,
    create,
    create_rekeying,
    disconnected,
    edit,
    entries,
    get,
    page,
    reset,
    start_again,
    view,
    write_entry,
)
from provider_service.registrations.tables import Registration

__all__ = [
    "SUBJECT",
    "Registration",
    "announced",
    "attach_connection",
    "attach_rekeyed",
    "blocking",
    "cancel",
    "claim_scans",
    "complete",
    "conclude_cleared",
    "conclude_scan",
    "copy_link",
    "create",
    "create_rekeying",
    "disconnected",
    "edit",
    "entries",
    "entries_seen",
    "get",
    "get_seen",
    "invite",
    "page",
    "page_seen",
    "resend",
    "reset",
    "revoke",
    "start_again",
    "validate",
    "view",
    "write_entry",
]
