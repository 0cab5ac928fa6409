"""Use cases of invitations, one module a concern; callers import the names from here."""

from provider_service.invitations.service.mailing import KIND, renderer, send
from provider_service.invitations.service.tokens import (
    check,
    is_ours,
    issue,
    link,
    spend,
    usable,
    usable_for,
    view,
    void,
)

__all__ = [
    "KIND",
    "check",
    "is_ours",
    "issue",
    "link",
    "renderer",
    "send",
    "spend",
    "usable",
    "usable_for",
    "view",
    "void",
]
