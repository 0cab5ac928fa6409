"""Tables of self-service registration: requests, invitations, their secrets, and the roles that came of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class SelfServiceRequest(Base):
    """Somebody asks to be let in. Nothing else exists of it until it is approved."""

    __tablename__ = "self_service_requests"
    __table_args__ = (
        Index(None, "state", "expires_at"),
        Index(None, "email_key", "state"),
        Index(None, "company_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    type: Mapped[str]
    awaits: Mapped[str | None] = mapped_column(index=True)
    reason: Mapped[str | None]
    started: Mapped[bool]
    """Whether a person has started it, which counts as ``ALLOW_*`` TRUE."""
    submitter: Mapped[str]
    submitter_user_id: Mapped[str | None] = mapped_column(index=True)
    submitter_name: Mapped[str]
    connection_id: Mapped[str | None] = mapped_column(index=True)
    """Of a relayed request: the connection it came over, and what that calls its user."""
    subject: Mapped[str | None]
    subject_name: Mapped[str | None]
    subject_email: Mapped[str | None]
    asked_by: Mapped[str | None]
    address: Mapped[str]
    """Network address it was submitted from."""
    attributes: Mapped[Any] = mapped_column(JsonText)
    email: Mapped[str]
    email_key: Mapped[str]
    login: Mapped[str]
    account_key: Mapped[str | None]
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id"))
    company_chosen: Mapped[bool]
    """Whether the account is fixed, whatever the key names: staff chose it, or it is the relaying connection's."""
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.id"))
    user_id: Mapped[str | None]
    """GUID in the directory; from the approval on, also of a user that is yet to be made."""
    user_reference: Mapped[str | None]
    """Under which a new user is made; None where the user was there."""
    language: Mapped[str]
    outcome: Mapped[str | None]
    decided_by_id: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    administrator_pending: Mapped[bool]
    remarks: Mapped[Any] = mapped_column(JsonText)
    steps: Mapped[Any] = mapped_column(JsonText)
    failure: Mapped[str | None]
    screened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the mailbox of an unproven request was written to."""
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int]


class SelfServiceSecret(Base):
    """Leave to prove a request's mailbox, or to follow it; the secret itself is never stored."""

    __tablename__ = "self_service_secrets"

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the secret, in hex."""
    request_id: Mapped[str] = mapped_column(ForeignKey("self_service_requests.id"), index=True)
    purpose: Mapped[str]
    """``prove`` or ``follow``."""


class SelfServiceRole(Base):
    """A role a contact holds for an account, or for itself alone (B2C)."""

    __tablename__ = "self_service_roles"
    __table_args__ = (
        Index("uq_self_service_roles_held", "company_id", "contact_id", "role", unique=True),
        Index(
            "uq_self_service_roles_of_its_own",
            "contact_id",
            "role",
            unique=True,
            sqlite_where=text("company_id IS NULL"),
            postgresql_where=text("company_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id"))
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.id"), index=True)
    role: Mapped[str]
    """Common name of the role, as the profile option had it when it was granted."""
    administrator: Mapped[bool]
    """Whether it is the account administrator's."""
    request_id: Mapped[str | None] = mapped_column(ForeignKey("self_service_requests.id"))
    """The request that it came of."""
    granted_by: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SelfServiceInvitation(Base):
    """Leave for one mailbox to be let into one account with one role."""

    __tablename__ = "self_service_invitations"
    __table_args__ = (Index(None, "company_id", "email_key"), Index(None, "company_id", "created_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    administrator: Mapped[bool]
    language: Mapped[str]
    mails: Mapped[int]
    """How often it was sent; a secret of an earlier mail no longer works."""
    invited_by_id: Mapped[str]
    invited_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None]
    request_id: Mapped[str | None] = mapped_column(ForeignKey("self_service_requests.id"), unique=True)
    """The one request that came of it."""


class SelfServiceInvitationSecret(Base):
    """A link that accepts an invitation. It stays when it has ended, so that whoever opens it is told why."""

    __tablename__ = "self_service_invitation_secrets"

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the secret, in hex."""
    invitation_id: Mapped[str] = mapped_column(ForeignKey("self_service_invitations.id"), index=True)
    mail: Mapped[int]
    """Number of the mail that it stands in."""


class DirectorySync(Base):
    """A group of a person that the directory has to be told about; the row goes once it knows.

    Whether the person is in it is not kept here: that follows from the roles there are when it is told.
    """

    __tablename__ = "directory_syncs"
    __table_args__ = (UniqueConstraint("user_id", "role"), Index(None, "due_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    """GUID in the directory."""
    role: Mapped[str]
    version: Mapped[int]
    """Counts the changes of roles that it stands for."""
    tries: Mapped[int]
    failure: Mapped[str | None]
    """Why the directory could not be told last time."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when somebody is telling it, and nobody else may."""
