"""Use cases of signing in by identity providers; each function takes the session first and never commits."""

from consumer_service.oidc.service.flows import (
    Asked,
    Proven,
    begin,
    confirm_link,
    find_proven,
    forget_ended,
    keep_proven,
    note_refusal,
    sign_in,
    take_answer,
)
from consumer_service.oidc.service.identities import link_as_administrator, list_identities, unlink
from consumer_service.oidc.service.providers import (
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
    "keep_proven",
    "link_as_administrator",
    "list_identities",
    "list_providers",
    "note_refusal",
    "secret_of",
    "sign_in",
    "take_answer",
    "unlink",
    "update_provider",
]
