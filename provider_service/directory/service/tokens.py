"""API tokens: shown once, kept as a hash, limited by scopes and by the roles of their owner."""

import secrets
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import domain, store
from provider_service.directory.domain import Caller, Proof
from provider_service.directory.service.sessions import Resolved
from provider_service.directory.tables import ApiToken
from shared.wire.errors import NotFound, Unauthenticated
from shared.wire.identifiers import new_id
from shared.wire.states import Role


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that has just been made."""

    token: ApiToken
    secret: str = field(repr=False)
    """The whole token; nobody can read it again."""


def create_token(
    session: Session, *, name: str, scopes: Set[str], days: int, caller: Caller, now: datetime
) -> NewToken:
    """Make a token that acts for the caller. Raises `Invalid` (``scope_unknown``), `Forbidden` (``scope_missing``)."""
    domain.require_scopes_held(caller, scopes)
    secret = domain.TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        id=new_id(),
        user_id=caller.user_id,
        name=name,
        prefix=secret[:9],
        token_hash=domain.hashed(secret),
        scopes=sorted(scopes),
        provider_id=caller.proof.provider_id,
        subject=caller.proof.subject,
        created_at=now,
        expires_at=now + timedelta(days=days),
        last_used_at=None,
        revoked_at=None,
    )
    session.add(token)
    session.flush()
    after = {"name": name, "scopes": sorted(scopes), "days": days}
    _record(session, caller, "token.created", token, after=after, now=now)
    return NewToken(token, secret)


def list_tokens(
    session: Session, *, caller: Caller, everyones: bool = False, after: str | None = None, limit: int = 50
) -> Sequence[ApiToken]:
    """Return the caller's tokens, or with ``everyones`` and the role ``admin`` all there are. Raises `Forbidden`."""
    if everyones:
        domain.require_role(caller, [Role.ADMIN])
    return store.tokens(session, user_id=None if everyones else caller.user_id, after=after, limit=limit)


def revoke_token(session: Session, token_id: str, *, caller: Caller, now: datetime) -> ApiToken:
    """End a token of the caller's own, or as administrator anybody's. Raises `NotFound`."""
    token = session.get(ApiToken, token_id, with_for_update=True)
    if token is None or (token.user_id != caller.user_id and Role.ADMIN not in caller.roles):
        raise NotFound("There is no such token", code="token_unknown")
    if token.revoked_at is None:
        token.revoked_at = now
        session.flush()
        _record(session, caller, "token.revoked", token, after={"name": token.name}, now=now)
    return token


def resolve_token(session: Session, bearer: str, *, address: str, now: datetime) -> Resolved:
    """Return who a token stands for. Raises `Unauthenticated` (``token_invalid``), whatever is wrong with it."""
    token = store.token_by_hash(session, domain.hashed(bearer)) if bearer.startswith(domain.TOKEN_PREFIX) else None
    user = store.user(session, token.user_id) if token is not None else None
    if token is None or user is None or not user.active or token.revoked_at is not None or token.expires_at <= now:
        raise Unauthenticated(
            "The token is not valid, or no longer", code="token_invalid", fix="Make a new token and send that."
        )
    caller = Caller(
        actor=Actor("token", token.id, f"{user.name}: {token.name}", address),
        user_id=user.id,
        roles=store.roles(session, [user.id])[user.id],
        scopes=frozenset(token.scopes),
        email=user.email,
        language=user.language,
        proof=Proof(provider_id=token.provider_id, subject=token.subject),  # what it makes ends with the same link
        mailbox_proven=user.at_directory is None,
    )
    return Resolved(caller, token.id, domain.note_due(token.last_used_at, now))


def note_token(session: Session, key: str, *, now: datetime) -> None:
    """Write down that a token was used."""
    store.note_token(session, key, now)


def _record(
    session: Session, caller: Caller, action: str, token: ApiToken, *, after: dict[str, object], now: datetime
) -> None:
    audit.record(
        session, actor=caller.actor, action=action, subject_type="token", subject_id=token.id, after=after, now=now
    )
