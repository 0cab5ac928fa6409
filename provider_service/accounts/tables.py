"""Tables of companies and their contacts."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class Company(Base):
    """An organisation that consumes what we provide."""

    __tablename__ = "companies"
    __table_args__ = (CheckConstraint("parent_id <> id", name="not_its_own_parent"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    external_key: Mapped[str | None] = mapped_column(unique=True)
    """What another system calls it."""
    domains: Mapped[Any] = mapped_column(JsonText)
    """Mail domains that are the company's own, in lower case."""
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id"), index=True)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class Contact(Base):
    """A user of the directory, as one company's person."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("company_id", "user_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]
