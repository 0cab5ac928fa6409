"""Tables of identity providers, of who is whom there, and of sign-ins that are under way."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class IdentityProvider(Base):
    """Somebody whose word about people counts here."""

    __tablename__ = "identity_providers"
    __table_args__ = (CheckConstraint("version >= 1", name="version_positive"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    """Stands in the redirect address, which the provider is told beforehand; never changes."""
    issuer: Mapped[str] = mapped_column(unique=True)
    """Never changes: a subject is somebody at exactly this issuer."""
    name: Mapped[str]
    client_id: Mapped[str]
    client_secret_sealed: Mapped[str | None]
    """NULL for a public client."""
    scopes: Mapped[Any] = mapped_column(JsonText)
    may_create_users: Mapped[bool]
    email_trusted: Mapped[bool]
    """Whether its ``email_verified`` is believed."""
    allowed_domains: Mapped[Any] = mapped_column(JsonText)
    """Mail domains of people it may create; empty: any."""
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]


class UserIdentity(Base):
    """A subject at a provider, and the user it is here."""

    __tablename__ = "user_identities"
    __table_args__ = (
        UniqueConstraint("provider_id", "subject"),
        CheckConstraint("linked_by IN ('person', 'administrator', 'first_sign_in')", name="linked_by_known"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_providers.id"))
    subject: Mapped[str]
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str]
    """As the provider said when it was linked; shown to people, compared with nothing."""
    linked_by: Mapped[str]
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resets: Mapped[int]
    """How often the user's password had been set by a link then; after another time the link counts no more."""
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OidcFlow(Base):
    """A question put to a provider by way of a browser. Of state and browser only hashes are kept."""

    __tablename__ = "oidc_flows"
    __table_args__ = (
        CheckConstraint("purpose IN ('sign_in', 'link')", name="purpose_known"),
        CheckConstraint("(purpose = 'link') = (user_id IS NOT NULL)", name="user_of_a_link"),
    )

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    browser_hash: Mapped[str]
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_providers.id"))
    purpose: Mapped[str]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    resets: Mapped[int | None]
    """Of the user, when it began; a reset meanwhile makes it void."""
    following: Mapped[str]
    """Path of ours to go on to."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the browser brought an answer, right or wrong; there is no second one."""
    subject: Mapped[str | None]
    """Of a link: whom the provider vouched for, waiting for the person's confirmation."""
    email: Mapped[str | None]
