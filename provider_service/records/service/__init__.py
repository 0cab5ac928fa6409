"""Use cases of records, one module a concern; callers import the names from here."""

from provider_service.records.service.changes import (
    add_comment,
    create,
    disconnect,
    get_bond,
    get_incident,
    operate,
    reconnect,
    share,
    update,
)
from provider_service.records.service.inbound import (
    connection_closed,
    message_handlers,
    on_settled,
    passing_over,
    renumbering,
)
from provider_service.records.service.reading import bond_view, bonds, comments, incident_view, incidents

__all__ = [
    "add_comment",
    "bond_view",
    "bonds",
    "comments",
    "connection_closed",
    "create",
    "disconnect",
    "get_bond",
    "get_incident",
    "incident_view",
    "incidents",
    "message_handlers",
    "on_settled",
    "operate",
    "passing_over",
    "reconnect",
    "renumbering",
    "share",
    "update",
]
