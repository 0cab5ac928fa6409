"""Who may provision over SCIM, and what each of them was given to see."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class ScimClient(Base):
    """Another system that provisions people and groups here, by a bearer token of its own."""

    __tablename__ = "scim_clients"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    prefix: Mapped[str]
    """The first characters of the token, to recognise it by."""
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token, in hex; 256 random bits need no slower hash."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ScimUser(Base):
    """A person one client provisions: nobody else's client sees or changes them."""

    __tablename__ = "scim_users"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("scim_clients.id"), index=True)
    external_id: Mapped[str | None] = mapped_column(index=True)
    """What the client calls the person (RFC 7643 section 3.1)."""
    document: Mapped[Any] = mapped_column(JsonText)
    """Attributes of the resource the directory itself has no use for, by their SCIM names."""
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Deleted by the client: deactivated here, and taken up again where the client makes the same user anew."""


class ScimGroup(Base):
    """A group one client was given to see; a privileged one it never writes."""

    __tablename__ = "scim_groups"

    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("scim_clients.id"), primary_key=True, index=True)
    external_id: Mapped[str | None]
