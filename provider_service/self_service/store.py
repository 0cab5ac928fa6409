"""Queries of requests, invitations, secrets and roles, and of what the directory has to be told of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from provider_service.self_service.tables import (
    DirectorySync,
    SelfServiceInvitation,
    SelfServiceInvitationSecret,
    SelfServiceRequest,
    SelfServiceRole,
    SelfServiceSecret,
)
from shared.wire.identifiers import new_id

OPEN = ("ORA_CSS_VERIFYING", "ORA_CSS_PENDING", "ORA_CSS_MORE_INFO")


def request(session: Session, request_id: str, *, lock: bool = False) -> SelfServiceRequest | None:
    """Return a request, locked where it is to be changed."""
    return session.get(SelfServiceRequest, request_id, with_for_update=lock or None, populate_existing=lock)


def requests(
    session: Session,
    *,
    state: str | None,
    companies: Sequence[str] | None,
    submitter_user_id: str | None,
    before: str | None,
    limit: int,
) -> Sequence[SelfServiceRequest]:
    """Return requests whose mailbox is proven, the newest first; ``companies`` narrows, to the submitter's own else."""
    query = select(SelfServiceRequest).where(SelfServiceRequest.state != "ORA_CSS_VERIFYING")
    query = query.order_by(SelfServiceRequest.id.desc()).limit(limit)
    if state is not None:
        query = query.where(SelfServiceRequest.state == state)
    if companies is not None:
        mine = SelfServiceRequest.submitter_user_id == submitter_user_id
        query = query.where(SelfServiceRequest.company_id.in_(companies) | mine)
    if before is not None:
        query = query.where(SelfServiceRequest.id < before)
    return session.scalars(query).all()


def of_connection(
    session: Session, connection_id: str, *, before: str | None, limit: int
) -> Sequence[SelfServiceRequest]:
    """Return the requests that came over a connection, the newest first."""
    query = select(SelfServiceRequest).where(SelfServiceRequest.connection_id == connection_id)
    if before is not None:
        query = query.where(SelfServiceRequest.id < before)
    return session.scalars(query.order_by(SelfServiceRequest.id.desc()).limit(limit)).all()


def unproven_of_connection(session: Session, connection_id: str) -> int:
    """Return how many requests of a connection wait for their mailboxes to be proven."""
    query = select(func.count()).where(
        SelfServiceRequest.connection_id == connection_id, SelfServiceRequest.state == "ORA_CSS_VERIFYING"
    )
    return session.scalar(query) or 0


def unscreened(session: Session, limit: int) -> Sequence[SelfServiceRequest]:
    """Return unproven requests whose mailbox has not been written to yet, the oldest first."""
    query = select(SelfServiceRequest).where(
        SelfServiceRequest.state == "ORA_CSS_VERIFYING", SelfServiceRequest.screened_at.is_(None)
    )
    return session.scalars(query.order_by(SelfServiceRequest.id).limit(limit)).all()


def open_of_mailbox(session: Session, email_key: str) -> int:
    """Return how many requests of visitors wait for one mailbox to be proven."""
    query = select(func.count()).where(
        SelfServiceRequest.email_key == email_key, SelfServiceRequest.state == "ORA_CSS_VERIFYING"
    )
    return session.scalar(query) or 0


def enrolled(session: Session, connection_id: str, subject: str, user_id: str) -> bool:
    """Tell whether a request of this connection for this subject was approved and made this user."""
    query = select(SelfServiceRequest.id).where(
        SelfServiceRequest.connection_id == connection_id,
        SelfServiceRequest.subject == subject,
        SelfServiceRequest.user_id == user_id,
        SelfServiceRequest.user_reference.is_not(None),
        SelfServiceRequest.state == "ORA_CSS_APPROVED",
    )
    return session.scalars(query.limit(1)).first() is not None


def approved_unfinished(session: Session, limit: int) -> Sequence[str]:
    """Return the ids of approved requests whose steps are not all done."""
    query = select(SelfServiceRequest.id).where(SelfServiceRequest.awaits == "provisioning")
    return session.scalars(query.order_by(SelfServiceRequest.id).limit(limit)).all()


def administrator_pending(session: Session, company_id: str) -> Sequence[SelfServiceRequest]:
    """Return approved requests of first users who are not administrators yet."""
    query = select(SelfServiceRequest).where(
        SelfServiceRequest.company_id == company_id, SelfServiceRequest.administrator_pending
    )
    return session.scalars(query).all()


def expired(session: Session, now: datetime, limit: int) -> Sequence[SelfServiceRequest]:
    """Return open requests whose time is up, locked."""
    query = select(SelfServiceRequest).where(SelfServiceRequest.state.in_(OPEN), SelfServiceRequest.expires_at <= now)
    return session.scalars(query.order_by(SelfServiceRequest.id).limit(limit).with_for_update(skip_locked=True)).all()


def unreminded(session: Session, created_before: datetime, limit: int) -> Sequence[SelfServiceRequest]:
    """Return pending requests nobody was reminded of yet, locked."""
    query = select(SelfServiceRequest).where(
        SelfServiceRequest.state.in_(OPEN[1:]),
        SelfServiceRequest.updated_at <= created_before,
        SelfServiceRequest.reminded_at.is_(None),
        SelfServiceRequest.awaits.is_distinct_from("provisioning"),
    )
    return session.scalars(query.order_by(SelfServiceRequest.id).limit(limit).with_for_update(skip_locked=True)).all()


def secret(session: Session, secret_hash: str, purpose: str) -> SelfServiceSecret | None:
    """Return what a secret gives leave to, if it is one of this purpose."""
    found = session.get(SelfServiceSecret, secret_hash)
    return found if found is not None and found.purpose == purpose else None


def end_secrets(session: Session, request_id: str, purpose: str) -> None:
    """Make every secret of a request and purpose void."""
    session.execute(
        delete(SelfServiceSecret).where(
            SelfServiceSecret.request_id == request_id, SelfServiceSecret.purpose == purpose
        )
    )


def role(session: Session, role_id: str) -> SelfServiceRole | None:
    """Return a role somebody holds."""
    return session.get(SelfServiceRole, role_id)


def held(session: Session, company_id: str | None, contact_id: str) -> Sequence[SelfServiceRole]:
    """Return the roles a contact holds for an account, or of its own."""
    query = select(SelfServiceRole).where(SelfServiceRole.contact_id == contact_id)
    query = query.where(
        SelfServiceRole.company_id.is_(None) if company_id is None else SelfServiceRole.company_id == company_id
    )
    return session.scalars(query.order_by(SelfServiceRole.id)).all()


def roles_of(session: Session, contact_id: str) -> Sequence[SelfServiceRole]:
    """Return every role of a contact, for whatever account."""
    query = select(SelfServiceRole).where(SelfServiceRole.contact_id == contact_id)
    return session.scalars(query.order_by(SelfServiceRole.id)).all()


def move_requests(session: Session, contact_id: str, into_id: str) -> None:
    """Let every request that has found or made a contact have another instead."""
    query = update(SelfServiceRequest).where(SelfServiceRequest.contact_id == contact_id)
    session.execute(query.values(contact_id=into_id))


def roles(
    session: Session, *, companies: Sequence[str] | None, contact_id: str | None, after: str | None, limit: int
) -> Sequence[SelfServiceRole]:
    """Return roles in the order they were granted."""
    query = select(SelfServiceRole).order_by(SelfServiceRole.id).limit(limit)
    if companies is not None:
        query = query.where(SelfServiceRole.company_id.in_(companies))
    if contact_id is not None:
        query = query.where(SelfServiceRole.contact_id == contact_id)
    if after is not None:
        query = query.where(SelfServiceRole.id > after)
    return session.scalars(query).all()


def any_role(session: Session, company_id: str) -> bool:
    """Tell whether anybody holds a role for an account."""
    query = select(SelfServiceRole.id).where(SelfServiceRole.company_id == company_id).limit(1)
    return session.scalars(query).first() is not None


def administrators(session: Session, company_id: str) -> Sequence[str]:
    """Return the ids of the contacts who administer an account."""
    query = select(SelfServiceRole.contact_id).where(
        SelfServiceRole.company_id == company_id, SelfServiceRole.administrator
    )
    return session.scalars(query.order_by(SelfServiceRole.contact_id)).all()


def administered(session: Session, contact_id: str) -> Sequence[str]:
    """Return the ids of the accounts a contact administers."""
    query = select(SelfServiceRole.company_id).where(
        SelfServiceRole.contact_id == contact_id,
        SelfServiceRole.administrator,
        SelfServiceRole.company_id.is_not(None),
    )
    return [one for one in session.scalars(query.order_by(SelfServiceRole.company_id)) if one is not None]


def holds_group(session: Session, contact_id: str, name: str) -> bool:
    """Tell whether a contact still holds a role of this name for any account."""
    query = select(SelfServiceRole.id).where(SelfServiceRole.contact_id == contact_id, SelfServiceRole.role == name)
    return session.scalars(query.limit(1)).first() is not None


def invitation(session: Session, invitation_id: str, *, lock: bool = False) -> SelfServiceInvitation | None:
    """Return an invitation, locked where it is to be changed."""
    return session.get(SelfServiceInvitation, invitation_id, with_for_update=lock or None, populate_existing=lock)


def invitation_secret(session: Session, secret_hash: str) -> SelfServiceInvitationSecret | None:
    """Return what a secret gives leave to, whether or not it still does."""
    return session.get(SelfServiceInvitationSecret, secret_hash)


def invitation_of(session: Session, request_id: str) -> SelfServiceInvitation | None:
    """Return the invitation that a request came of."""
    query = select(SelfServiceInvitation).where(SelfServiceInvitation.request_id == request_id)
    return session.scalars(query).one_or_none()


def open_invitation(session: Session, company_id: str, email_key: str, now: datetime) -> SelfServiceInvitation | None:
    """Return the invitation of a mailbox to an account that can still be accepted."""
    query = select(SelfServiceInvitation).where(
        SelfServiceInvitation.company_id == company_id,
        SelfServiceInvitation.email_key == email_key,
        SelfServiceInvitation.accepted_at.is_(None),
        SelfServiceInvitation.revoked_at.is_(None),
        SelfServiceInvitation.expires_at > now,
    )
    return session.scalars(query.order_by(SelfServiceInvitation.id.desc()).limit(1)).first()


def invitations_since(session: Session, company_id: str, since: datetime) -> int:
    """Return how many invitations to an account were begun since then."""
    query = select(func.count()).where(
        SelfServiceInvitation.company_id == company_id, SelfServiceInvitation.created_at > since
    )
    return session.scalar(query) or 0


def invitations(
    session: Session, *, companies: Sequence[str] | None, before: str | None, limit: int
) -> Sequence[SelfServiceInvitation]:
    """Return invitations, the newest first; ``companies`` narrows."""
    query = select(SelfServiceInvitation).order_by(SelfServiceInvitation.id.desc()).limit(limit)
    if companies is not None:
        query = query.where(SelfServiceInvitation.company_id.in_(companies))
    if before is not None:
        query = query.where(SelfServiceInvitation.id < before)
    return session.scalars(query).all()


def owe_sync(session: Session, user_id: str, role: str, now: datetime) -> None:
    """Note that a group of a person is to be told to the directory, anew where it is noted already."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"id": new_id(), "user_id": user_id, "role": role, "version": 1, "tries": 0, "created_at": now, "due_at": now}
    changed = {"version": DirectorySync.version + 1, "tries": 0, "due_at": now}
    query = dialect.insert(DirectorySync).values(row)
    session.execute(query.on_conflict_do_update(index_elements=["user_id", "role"], set_=changed))


def sync(session: Session, sync_id: str) -> DirectorySync | None:
    """Return a sync, locked."""
    return session.get(DirectorySync, sync_id, with_for_update=True, populate_existing=True)


def syncs_of(session: Session, user_id: str) -> Sequence[DirectorySync]:
    """Return what the directory is to be told about a person."""
    return session.scalars(
        select(DirectorySync).where(DirectorySync.user_id == user_id).order_by(DirectorySync.role)
    ).all()


def syncs_due(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Return the ids of syncs that are due and nobody is at, the longest due first."""
    free = or_(DirectorySync.claimed_until.is_(None), DirectorySync.claimed_until <= now)
    query = select(DirectorySync.id).where(DirectorySync.due_at <= now, free)
    return session.scalars(query.order_by(DirectorySync.due_at, DirectorySync.id).limit(limit)).all()


def release_syncs(session: Session) -> None:
    """Let nobody be at any sync."""
    taken = DirectorySync.claimed_until.is_not(None)
    session.execute(update(DirectorySync).where(taken).values(claimed_until=None))


def syncs(session: Session, *, after: str | None, limit: int) -> Sequence[DirectorySync]:
    """Return syncs in the order they came up."""
    query = select(DirectorySync).order_by(DirectorySync.id).limit(limit)
    return session.scalars(query if after is None else query.where(DirectorySync.id > after)).all()
