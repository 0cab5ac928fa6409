"""Questions put to a provider by way of a browser: each is answered once, in that browser, within ten minutes."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import AuthenticatedBy, Caller, Proof, hashed
from provider_service.directory.service import SignedIn
from provider_service.oidc import domain, store
from provider_service.oidc.domain import FLOW_LIFE, Identity, LinkedBy, Provider, Purpose, Vouched
from provider_service.oidc.service.identities import link
from provider_service.oidc.service.providers import SUBJECT, find_provider, provider_of
from provider_service.oidc.tables import IdentityProvider, OidcFlow
from shared.wire.errors import Gone, NotFound


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whose answer has come; nobody can answer it again."""

    provider: Provider
    purpose: Purpose
    following: str
    key: str = field(repr=False)
    """What to find it under."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An account at a provider that a person has proven to be theirs, and not confirmed yet."""

    key: str
    provider: Provider
    subject: str
    email: str


def begin(
    session: Session, slug: str, *, browser: str, caller: Caller | None = None, following: str, now: datetime
) -> tuple[Provider, str]:
    """Put a question: return who is asked, and the state that stands for it. With ``caller`` it is about a link.

    ``browser``: what only this browser keeps. Raises `NotFound` for a provider that is not active.
    """
    provider = find_provider(session, slug)
    state = secrets.token_urlsafe(32)
    session.add(
        OidcFlow(
            state_hash=hashed(state),
            browser_hash=hashed(browser),
            provider_id=provider.id,
            purpose=(Purpose.SIGN_IN if caller is None else Purpose.LINK).value,
            user_id=None if caller is None else caller.user_id,
            resets=None if caller is None else directory.get_user(session, caller.user_id).resets,
            following=following,
            created_at=now,
            expires_at=now + FLOW_LIFE,
        )
    )
    session.flush()
    return provider, state


def take_answer(
    session: Session, slug: str, *, state: str, browser: str, caller: Caller | None, now: datetime
) -> Asked:
    """Accept that an answer has come, right or wrong; before anything is done with it, so that none comes twice.

    Raises `Gone` (``sign_in_void``) for a question nobody put, put in another browser or to another provider, too old
    or answered; of a link also where another person is signed in by now.
    """
    key = hashed(state)
    row = store.flow(session, key)
    provider = store.provider(session, row.provider_id) if row is not None else None
    if row is None or provider is None or provider.slug != slug or not provider.active:
        raise _void()
    if not hmac.compare_digest(row.browser_hash, hashed(browser)) or row.expires_at <= now or row.answered_at:
        raise _void()
    purpose = Purpose(row.purpose)
    if purpose is Purpose.LINK and (caller is None or caller.user_id != row.user_id):
        raise _void()
    if purpose is Purpose.LINK:
        row.answered_at = now
        session.flush()
    else:
        store.delete_flow(session, key)
    return Asked(provider_of(provider), purpose, row.following, key)


def sign_in(
    session: Session,
    provider_id: str,
    person: Vouched,
    *,
    of_directory: str | None = None,
    address: str,
    agent: str,
    previous: str | None,
    now: datetime,
) -> SignedIn:
    """Begin a session of the user a subject is linked to; an unknown one may become a new user.

    ``of_directory``: who it is of the other directory, where the provider speaks for that. Raises `Forbidden`
    (``identity_unknown``, ``identity_not_linked``, ``identity_unconfirmed``, ``user_inactive``).
    """
    row = store.provider_that_stays(session, provider_id)
    if row is None or not row.active:
        raise NotFound("There is no such identity provider", code="identity_provider_unknown")
    user_id = _linked(session, row, person, now) or of_directory or _made(session, row, person, address, now)
    proof = Proof(AuthenticatedBy.OIDC, person.authenticated_at or now, row.id, person.subject)
    return directory.begin_session(session, user_id, proof, address=address, agent=agent, previous=previous, now=now)


def is_linked(session: Session, provider_id: str, subject: str) -> bool:
    """Tell whether a subject is linked to somebody."""
    return store.identity_of(session, provider_id, subject) is not None


def may_come_in(session: Session, provider_id: str, user_id: str) -> bool:
    """Tell whether a person of the other directory may sign in: one who is known here, or may become it."""
    row = store.provider(session, provider_id)
    known = user_id in directory.get_users(session, [user_id]) or accounts.contact_of_user(session, user_id)
    return row is not None and (row.may_create_users or bool(known))


def keep_proven(session: Session, asked: Asked, person: Vouched) -> None:
    """Keep whom the provider vouched for, until the person confirms the link."""
    row = store.flow(session, asked.key)
    if row is None:
        raise _void()
    row.subject, row.email = person.subject, person.email
    session.flush()


def find_proven(session: Session, *, browser: str, caller: Caller, now: datetime) -> Proven | None:
    """Return the link that waits for the caller's confirmation in this browser."""
    row = store.proven(session, caller.user_id, hashed(browser), now)
    return None if row is None else _proven(session, row)


def confirm_link(session: Session, key: str, *, browser: str, caller: Caller, now: datetime) -> Identity:
    """Link a proven account to the caller.

    Raises `Gone` (``sign_in_void``) where nothing waits, or the password was set by a link meanwhile; `Conflict`
    (``identity_taken``).
    """
    person = directory.get_user(session, caller.user_id, lock=True)
    row = store.flow(session, key)
    if row is None or row.subject is None or row.user_id != caller.user_id or row.expires_at <= now:
        raise _void()
    if not hmac.compare_digest(row.browser_hash, hashed(browser)) or row.resets != person.resets or not person.active:
        raise _void()
    store.delete_flow(session, key)
    return link(
        session,
        person,
        row.provider_id,
        row.subject,
        email=row.email or "",
        by=LinkedBy.PERSON,
        actor=caller.actor,
        now=now,
    )


def note_refusal(session: Session, provider_id: str, *, code: str, subject: str, address: str, now: datetime) -> None:
    """Write down that somebody did not get in by a provider, and why; the subject where the provider said it."""
    after = {"code": code, "subject": subject}
    audit.record(
        session,
        actor=Actor("user", "unknown", "", address),
        action="oidc.refused",
        subject_type=SUBJECT,
        subject_id=provider_id,
        after=after,
        now=now,
    )


def forget_ended(session: Session, *, now: datetime) -> None:
    """Forget questions nobody answered in time; a timer of the worker calls it."""
    store.purge_flows(session, before=now)


def _linked(session: Session, provider: IdentityProvider, person: Vouched, now: datetime) -> str | None:
    found = store.identity_of(session, provider.id, person.subject)
    if found is None:
        return None
    user = directory.get_user(session, found.user_id, lock=True)
    found = store.identity_of(session, provider.id, person.subject)  # as it is now that nobody changes it
    if found is None or found.user_id != user.id:
        return None
    if found.resets != user.resets:
        raise domain.unconfirmed(provider_of(provider))
    found.last_used_at = now
    return user.id


def _made(session: Session, row: IdentityProvider, person: Vouched, address: str, now: datetime) -> str:
    provider = provider_of(row)
    domain.require_creatable(provider, person)
    if directory.find_user(session, person.email) is not None:
        raise domain.taken(provider, person)
    actor = Actor("system", provider.id, provider.name, address)
    made = directory.add_user(
        session,
        email=person.email,
        name=person.name or person.email,
        language=person.language,
        actor=actor,
        now=now,
    )
    by = LinkedBy.FIRST_SIGN_IN
    link(session, made, provider.id, person.subject, email=person.email, by=by, actor=actor, now=now)
    return made.id


def _proven(session: Session, row: OidcFlow) -> Proven:
    provider = store.providers_by_id(session, [row.provider_id])[row.provider_id]
    return Proven(row.state_hash, provider_of(provider), row.subject or "", row.email or "")


def _void() -> Gone:
    return Gone(
        "This sign-in cannot be completed, or no longer",
        code="sign_in_void",
        cause="It was begun in another browser, more than ten minutes ago, or has been completed.",
        fix="Begin again.",
    )
