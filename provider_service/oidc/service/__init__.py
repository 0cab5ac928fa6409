"""Use cases of signing in by identity providers; each function takes the session first and never commits."""

from provider_service.oidc.service.flows import (
    Asked,
    Proven,
    begin,
    confirm_link,
    find_proven,
    forget_ended,
    is_linked,
    keep_proven,
    may_come_in,
    note_refusal,
    sign_in,
    take_answer,
)
from provider_service.oidc.service.identities import link_as_administrator, list_identities, unlink
from provider_service.oidc.service.providers import (
    create_provider,
    find_provider,
    get_provider,
    list_providers,
    secret_of,
    update_provider,
)

__all__ = [
    "Asked",
    "Proven",
    "begin",
    "confirm_link",
    "create_provider",
    "find_proven",
    "find_provider",
    "forget_ended",
    "get_provider",
    "is_linked",
    "keep_proven",
    "link_as_administrator",
    "list_identities",
    "list_providers",
    "may_come_in",
    "note_refusal",
    "secret_of",
    "sign_in",
    "take_answer",
    "unlink",
    "update_provider",
]
