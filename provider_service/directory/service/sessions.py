"""Signing in and out, and who stands behind a session cookie."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import domain, store
from provider_service.directory.domain import LOCAL, AuthenticatedBy, Caller, Person, Proof
from provider_service.directory.service.attempts import count_try
from provider_service.directory.service.hashing import Verdict
from provider_service.directory.service.people import person_of
from provider_service.directory.tables import User, UserSession
from shared.wire.errors import Forbidden, Unauthenticated

PURPOSE = "sign-in"
_CSRF_CONTEXT = b"service-exchange-session-csrf-v1"


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A try that has been counted, waiting for the verdict on its password."""

    email: str
    address: str
    user_id: str | None
    stored_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun."""

    cookie: str = field(repr=False)
    """The value to set; the server keeps only its hash."""
    person: Person
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who a credential stands for."""

    caller: Caller
    key: str
    """What to note the use of it under."""
    note_due: bool


def begin_sign_in(session: Session, *, email: str, address: str, now: datetime) -> SignInAttempt:
    """Count a try, then say what its password is to be compared with, outside the transaction.

    The count comes first, so that tries at the same moment cannot slip past it. Raises `TooMany` (``locked_out``),
    alike for accounts that exist and those that do not.
    """
    count_try(session, domain.address_key(address, PURPOSE), domain.ADDRESS_TRIES, now)
    count_try(session, domain.account_key(email, PURPOSE), domain.ACCOUNT_TRIES, now)
    user = store.user_by_key(session, domain.email_key(email)) or store.user_by_login(session, domain.email_key(email))
    usable = user is not None and user.active
    return SignInAttempt(
        email=email,
        address=address,
        user_id=user.id if user and usable else None,
        stored_hash=user.password_hash if user and usable else None,
    )


def complete_sign_in(
    session: Session,
    attempt: SignInAttempt,
    verdict: Verdict,
    *,
    agent: str = "",
    previous: str | None = None,
    now: datetime,
) -> SignedIn | None:
    """Begin a session where the password was right, otherwise write the refusal down and return None.

    ``previous``: the session cookie that came with the request; that session ends, so that nobody can plant one.
    """
    user = store.user(session, attempt.user_id, lock=True) if attempt.user_id else None
    if user is None or not verdict.right or not user.active or user.password_hash != attempt.stored_hash:
        _record_refusal(session, attempt, now)
        return None
    store.clear_attempts(session, [domain.account_key(attempt.email, PURPOSE)])
    if verdict.rehashed is not None:
        user.password_hash = verdict.rehashed
    return _signed_in(session, user, LOCAL, address=attempt.address, agent=agent, previous=previous, now=now)


def begin_session(
    session: Session,
    user_id: str,
    proof: Proof,
    *,
    address: str,
    agent: str = "",
    previous: str | None = None,
    now: datetime,
) -> SignedIn:
    """Begin a session of somebody whom an identity provider vouches for; whether it may is for the caller to say.

    ``previous`` as in `complete_sign_in`. Raises `Forbidden` (``user_inactive``).
    """
    user = store.user(session, user_id, lock=True)
    if user is None or not user.active:
        raise Forbidden(
            "This person may not sign in", code="user_inactive", fix="Ask an administrator to activate the person."
        )
    return _signed_in(session, user, proof, address=address, agent=agent, previous=previous, now=now)


def _signed_in(
    session: Session, user: User, proof: Proof, *, address: str, agent: str, previous: str | None, now: datetime
) -> SignedIn:
    user.last_sign_in_at = now
    if previous is not None:
        store.end_session(session, domain.hashed(previous))
    cookie = start_session(session, user, proof=proof, address=address, agent=agent, now=now)
    person = person_of(user, store.roles(session, [user.id])[user.id])
    return SignedIn(cookie, person, now + domain.SESSION_LIFE)


def start_session(
    session: Session, user: User, *, proof: Proof = LOCAL, address: str, agent: str, now: datetime
) -> str:
    """Begin a session of a user and return its cookie's value, 256 random bits."""
    cookie = secrets.token_urlsafe(32)
    row = UserSession(
        id_hash=domain.hashed(cookie),
        user_id=user.id,
        address=address,
        agent=agent[:200],
        authenticated_by=proof.by.value,
        authenticated_at=proof.at or now,
        provider_id=proof.provider_id,
        subject=proof.subject,
        created_at=now,
        last_seen_at=now,
    )
    session.add(row)
    session.flush()
    actor = Actor("user", user.id, user.name, address)
    after = None if proof.provider_id is None else {"by": proof.by.value, "provider_id": proof.provider_id}
    audit.record(
        session,
        actor=actor,
        action="session.started",
        subject_type="user",
        subject_id=user.id,
        after=after,
        now=now,
    )
    return cookie


def resolve_session(session: Session, cookie: str, *, address: str, now: datetime) -> Resolved:
    """Return who a session cookie stands for. Raises `Unauthenticated` (``session_ended``)."""
    row = store.session_by_hash(session, domain.hashed(cookie))
    user = store.user(session, row.user_id) if row is not None else None
    if row is None or user is None or not user.active or domain.session_over(row.created_at, row.last_seen_at, now):
        raise Unauthenticated("You are not signed in, or no longer", code="session_ended", fix="Sign in again.")
    caller = Caller(
        actor=Actor("user", user.id, user.name, address),
        user_id=user.id,
        roles=store.roles(session, [user.id])[user.id],
        csrf_secret=hmac.digest(cookie.encode("utf-8", "surrogatepass"), _CSRF_CONTEXT, hashlib.sha256),
        email=user.email,
        language=user.language,
        proof=Proof(AuthenticatedBy(row.authenticated_by), row.authenticated_at, row.provider_id, row.subject),
        mailbox_proven=user.at_directory is None,
    )
    return Resolved(caller, row.id_hash, domain.note_due(row.last_seen_at, now))


def note_session(session: Session, key: str, *, now: datetime) -> None:
    """Write down that a session was used."""
    store.note_session(session, key, now)


def sign_out(session: Session, cookie: str, *, caller: Caller, now: datetime) -> None:
    """End a session."""
    store.end_session(session, domain.hashed(cookie))
    audit.record(
        session, actor=caller.actor, action="session.ended", subject_type="user", subject_id=caller.user_id, now=now
    )


def end_sessions(session: Session, user_id: str, *, caller: Caller, now: datetime) -> None:
    """End every session of a person."""
    store.end_sessions(session, user_id)
    audit.record(
        session, actor=caller.actor, action="session.all_ended", subject_type="user", subject_id=user_id, now=now
    )


def end_identity(session: Session, provider_id: str, subject: str | None = None, *, now: datetime) -> None:
    """End every session that began by a provider's word, and every token made in one: about ``subject``, or anybody."""
    store.end_identity(session, provider_id, subject, now)


def _record_refusal(session: Session, attempt: SignInAttempt, now: datetime) -> None:
    actor = Actor("user", attempt.user_id or "unknown", "", attempt.address)
    audit.record(
        session,
        actor=actor,
        action="session.refused",
        subject_type="user",
        subject_id=attempt.user_id or "unknown",
        now=now,
    )
