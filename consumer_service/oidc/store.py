"""Queries of identity providers, links and questions under way."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from consumer_service.oidc.tables import IdentityProvider, OidcFlow, UserIdentity


def provider(session: Session, provider_id: str, *, lock: bool = False) -> IdentityProvider | None:
    """Return a provider by id, locked where it is to be changed."""
    return session.get(IdentityProvider, provider_id, with_for_update=lock or None, populate_existing=lock)


def provider_that_stays(session: Session, provider_id: str) -> IdentityProvider | None:
    """Return a provider that nobody changes before this transaction ends; several may hold it so."""
    return session.get(IdentityProvider, provider_id, with_for_update={"read": True}, populate_existing=True)


def provider_by_slug(session: Session, slug: str) -> IdentityProvider | None:
    """Return a provider by what stands in its redirect address."""
    return session.scalars(select(IdentityProvider).where(IdentityProvider.slug == slug)).one_or_none()


def provider_by_issuer(session: Session, issuer: str) -> IdentityProvider | None:
    """Return a provider by who it is."""
    return session.scalars(select(IdentityProvider).where(IdentityProvider.issuer == issuer)).one_or_none()


def providers(
    session: Session, *, active: bool | None = None, after: str | None = None, limit: int
) -> Sequence[IdentityProvider]:
    """Return providers in order of their creation."""
    query = select(IdentityProvider).order_by(IdentityProvider.id).limit(limit)
    if active is not None:
        query = query.where(IdentityProvider.active == active)
    return session.scalars(query if after is None else query.where(IdentityProvider.id > after)).all()


def providers_by_id(session: Session, ids: Collection[str]) -> dict[str, IdentityProvider]:
    """Return providers by id."""
    return {row.id: row for row in session.scalars(select(IdentityProvider).where(IdentityProvider.id.in_(ids)))}


def identity(session: Session, identity_id: str) -> UserIdentity | None:
    """Return a link."""
    return session.get(UserIdentity, identity_id, populate_existing=True)


def identity_of(session: Session, provider_id: str, subject: str) -> UserIdentity | None:
    """Return the link of a subject. Whoever acts on it locks its user first, as everybody does who changes links."""
    query = select(UserIdentity).where(UserIdentity.provider_id == provider_id, UserIdentity.subject == subject)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def identities(session: Session, user_id: str) -> Sequence[UserIdentity]:
    """Return the links of a user in the order they were made."""
    return session.scalars(select(UserIdentity).where(UserIdentity.user_id == user_id).order_by(UserIdentity.id)).all()


def delete_identity(session: Session, identity_id: str) -> None:
    """Remove a link."""
    session.execute(delete(UserIdentity).where(UserIdentity.id == identity_id))


def flow(session: Session, state_hash: str) -> OidcFlow | None:
    """Return a question under way, locked."""
    return session.get(OidcFlow, state_hash, with_for_update=True, populate_existing=True)


def proven(session: Session, user_id: str, browser_hash: str, now: datetime) -> OidcFlow | None:
    """Return the newest link that a user's browser has proven and the user not confirmed."""
    query = (
        select(OidcFlow)
        .where(
            OidcFlow.user_id == user_id,
            OidcFlow.browser_hash == browser_hash,
            OidcFlow.subject.is_not(None),
            OidcFlow.expires_at > now,
        )
        .order_by(OidcFlow.answered_at.desc(), OidcFlow.state_hash)
        .limit(1)
    )
    return session.scalars(query).first()


def delete_flow(session: Session, state_hash: str) -> None:
    """Forget a question."""
    session.execute(delete(OidcFlow).where(OidcFlow.state_hash == state_hash))


def purge_flows(session: Session, *, before: datetime) -> None:
    """Forget questions that expired before an instant."""
    session.execute(delete(OidcFlow).where(OidcFlow.expires_at < before))
