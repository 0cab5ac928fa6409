"""The port: what registration asks of an identity directory, whichever it is (design: self_service.md)."""

from dataclasses import dataclass
from typing import Protocol

from provider_service.audit.domain import Actor


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user as the directory knows it."""

    id: str
    """Its GUID there, with which contacts are stamped."""
    login: str
    email: str
    active: bool
    reference: str | None
    """Ours, where we made it."""
    name: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to make."""

    reference: str
    """Ours, kept before the call: by it the directory finds the user again whom a lost answer told us nothing of."""
    login: str
    email: str
    name: str
    language: str


class Directory(Protocol):
    """Every method may be repeated: doing it twice is one effect.

    Each raises `Unavailable` where the directory cannot be reached, `Conflict` where it refuses for good.
    """

    embedded: bool
    """Whether it is this instance's own, whose welcome mail is ours to send."""

    async def find_by_login(self, login: str) -> DirectoryUser | None:
        """Return the user with a login, however it is spelled."""
        ...

    async def mirror(self, user_id: str) -> DirectoryUser | None:
        """Return the user with a GUID, and let this instance's sessions follow what the directory says of them."""
        ...

    async def create_inactive(self, user: NewUser, *, actor: Actor) -> DirectoryUser:
        """Make a user who cannot sign in yet; return the one made before under the same reference."""
        ...

    async def activate(self, user_id: str, *, actor: Actor) -> None:
        """Let a user sign in."""
        ...

    async def deactivate(self, user_id: str, *, actor: Actor) -> None:
        """Shut a user out, and end its sessions where the directory keeps any."""
        ...

    async def grant(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Put a user into the group of a role, which is made where there is none."""
        ...

    async def revoke(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Take a user out of the group of a role."""
        ...
