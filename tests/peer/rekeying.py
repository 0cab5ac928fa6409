"""Suspending a connection and pinning another identity of its peer (sections 1 and 7)."""

from tests.peer.connection import LANE, Connection
from tests.peer.crypto import KeySet
from tests.peer.wire import Document, Problem


def suspend(connection: Connection) -> None:
    """Let nothing cross until the connection is re-keyed."""
    connection.refusal = Problem(403, "connection_suspended")


def rekey(connection: Connection, keys: KeySet, settings: Document) -> None:
    """Pin another identity of the same peer; all else of the connection stays, and settings are told again."""
    if connection.refusal is None:
        raise Problem(409, "connection_not_suspended")
    if connection.keys.instance_id != keys.instance_id:
        raise Problem(409, "peer_identity_mismatch")
    connection.keys, connection.refusal, connection.theirs = keys, None, None
    connection.outbox.enqueue(LANE, "settings", settings)
