"""Identity providers: made, changed, shown. Their secrets are sealed like every other of the application."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import Actor, changes
from consumer_service.directory import service as directory
from consumer_service.keys import service as keys
from consumer_service.keys.service import Masters
from consumer_service.oidc import domain, store
from consumer_service.oidc.domain import Provider, ProviderFacts
from consumer_service.oidc.tables import IdentityProvider
from shared.wire.errors import Conflict, FieldError, NotFound
from shared.wire.identifiers import new_id

TABLE = "identity_providers"
COLUMN = "client_secret_sealed"
SUBJECT = "identity_provider"
"""What the audit trail calls one."""


def create_provider(
    session: Session,
    facts: ProviderFacts,
    *,
    slug: str,
    issuer: str,
    secret: str | None,
    masters: Masters,
    actor: Actor,
    now: datetime,
) -> Provider:
    """Let the word of ``issuer`` count here; whether its address may be called is for the caller to have checked.

    Raises `Conflict` (``slug_taken``, ``issuer_taken``), `Invalid` as `domain.require_facts`, `Unavailable` while the
    instance has no keys to seal the secret under.
    """
    row = IdentityProvider(id=new_id(), slug=slug, issuer=issuer, created_at=now, updated_at=now, version=1)
    _assign(row, domain.require_facts(facts))
    row.client_secret_sealed = _sealed(session, masters, row.id, secret)
    _require_free(session, slug, issuer)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # somebody else made it in the same moment
        raise _taken("slug", slug) from error
    made = provider_of(row)
    _record(session, actor, "identity_provider.created", row.id, after=_facts(made), now=now)
    return made


def update_provider(
    session: Session,
    provider_id: str,
    *,
    change: Callable[[Provider], tuple[ProviderFacts, str | None]],
    masters: Masters,
    actor: Actor,
    now: datetime,
) -> Provider:
    """Change a provider to what ``change`` makes of the present state, read under lock.

    ``change`` also returns a new secret, empty for none any more, None to keep what there is. A provider that is no
    longer active ends whatever began by its word. Raises `NotFound`, and as `create_provider`.
    """
    row = _required(store.provider(session, provider_id, lock=True))
    before = provider_of(row)
    facts, secret = change(before)
    _assign(row, domain.require_facts(facts))
    if secret is not None:
        row.client_secret_sealed = _sealed(session, masters, row.id, secret)
    old, new = changes(_facts(before), _facts(provider_of(row)))
    if secret:
        new["client_authentication"] = "changed"
    if not new:
        return before
    row.version, row.updated_at = row.version + 1, now
    session.flush()
    if before.active and not row.active:
        directory.end_identity(session, row.id, now=now)
    _record(session, actor, "identity_provider.updated", row.id, before=old, after=new, now=now)
    return provider_of(row)


def get_provider(session: Session, provider_id: str) -> Provider:
    """Return a provider. Raises `NotFound`."""
    return provider_of(_required(store.provider(session, provider_id)))


def find_provider(session: Session, slug: str) -> Provider:
    """Return the active provider of a redirect address. Raises `NotFound`."""
    row = store.provider_by_slug(session, slug)
    return provider_of(_required(row if row is not None and row.active else None))


def list_providers(
    session: Session, *, active: bool | None = None, after: str | None = None, limit: int = 50
) -> list[Provider]:
    """Return providers in the order they were made, behind the one with id ``after``."""
    return [provider_of(row) for row in store.providers(session, active=active, after=after, limit=limit)]


def secret_of(session: Session, provider_id: str, *, masters: Masters) -> str | None:
    """Return what proves this instance to a provider; None for a public client."""
    row = _required(store.provider(session, provider_id))
    if row.client_secret_sealed is None:
        return None
    sealed = row.client_secret_sealed
    return keys.open_sealed(session, masters, sealed, table=TABLE, row=row.id, column=COLUMN).decode()


def provider_of(row: IdentityProvider) -> Provider:
    """Return a row as a provider."""
    return Provider(
        id=row.id,
        slug=row.slug,
        issuer=row.issuer,
        name=row.name,
        client_id=row.client_id,
        has_client_secret=row.client_secret_sealed is not None,
        scopes=tuple(row.scopes),
        may_create_users=row.may_create_users,
        email_trusted=row.email_trusted,
        allowed_domains=tuple(row.allowed_domains),
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _assign(row: IdentityProvider, facts: ProviderFacts) -> None:
    row.name, row.client_id, row.active = facts.name, facts.client_id, facts.active
    row.scopes, row.allowed_domains = list(facts.scopes), list(facts.allowed_domains)
    row.may_create_users, row.email_trusted = facts.may_create_users, facts.email_trusted


def _sealed(session: Session, masters: Masters, provider_id: str, secret: str | None) -> str | None:
    if not secret:
        return None
    return keys.seal(session, masters, secret.encode(), table=TABLE, row=provider_id, column=COLUMN)


def _require_free(session: Session, slug: str, issuer: str) -> None:
    if store.provider_by_slug(session, slug) is not None:
        raise _taken("slug", slug)
    if store.provider_by_issuer(session, issuer) is not None:
        raise _taken("issuer", issuer)


def _taken(member: str, value: str) -> Conflict:
    return Conflict(
        f"There is an identity provider with the {member} {value} already",
        code=f"{member}_taken",
        fix="Change that one, or give another.",
        errors=[FieldError(f"/{member}", "Taken")],
    )


def _facts(provider: Provider) -> dict[str, Any]:
    return {
        "slug": provider.slug,
        "issuer": provider.issuer,
        "name": provider.name,
        "client_id": provider.client_id,
        "public_client": not provider.has_client_secret,
        "scopes": list(provider.scopes),
        "may_create_users": provider.may_create_users,
        "email_trusted": provider.email_trusted,
        "allowed_domains": list(provider.allowed_domains),
        "active": provider.active,
    }


def _record(
    session: Session,
    actor: Actor,
    action: str,
    provider_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any],
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=SUBJECT,
        subject_id=provider_id,
        before=before,
        after=after,
        now=now,
    )


def _required(row: IdentityProvider | None) -> IdentityProvider:
    if row is None:
        raise NotFound("There is no such identity provider", code="identity_provider_unknown")
    return row
