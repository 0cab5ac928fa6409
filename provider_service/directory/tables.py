"""Tables of people and their credentials. Of every secret only a hash is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime
from shared.wire.states import Role

_ROLES = ", ".join(f"'{role}'" for role in Role)


class User(Base):
    """A person known here."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("at_directory IN ('active', 'inactive', 'gone')", name="at_directory_known"),
        CheckConstraint("at_directory IS NULL OR password_hash IS NULL", name="no_password_of_another_directory"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    """The address folded for comparison: one person an address, however it is spelled."""
    login: Mapped[str]
    """What another directory calls the person (LoginId, SCIM ``userName``); the address where nothing else is given."""
    login_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]
    active: Mapped[bool]
    password_hash: Mapped[str | None]
    """argon2id in PHC form; NULL until the person has set a password."""
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resets: Mapped[int] = mapped_column(server_default="0")
    """How often the password was set by a link. What was linked to the person before the last time is not believed."""
    at_directory: Mapped[str | None]
    """Of a person of the other directory: how that has them. NULL for the people of this instance's own.

    Their id is the one they have there, and their keys are none that anybody could give as address or login.
    """
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class UserRole(Base):
    """One role one person holds."""

    __tablename__ = "user_roles"
    __table_args__ = (CheckConstraint(f"role IN ({_ROLES})", name="role_known"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True, index=True)


class Group(Base):
    """People of the directory under one name, for instance the holders of a self-service role."""

    __tablename__ = "groups"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    """The name folded for comparison."""
    privileged: Mapped[bool]
    """What it grants lies here: no client of another directory may write it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class GroupMember(Base):
    """One person in one group."""

    __tablename__ = "group_members"

    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class UserSession(Base):
    """A signed-in browser. The row is the session: deleting it ends it."""

    __tablename__ = "user_sessions"
    __table_args__ = (
        CheckConstraint("authenticated_by IN ('local', 'oidc')", name="authenticated_by_known"),
        CheckConstraint("(authenticated_by = 'oidc') = (provider_id IS NOT NULL)", name="provider_named"),
        Index("ix_user_sessions_provider_id_subject", "provider_id", "subject"),
    )

    id_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the cookie's value, in hex."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    address: Mapped[str]
    agent: Mapped[str]
    authenticated_by: Mapped[str] = mapped_column(server_default="local")
    authenticated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the person proved who they are; before the session where an identity provider remembered them."""
    provider_id: Mapped[str | None]
    """The identity provider whose word began the session, and whom it meant."""
    subject: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Written at most once a minute."""


class ApiToken(Base):
    """A credential of a program that acts for a person."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    """The first characters, to recognise it by."""
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token, in hex; 256 random bits need no slower hash."""
    scopes: Mapped[Any] = mapped_column(JsonText)
    provider_id: Mapped[str | None]
    """The identity provider whose word began the session it was made in, if one did: it ends with that link."""
    subject: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Written at most once a minute."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PasswordMail(Base):
    """Leave to set a password once, given by mail or shown to an administrator."""

    __tablename__ = "password_mails"
    __table_args__ = (CheckConstraint("purpose IN ('set', 'reset')", name="purpose_known"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    """NULL where somebody asked for an address nobody has: the same work, and no mail."""
    purpose: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was used, or made void by another change of the password."""


class PasswordLink(Base):
    """One secret made for a password mail; a mail handed over twice has two, and using one ends both."""

    __tablename__ = "password_links"

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the secret in the link, in hex."""
    mail_id: Mapped[str] = mapped_column(ForeignKey("password_mails.id"), index=True)


class Attempt(Base):
    """How often somebody tried, by account and by address; what a lockout is decided on."""

    __tablename__ = "attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    """Kind, and the account or address, hashed: accounts nobody has are counted like any other."""
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SetupToken(Base):
    """Leave to become the first administrator; there is one at most."""

    __tablename__ = "setup_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
