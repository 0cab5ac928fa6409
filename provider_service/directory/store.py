"""Queries of people and their credentials."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from provider_service.directory.tables import (
    ApiToken,
    Attempt,
    Group,
    GroupMember,
    PasswordLink,
    PasswordMail,
    SetupToken,
    User,
    UserRole,
    UserSession,
)
from shared.wire.states import Role


def user(session: Session, user_id: str, *, lock: bool = False) -> User | None:
    """Return a user by id, locked where it is to be changed."""
    return session.get(User, user_id, with_for_update=lock or None, populate_existing=lock)


def mirrored_user(session: Session, user_id: str, now: datetime) -> User:
    """Return the row of a person of the other directory, locked; a new one has no login yet."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {
        "id": user_id,
        "email": "",
        "email_key": f" {user_id}",  # no key of an address or login begins with a blank
        "login": "",
        "login_key": f" {user_id}",
        "name": "",
        "language": "en",
        "active": False,
        "at_directory": "inactive",
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    session.execute(dialect.insert(User).values(fresh).on_conflict_do_nothing())
    return session.get_one(User, user_id, with_for_update=True, populate_existing=True)


def mirrored_inside(session: Session, now: datetime) -> Sequence[str]:
    """Return the ids of people of the other directory with a session or a token."""
    signed_in = select(UserSession.user_id)
    with_token = select(ApiToken.user_id).where(ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
    query = select(User.id).where(User.at_directory.is_not(None), User.active)
    return session.scalars(query.where(User.id.in_(signed_in) | User.id.in_(with_token)).order_by(User.id)).all()


def users(session: Session, user_ids: Collection[str]) -> Sequence[User]:
    """Return users by id."""
    return session.scalars(select(User).where(User.id.in_(user_ids))).all()


def user_by_key(session: Session, key: str) -> User | None:
    """Return a user by the folded address."""
    return session.scalars(select(User).where(User.email_key == key)).one_or_none()


def user_by_login(session: Session, key: str) -> User | None:
    """Return a user by the folded login."""
    return session.scalars(select(User).where(User.login_key == key)).one_or_none()


def ids_named(session: Session, key: str) -> Sequence[str]:
    """Return who has a folded address or login."""
    return session.scalars(select(User.id).where((User.email_key == key) | (User.login_key == key))).all()


def group(session: Session, group_id: str, *, lock: bool = False) -> Group | None:
    """Return a group by id, locked where it is to be changed."""
    return session.get(Group, group_id, with_for_update=lock or None, populate_existing=lock)


def group_by_key(session: Session, key: str) -> Group | None:
    """Return a group by the folded name."""
    return session.scalars(select(Group).where(Group.name_key == key)).one_or_none()


def groups(session: Session, *, after: str | None, limit: int) -> Sequence[Group]:
    """Return groups in order of their creation."""
    query = select(Group).order_by(Group.id).limit(limit)
    return session.scalars(query if after is None else query.where(Group.id > after)).all()


def groups_of(session: Session, user_ids: Collection[str]) -> dict[str, list[Group]]:
    """Return the groups of each of these users."""
    query = (
        select(GroupMember.user_id, Group)
        .join(Group, Group.id == GroupMember.group_id)
        .where(GroupMember.user_id.in_(user_ids))
        .order_by(Group.id)
    )
    found: dict[str, list[Group]] = {user_id: [] for user_id in user_ids}
    for user_id, held in session.execute(query):
        found[user_id].append(held)
    return found


def members(session: Session, group_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the ids of the people of each of these groups."""
    query = select(GroupMember).where(GroupMember.group_id.in_(group_ids)).order_by(GroupMember.user_id)
    found: dict[str, list[str]] = {group_id: [] for group_id in group_ids}
    for row in session.scalars(query):
        found[row.group_id].append(row.user_id)
    return found


def is_member(session: Session, group_id: str, user_id: str) -> bool:
    """Tell whether a person is in a group."""
    return session.get(GroupMember, (group_id, user_id), populate_existing=True) is not None


def change_members(session: Session, group_id: str, *, lost: Collection[str], gained: Collection[str]) -> None:
    """Take people out of a group and put others in."""
    session.execute(delete(GroupMember).where(GroupMember.group_id == group_id, GroupMember.user_id.in_(lost)))
    rows = [{"group_id": group_id, "user_id": user_id} for user_id in sorted(gained)]
    if rows:
        session.execute(insert(GroupMember), rows)


def delete_group(session: Session, group_id: str) -> None:
    """Remove a group that has no members any more."""
    session.execute(delete(Group).where(Group.id == group_id))


def any_user(session: Session) -> bool:
    """Tell whether anybody is known here."""
    return session.scalars(select(User.id).limit(1)).first() is not None


def page(
    session: Session, *, active: bool | None, email: str | None, role: str | None, after: str | None, limit: int
) -> Sequence[User]:
    """Return users in order of their creation."""
    query = select(User).order_by(User.id).limit(limit)
    if active is not None:
        query = query.where(User.active == active)
    if email is not None:
        query = query.where(User.email_key == email)
    if role is not None:
        query = query.where(User.id.in_(select(UserRole.user_id).where(UserRole.role == role)))
    if after is not None:
        query = query.where(User.id > after)
    return session.scalars(query).all()


def roles(session: Session, user_ids: Collection[str]) -> dict[str, frozenset[Role]]:
    """Return the roles of each of these users."""
    found: dict[str, set[Role]] = {user_id: set() for user_id in user_ids}
    for row in session.scalars(select(UserRole).where(UserRole.user_id.in_(user_ids))):
        found[row.user_id].add(Role(row.role))
    return {user_id: frozenset(held) for user_id, held in found.items()}


def change_roles(session: Session, user_id: str, *, lost: Iterable[Role], gained: Iterable[Role]) -> None:
    """Take roles from a user and give others; rows of roles that stay are not touched."""
    session.execute(delete(UserRole).where(UserRole.user_id == user_id, UserRole.role.in_(list(lost))))
    rows = [{"user_id": user_id, "role": role.value} for role in sorted(gained)]
    if rows:
        session.execute(insert(UserRole), rows)


def active_holders(session: Session, role: Role) -> list[str]:
    """Return the active users that hold a role, locking both rows, so that two cannot leave it at once."""
    query = (
        select(UserRole.user_id)
        .join(User, User.id == UserRole.user_id)
        .where(UserRole.role == role, User.active)
        .order_by(UserRole.user_id)
        .with_for_update()
    )
    return list(session.scalars(query))


def with_password(session: Session, user_ids: Collection[str]) -> set[str]:
    """Return which of these users have a local password."""
    return set(session.scalars(select(User.id).where(User.id.in_(user_ids), User.password_hash.is_not(None))))


def session_by_hash(session: Session, id_hash: str) -> UserSession | None:
    """Return a session."""
    return session.get(UserSession, id_hash)


def end_sessions(session: Session, user_id: str, *, but: str | None = None) -> None:
    """End the sessions of a user, except the one whose hash is ``but``."""
    query = delete(UserSession).where(UserSession.user_id == user_id)
    session.execute(query if but is None else query.where(UserSession.id_hash != but))


def end_identity(session: Session, provider_id: str, subject: str | None, now: datetime) -> None:
    """End what began by the word of an identity provider, about one subject or about anybody: sessions and tokens."""
    ended = delete(UserSession).where(UserSession.provider_id == provider_id)
    revoked = update(ApiToken).where(ApiToken.provider_id == provider_id, ApiToken.revoked_at.is_(None))
    if subject is not None:
        ended, revoked = ended.where(UserSession.subject == subject), revoked.where(ApiToken.subject == subject)
    session.execute(ended)
    session.execute(revoked.values(revoked_at=now))


def revoke_tokens(session: Session, user_id: str, now: datetime) -> None:
    """End every token of a user."""
    query = update(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    session.execute(query.values(revoked_at=now))


def end_session(session: Session, id_hash: str) -> None:
    """End one session."""
    session.execute(delete(UserSession).where(UserSession.id_hash == id_hash))


def purge_sessions(session: Session, *, seen_before: datetime, created_before: datetime) -> None:
    """Remove sessions that have ended by idleness or age."""
    session.execute(
        delete(UserSession).where((UserSession.last_seen_at < seen_before) | (UserSession.created_at < created_before))
    )


def note_session(session: Session, id_hash: str, now: datetime) -> None:
    """Write down that a session was used."""
    session.execute(update(UserSession).where(UserSession.id_hash == id_hash).values(last_seen_at=now))


def note_token(session: Session, token_id: str, now: datetime) -> None:
    """Write down that a token was used."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


def token_by_hash(session: Session, token_hash: str) -> ApiToken | None:
    """Return a token."""
    return session.scalars(select(ApiToken).where(ApiToken.token_hash == token_hash)).one_or_none()


def tokens(session: Session, *, user_id: str | None, after: str | None, limit: int) -> Sequence[ApiToken]:
    """Return tokens in order of their creation, of one user or of all."""
    query = select(ApiToken).order_by(ApiToken.id).limit(limit)
    if user_id is not None:
        query = query.where(ApiToken.user_id == user_id)
    if after is not None:
        query = query.where(ApiToken.id > after)
    return session.scalars(query).all()


def mail_by_secret(session: Session, secret_hash: str) -> PasswordMail | None:
    """Return the password mail a secret belongs to, locked."""
    query = (
        select(PasswordMail)
        .join(PasswordLink, PasswordLink.mail_id == PasswordMail.id)
        .where(PasswordLink.secret_hash == secret_hash)
        .with_for_update(of=PasswordMail)
    )
    return session.scalars(query).one_or_none()


def end_password_mails(session: Session, user_id: str, now: datetime) -> None:
    """Make every leave of a user to set a password void."""
    query = update(PasswordMail).where(PasswordMail.user_id == user_id, PasswordMail.ended_at.is_(None))
    session.execute(query.values(ended_at=now))


def attempt(session: Session, key: str, now: datetime) -> Attempt:
    """Return the counter under ``key``, locked; a new one begins at 0."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {"key": key, "count": 0, "last_at": now}
    session.execute(dialect.insert(Attempt).values(fresh).on_conflict_do_nothing())
    return session.get_one(Attempt, key, with_for_update=True, populate_existing=True)


def forget_attempts(session: Session, *, before: datetime) -> None:
    """Remove counters not used since an instant."""
    session.execute(delete(Attempt).where(Attempt.last_at < before))


def clear_attempts(session: Session, keys: Collection[str]) -> None:
    """Begin counting anew."""
    session.execute(delete(Attempt).where(Attempt.key.in_(keys)))


def replace_setup_token(session: Session, token_hash: str, expires_at: datetime) -> None:
    """Let this be the only setup token."""
    session.execute(delete(SetupToken))
    session.add(SetupToken(token_hash=token_hash, expires_at=expires_at, used_at=None))
    session.flush()


def setup_token(session: Session, token_hash: str) -> SetupToken | None:
    """Return a setup token, locked."""
    return session.get(SetupToken, token_hash, with_for_update=True)
