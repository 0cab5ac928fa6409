"""Use cases of self-service registration, one module a concern; callers import the names from here."""

from provider_service.self_service.service.approving import approve, ask, choose_company, reject
from provider_service.self_service.service.housekeeping import expire, remind
from provider_service.self_service.service.mailing import SECRET_KIND, link_renderer
from provider_service.self_service.service.parts import administered
from provider_service.self_service.service.provisioning import (
    Work,
    done,
    failed,
    finish,
    next_work,
    store_records,
    unfinished,
)
from provider_service.self_service.service.relaying import relay, relayed, relayed_one
from provider_service.self_service.service.roles import grant_role, list_roles, revoke_role, suspend
from provider_service.self_service.service.submitting import (
    House,
    Submitted,
    answer,
    follow,
    login_for,
    prove,
    screen,
    show_unproven,
    start,
    submit,
    submit_unproven,
    unscreened,
    visitor,
    withdraw,
)
from provider_service.self_service.service.views import evidence, get_request, list_requests, login_of, require_own

__all__ = [
    "SECRET_KIND",
    "House",
    "Submitted",
    "Work",
    "administered",
    "answer",
    "approve",
    "ask",
    "choose_company",
    "done",
    "evidence",
    "expire",
    "failed",
    "finish",
    "follow",
    "get_request",
    "grant_role",
    "link_renderer",
    "list_requests",
    "list_roles",
    "login_for",
    "login_of",
    "next_work",
    "prove",
    "reject",
    "relay",
    "relayed",
    "relayed_one",
    "remind",
    "require_own",
    "revoke_role",
    "screen",
    "show_unproven",
    "start",
    "store_records",
    "submit",
    "submit_unproven",
    "suspend",
    "unfinished",
    "unscreened",
    "visitor",
    "withdraw",
]
