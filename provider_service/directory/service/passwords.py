"""Leave to set a password: by mail, or as a link an administrator hands on. Single use; the link is never stored."""

import secrets
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.directory import domain, store
from provider_service.directory.domain import Caller, Person
from provider_service.directory.service import sessions
from provider_service.directory.service.attempts import count_try, tries_left
from provider_service.directory.service.hashing import NewPassword
from provider_service.directory.service.people import get_user, person_of
from provider_service.directory.tables import PasswordLink, PasswordMail, User
from provider_service.mail import service as mail
from provider_service.mail.domain import Template
from shared.wire.errors import Conflict, Gone
from shared.wire.identifiers import new_id

Purpose = Literal["set", "reset"]

SECRET_KIND = "password"  # noqa: S105 - the name of a kind
"""Under which the worker registers `link_renderer` with the mail desk."""

LINK_PATH = "/set-password#token="
"""The secret stands behind the number sign: it reaches no server log and no referrer."""

_PURPOSE = "reset"
_TEMPLATES: dict[str, Template] = {"set": Template.SET_PASSWORD, "reset": Template.RESET_PASSWORD}


def request_reset(session: Session, *, email: str, address: str, instance: str, now: datetime) -> None:
    """Queue a reset mail for whoever has the address; for an address nobody has, do the same and send nothing.

    ``instance``: name of this instance in the mail. Raises `TooMany` (``locked_out``) by network address only.
    """
    count_try(session, domain.address_key(address, _PURPOSE), domain.RESETS_AN_ADDRESS, now)
    granted = tries_left(session, domain.account_key(email, _PURPOSE), domain.RESETS_AN_ACCOUNT, now)
    user = store.user_by_key(session, domain.email_key(email))
    known = user if user is not None and user.active and granted else None
    actor = Actor("user", known.id if known else "unknown", "", address)
    _queue(session, known, "reset", instance=instance, actor=actor, now=now)


def send_password_mail(session: Session, user_id: str, *, instance: str, caller: Caller, now: datetime) -> str:
    """Send a person leave to set a password: the first one, or another. Return the id of the mail.

    Raises `NotFound`, `Conflict` (``user_inactive``, ``user_of_directory``), `Forbidden` where the person has key roles
    and the caller may not give them.
    """
    user = _settable(session, user_id, caller)
    purpose: Purpose = "set" if user.password_hash is None else "reset"
    return _queue(session, user, purpose, instance=instance, actor=caller.actor, now=now)


def welcome(session: Session, user_id: str, *, instance: str, actor: Actor, now: datetime) -> str | None:
    """Send a new person leave to set a first password; None for one who has a password already."""
    user = store.user(session, user_id)
    if user is None or user.password_hash is not None or user.at_directory is not None:
        return None
    return _queue(session, user, "set", instance=instance, actor=actor, now=now)


def show_password_link(session: Session, user_id: str, *, issuer: str, caller: Caller, now: datetime) -> str:
    """Return a link to hand on by hand, where mail is off; shown once. Raises as `send_password_mail` does."""
    user = _settable(session, user_id, caller)
    leave = _leave(session, user, "set" if user.password_hash is None else "reset", now)
    _record(session, caller.actor, "password.link_shown", user.id, now)
    return _link(session, leave, issuer)


def link_renderer(issuer: str) -> mail.SecretRenderer:
    """Return what makes the links of password mails: a fresh secret at each hand-over, of which only a hash stays."""

    def render(session: Session, reference: str, now: datetime) -> str | None:
        leave = session.get(PasswordMail, reference)
        if leave is None or leave.user_id is None or not _open(leave, now):
            return None
        return _link(session, leave, issuer)

    return render


def set_password(session: Session, *, secret: str, password: NewPassword, address: str, now: datetime) -> Person:
    """Set the password of whoever the link was for; every session, token and other link of theirs ends.

    Whoever had got into the account before is out with that: what they linked to it is not believed any more either,
    until the person confirms it.

    Raises `Gone` (``link_invalid``) for a link that is unknown, used, expired or void, `Invalid` (``password_weak``),
    which leaves the link usable.
    """
    leave = store.mail_by_secret(session, domain.hashed(secret))
    user = store.user(session, leave.user_id, lock=True) if leave is not None and leave.user_id else None
    if leave is None or user is None or not user.active or not _open(leave, now):
        raise Gone(
            "This link does not work, or no longer",
            code="link_invalid",
            cause="A link works once, for a limited time, and until another one has been used.",
            fix="Ask for a new one.",
        )
    _change(session, user, password, now)
    user.resets += 1
    store.revoke_tokens(session, user.id, now)
    session.flush()
    _record(session, Actor("user", user.id, user.name, address), "password.set", user.id, now)
    return person_of(user, store.roles(session, [user.id])[user.id])


def change_password(
    session: Session, *, password: NewPassword, caller: Caller, agent: str = "", now: datetime
) -> sessions.SignedIn:
    """Change the caller's own password after the old one was checked; begin a new session, every other one ends."""
    user = store.user(session, caller.user_id, lock=True)
    if user is None or not user.active:
        raise Gone("This person is no longer active", code="user_inactive")
    _change(session, user, password, now)
    _record(session, caller.actor, "password.changed", user.id, now)
    cookie = sessions.start_session(session, user, address=caller.actor.address, agent=agent, now=now)
    person = person_of(user, store.roles(session, [user.id])[user.id])
    return sessions.SignedIn(cookie, person, now + domain.SESSION_LIFE)


def _change(session: Session, user: User, password: NewPassword, now: datetime) -> None:
    domain.check_password(password.plain, email=user.email, name=user.name)
    user.password_hash, user.password_changed_at, user.updated_at = password.hash, now, now
    user.version += 1
    store.end_sessions(session, user.id)
    store.end_password_mails(session, user.id, now)
    store.clear_attempts(session, [domain.account_key(user.email, sessions.PURPOSE)])
    session.flush()


def _settable(session: Session, user_id: str, caller: Caller) -> User:
    person = get_user(session, user_id)
    domain.require_power_over(caller, person.roles)
    domain.require_ours(person)
    user = store.user(session, user_id, lock=True)
    if user is None or not user.active:
        raise Conflict("This person is not active", code="user_inactive", fix="Activate the person first.")
    return user


def _queue(session: Session, user: User | None, purpose: Purpose, *, instance: str, actor: Actor, now: datetime) -> str:
    leave = _leave(session, user, purpose, now)
    hours = int(domain.LINK_LIFE[purpose].total_seconds() // 3600)
    mail_id = mail.enqueue(
        session,
        to=user.email if user else "",
        template=_TEMPLATES[purpose],
        language=user.language if user else "en",
        parameters={
            "name": user.name if user else "",
            "instance": instance,
            "hours": hours,
            "link": {"secret": f"{SECRET_KIND}:{leave.id}"},
        },
        related_type="user",
        related_id=user.id if user else "unknown",
        now=now,
    )
    _record(session, actor, "password.mail_queued", user.id if user else "unknown", now)
    return mail_id


def _leave(session: Session, user: User | None, purpose: Purpose, now: datetime) -> PasswordMail:
    leave = PasswordMail(
        id=new_id(),
        user_id=user.id if user else None,
        purpose=purpose,
        created_at=now,
        expires_at=now + domain.LINK_LIFE[purpose],
        ended_at=None,
    )
    session.add(leave)
    session.flush()
    return leave


def _link(session: Session, leave: PasswordMail, issuer: str) -> str:
    secret = secrets.token_urlsafe(32)
    session.add(PasswordLink(secret_hash=domain.hashed(secret), mail_id=leave.id))
    session.flush()
    return f"{issuer}{LINK_PATH}{secret}"


def _open(leave: PasswordMail, now: datetime) -> bool:
    return leave.ended_at is None and now < leave.expires_at


def _record(session: Session, actor: Actor, action: str, user_id: str, now: datetime) -> None:
    audit.record(session, actor=actor, action=action, subject_type="user", subject_id=user_id, now=now)
