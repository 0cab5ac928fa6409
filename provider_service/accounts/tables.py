"""Tables of companies, contacts, who is whose contact, and the attributes that were declared for them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class Company(Base):
    """An organisation that consumes what we provide: the business account."""

    __tablename__ = "companies"
    __table_args__ = (CheckConstraint("parent_id <> id", name="not_its_own_parent"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    external_key: Mapped[str | None] = mapped_column(unique=True)
    """What another system calls it."""
    domains: Mapped[Any] = mapped_column(JsonText)
    """Mail domains that are the company's own, in lower case."""
    verified_domains: Mapped[Any] = mapped_column(JsonText)
    """Those of its domains that staff found to be its own indeed."""
    attributes: Mapped[Any] = mapped_column(JsonText)
    """Values of the attributes declared for companies, by code."""
    key_secret: Mapped[bool]
    """Whether the key by which people name the company when they register is known to its own people only."""
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id"), index=True)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class Contact(Base):
    """A person we know of, whether or not it can sign in."""

    __tablename__ = "contacts"
    __table_args__ = (
        CheckConstraint("merged_into <> id", name="not_its_own_target"),
        CheckConstraint("merged_into IS NULL OR user_id IS NULL", name="pointer_unstamped"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(index=True)
    """The address folded for comparison. Not unique: where several people share one, staff decide who is meant."""
    name: Mapped[str]
    first_name: Mapped[str | None]
    middle_name: Mapped[str | None]
    last_name: Mapped[str | None]
    work_phone: Mapped[str | None]
    mobile_phone: Mapped[str | None]
    home_phone: Mapped[str | None]
    date_of_birth: Mapped[date | None]
    place_of_birth: Mapped[str | None]
    addresses: Mapped[Any] = mapped_column(JsonText)
    """The primary postal address first."""
    attributes: Mapped[Any] = mapped_column(JsonText)
    """Values of the attributes declared for contacts, by code."""
    language: Mapped[str]
    category: Mapped[str]
    user_id: Mapped[str | None] = mapped_column(unique=True)
    """The stamp: GUID of the person's user in the identity directory. That may be another system's, and a user may be
    gone from it, so no foreign key holds it."""
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    """The contact this one was found to be; this row is only a pointer then."""
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class AccountContact(Base):
    """A contact as one company's person."""

    __tablename__ = "account_contacts"

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.id"), primary_key=True, index=True)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class CustomAttribute(Base):
    """An attribute an administrator has declared."""

    __tablename__ = "custom_attributes"
    __table_args__ = (
        CheckConstraint("object IN ('contact', 'company', 'request')", name="object_known"),
        CheckConstraint("type IN ('text', 'number', 'boolean', 'date', 'choice', 'email')", name="type_known"),
    )

    object: Mapped[str] = mapped_column(primary_key=True)
    """What it is declared for."""
    code: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    label: Mapped[str]
    unique_values: Mapped[bool]
    required: Mapped[bool]
    choices: Mapped[Any] = mapped_column(JsonText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class AttributeValue(Base):
    """One value of a declared attribute, as it is looked up and kept unique; the owner's row holds it for reading."""

    __tablename__ = "attribute_values"
    __table_args__ = (
        ForeignKeyConstraint(["object", "code"], ["custom_attributes.object", "custom_attributes.code"]),
        Index(None, "object", "code", "key"),
    )

    object: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    """The value in the one spelling that is compared."""
    unique_key: Mapped[str | None] = mapped_column(unique=True)
    """Object, code and key, where one value belongs to one owner only."""
