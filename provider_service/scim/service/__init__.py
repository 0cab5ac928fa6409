"""Use cases of SCIM; each function takes the session first and never commits."""

from provider_service.scim.service.clients import (
    NewClient,
    create_client,
    give_group,
    list_clients,
    resolve_client,
    revoke_client,
    take_group,
)
from provider_service.scim.service.groups import (
    create_group,
    delete_group,
    get_group,
    list_groups,
    patch_group,
    replace_group,
)
from provider_service.scim.service.users import (
    View,
    create_user,
    delete_user,
    get_user,
    list_users,
    patch_user,
    replace_user,
)

__all__ = [
    "NewClient",
    "View",
    "create_client",
    "create_group",
    "create_user",
    "delete_group",
    "delete_user",
    "get_group",
    "get_user",
    "give_group",
    "list_clients",
    "list_groups",
    "list_users",
    "patch_group",
    "patch_user",
    "replace_group",
    "replace_user",
    "resolve_client",
    "revoke_client",
    "take_group",
]
