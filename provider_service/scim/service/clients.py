"""The systems that may provision here: each with a token of its own, and the groups it was given."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import hashed
from provider_service.scim import domain, store
from provider_service.scim.tables import ScimClient, ScimGroup
from shared.wire.errors import Conflict, FieldError, NotFound, Unauthenticated
from shared.wire.identifiers import new_id


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client that has just been made."""

    client: ScimClient
    secret: str = field(repr=False)
    """The whole token; nobody can read it again."""


def create_client(session: Session, *, name: str, actor: Actor, now: datetime) -> NewClient:
    """Let another system provision people here. Raises `Conflict` (``client_taken``)."""
    secret = domain.TOKEN_PREFIX + secrets.token_urlsafe(32)
    client = ScimClient(
        id=new_id(), name=name, prefix=secret[:10], token_hash=hashed(secret), created_at=now, revoked_at=None
    )
    session.add(client)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(
            "There is a client of this name", code="client_taken", errors=[FieldError("/name", "Taken")]
        ) from error
    _note(session, actor, "scim_client.created", client, after={"name": name}, now=now)
    return NewClient(client, secret)


def list_clients(session: Session, *, after: str | None = None, limit: int = 50) -> Sequence[ScimClient]:
    """Return clients in order of their creation, behind the one with id ``after``."""
    return store.clients(session, after=after, limit=limit)


def revoke_client(session: Session, client_id: str, *, actor: Actor, now: datetime) -> ScimClient:
    """End a client's token at once; its people stay as they are. Raises `NotFound`."""
    client = _required(store.client(session, client_id, lock=True))
    if client.revoked_at is None:
        client.revoked_at = now
        session.flush()
        _note(session, actor, "scim_client.revoked", client, after={"name": client.name}, now=now)
    return client


def give_group(session: Session, client_id: str, group_id: str, *, actor: Actor, now: datetime) -> ScimClient:
    """Let a client see a group, and write it unless it is privileged. Raises `NotFound`."""
    client = _required(store.client(session, client_id, lock=True))
    group = directory.get_group(session, group_id)
    if store.group(session, client_id, group_id) is None:
        session.add(ScimGroup(group_id=group_id, client_id=client_id, external_id=None))
        session.flush()
        _note(session, actor, "scim_client.group_given", client, after={"group": group.name}, now=now)
    return client


def take_group(session: Session, client_id: str, group_id: str, *, actor: Actor, now: datetime) -> ScimClient:
    """Let a client see a group no more. Raises `NotFound`."""
    client = _required(store.client(session, client_id, lock=True))
    seen = store.group(session, client_id, group_id)
    if seen is not None:
        session.delete(seen)
        session.flush()
        _note(session, actor, "scim_client.group_taken", client, after={"group_id": group_id}, now=now)
    return client


def resolve_client(session: Session, bearer: str) -> ScimClient:
    """Return whose token it is. Raises `Unauthenticated` (``token_invalid``), whatever is wrong with it."""
    known = bearer.startswith(domain.TOKEN_PREFIX)
    client = store.client_by_hash(session, hashed(bearer)) if known else None
    if client is None or client.revoked_at is not None:
        raise Unauthenticated("The token is not valid, or no longer", code="token_invalid")
    return client


def _note(
    session: Session, actor: Actor, action: str, client: ScimClient, *, after: dict[str, Any], now: datetime
) -> None:
    audit.record(
        session, actor=actor, action=action, subject_type="scim_client", subject_id=client.id, after=after, now=now
    )


def _required(client: ScimClient | None) -> ScimClient:
    if client is None:
        raise NotFound("There is no such client", code="client_unknown")
    return client
