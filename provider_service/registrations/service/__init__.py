"""Use cases of registration tasks, one module a concern; callers import the names from here."""

from provider_service.registrations.service.links import copy_link, invite, resend, revoke
from provider_service.registrations.service.scanning import (
    blocking,
    claim_scans,
    conclude_cleared,
    conclude_scan,
    validate,
)
from provider_service.registrations.service.tasks import (
    SUBJECT,
    announced,
    attach_connection,
    cancel,
    complete,
    create,
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

__all__ = [
    "SUBJECT",
    "announced",
    "attach_connection",
    "blocking",
    "cancel",
    "claim_scans",
    "complete",
    "conclude_cleared",
    "conclude_scan",
    "copy_link",
    "create",
    "disconnected",
    "edit",
    "entries",
    "get",
    "invite",
    "page",
    "resend",
    "reset",
    "revoke",
    "start_again",
    "validate",
    "view",
    "write_entry",
]
