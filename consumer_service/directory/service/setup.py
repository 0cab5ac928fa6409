"""The first administrator: by a token printed on the terminal, or out of the environment. Later nothing here works."""

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.directory import domain, store
from consumer_service.directory.domain import Person
from consumer_service.directory.service.hashing import NewPassword
from consumer_service.directory.service.people import add_user
from shared.wire.errors import Conflict, Gone


def needs_setup(session: Session) -> bool:
    """Tell whether nobody is known here yet."""
    return not store.any_user(session)


def issue_setup_token(session: Session, *, now: datetime) -> str:
    """Return a fresh token for whoever reads the terminal; an earlier one ends. Raises `Conflict` (``already_set_up``).

    It works once, for 30 minutes.
    """
    if store.any_user(session):
        raise _done()
    token = secrets.token_urlsafe(32)
    store.replace_setup_token(session, domain.hashed(token), now + domain.SETUP_TOKEN_LIFE)
    audit.record(
        session, actor=SYSTEM, action="setup.token_issued", subject_type="instance", subject_id="setup", now=now
    )
    return token


def claim_setup(
    session: Session,
    *,
    token: str,
    email: str,
    name: str,
    password: NewPassword,
    language: str = "en",
    address: str = "",
    now: datetime,
) -> Person:
    """Make the first administrator.

    Raises `Gone` (``setup_token_invalid``), `Conflict` (``already_set_up``), and as `add_user` does; then the token
    stays usable.
    """
    row = store.setup_token(session, domain.hashed(token))
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise Gone(
            "This setup link does not work, or no longer",
            code="setup_token_invalid",
            cause="It works once, for 30 minutes, and only the newest one.",
            fix="Restart the service, or ask its command line, for a new one.",
        )
    if store.any_user(session):
        raise _done()
    row.used_at = now
    return add_user(
        session,
        email=email,
        name=name,
        language=language,
        roles=domain.FIRST_ADMIN_ROLES,
        password=password,
        actor=Actor("operator", "setup", "setup", address),
        now=now,
    )


def ensure_admin_from_environment(
    session: Session, *, email: str, password: NewPassword, name: str = "Administrator", now: datetime
) -> Person | None:
    """Make the first administrator out of the settings; None where somebody is known already."""
    if store.any_user(session):
        return None
    return add_user(
        session,
        email=email,
        name=name,
        roles=domain.FIRST_ADMIN_ROLES,
        password=password,
        actor=Actor("operator", "environment", "environment"),
        now=now,
    )


def _done() -> Conflict:
    return Conflict(
        "This instance has its administrator already", code="already_set_up", fix="Sign in, or ask an administrator."
    )
