"""Use cases of SCIM; each function takes the session first and never commits.

Those of users and groups stand in modules of their own, which `peer` loads when it is first called.
"""

from provider_service.scim.service.clients import (
    NewClient,
    create_client,
    give_group,
    list_clients,
    resolve_client,
    revoke_client,
    take_group,
)

__all__ = [
    "NewClient",
    "create_client",
    "give_group",
    "list_clients",
    "resolve_client",
    "revoke_client",
    "take_group",
]
