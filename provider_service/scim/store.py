"""Queries of SCIM clients and of what they see."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provider_service.scim.tables import ScimClient, ScimGroup, ScimUser


def client(session: Session, client_id: str, *, lock: bool = False) -> ScimClient | None:
    """Return a client by id, locked where it is to be changed."""
    return session.get(ScimClient, client_id, with_for_update=lock or None, populate_existing=lock)


def client_by_hash(session: Session, token_hash: str) -> ScimClient | None:
    """Return a client by the hash of its token."""
    return session.scalars(select(ScimClient).where(ScimClient.token_hash == token_hash)).one_or_none()


def clients(session: Session, *, after: str | None, limit: int) -> Sequence[ScimClient]:
    """Return clients in order of their creation."""
    query = select(ScimClient).order_by(ScimClient.id).limit(limit)
    return session.scalars(query if after is None else query.where(ScimClient.id > after)).all()


def user(session: Session, user_id: str, *, lock: bool = False) -> ScimUser | None:
    """Return what a client keeps of a person, whoever the client is."""
    return session.get(ScimUser, user_id, with_for_update=lock or None, populate_existing=lock)


def users(session: Session, client_id: str) -> Sequence[ScimUser]:
    """Return the people of a client, in order of their creation."""
    query = select(ScimUser).where(ScimUser.client_id == client_id, ScimUser.deleted_at.is_(None))
    return session.scalars(query.order_by(ScimUser.user_id)).all()


def group(session: Session, client_id: str, group_id: str) -> ScimGroup | None:
    """Return what a client keeps of a group it sees."""
    return session.get(ScimGroup, (group_id, client_id))


def groups(session: Session, client_id: str) -> Sequence[ScimGroup]:
    """Return the groups a client sees, in order of their creation."""
    query = select(ScimGroup).where(ScimGroup.client_id == client_id).order_by(ScimGroup.group_id)
    return session.scalars(query).all()


def forget_group(session: Session, group_id: str) -> None:
    """Let no client see a group any more."""
    session.execute(delete(ScimGroup).where(ScimGroup.group_id == group_id))
