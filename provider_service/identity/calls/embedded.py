"""The embedded directory behind the port: the users and groups of this instance's own database."""

from typing import Final

from sqlalchemy.orm import Session

from provider_service.audit.domain import Actor
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.directory.domain import Person
from provider_service.identity.domain import DirectoryUser, NewUser

PRIVILEGED: Final = True
"""What the groups of roles grant lies here, so no client of another directory writes them."""


class EmbeddedDirectory:
    """`provider_service.identity.domain.Directory` on our own database; each call is one transaction."""

    embedded = True

    def __init__(self, context: Context) -> None:
        self._context = context

    async def find_by_login(self, login: str) -> DirectoryUser | None:
        """Return the user with a login."""
        return await self._context.database.read(find_login, login)

    async def mirror(self, user_id: str) -> DirectoryUser | None:
        """Return the user with a GUID; sessions look at this directory anyway."""
        found = await self._context.database.read(directory.get_users, [user_id])
        return _user(found[user_id]) if user_id in found else None

    async def create_inactive(self, user: NewUser, *, actor: Actor) -> DirectoryUser:
        """Make an inactive user. Raises `Conflict` (``login_taken``, ``email_taken``)."""
        now = self._context.clock()

        def work(session: Session) -> DirectoryUser:
            made = directory.get_users(session, [user.reference]).get(user.reference)
            if made is None:
                made = directory.add_user(
                    session,
                    id_=user.reference,
                    email=user.email,
                    login=user.login,
                    name=user.name,
                    language=user.language,
                    active=False,
                    actor=actor,
                    now=now,
                )
            return _user(made)

        return await self._context.database.write(work)

    async def activate(self, user_id: str, *, actor: Actor) -> None:
        """Let a user sign in."""
        now = self._context.clock()
        await self._context.database.write(directory.set_active, user_id, active=True, actor=actor, now=now)

    async def deactivate(self, user_id: str, *, actor: Actor) -> None:
        """Shut a user out; its sessions end."""
        now = self._context.clock()
        await self._context.database.write(directory.set_active, user_id, active=False, actor=actor, now=now)

    async def grant(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Put a user into the group of a role."""
        now = self._context.clock()

        def work(session: Session) -> None:
            found = directory.ensure_group(session, group, privileged=PRIVILEGED, actor=actor, now=now)
            directory.add_member(session, found.id, user_id, actor=actor, now=now)

        await self._context.database.write(work)

    async def revoke(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Take a user out of the group of a role."""
        now = self._context.clock()

        def work(session: Session) -> None:
            found = directory.find_group(session, group)
            if found is not None:
                directory.remove_member(session, found.id, user_id, actor=actor, now=now)

        await self._context.database.write(work)


def find_login(session: Session, login: str) -> DirectoryUser | None:
    """Return the user with a login, inside a transaction: what the embedded directory has above any other."""
    found = directory.find_login(session, login)
    return None if found is None else _user(found)


def _user(person: Person) -> DirectoryUser:
    return DirectoryUser(person.id, person.login, person.email, person.active, person.id, person.name, person.language)
