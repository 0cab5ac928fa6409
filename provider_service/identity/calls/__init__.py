"""The directory people are provisioned into: this instance's own, unless another one is set."""

from typing import TYPE_CHECKING

from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.identity.calls.embedded import EmbeddedDirectory
from provider_service.identity.domain import Directory
from shared.wire.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from provider_service.identity.calls.remote import RemoteDirectory

__all__ = ["EmbeddedDirectory", "directory_of", "follow", "other_directory"]


def directory_of(context: Context) -> Directory:
    """Return the directory people are provisioned into (setting ``directory_url``)."""
    return other_directory(context) or EmbeddedDirectory(context)


def other_directory(context: Context) -> "RemoteDirectory | None":
    """Return the directory people are provisioned into where it is not this instance's own."""
    if not context.settings.directory_url:
        return None
    from provider_service.identity.calls.remote import RemoteDirectory  # noqa: PLC0415 - slow to load, seldom wanted

    return RemoteDirectory(context)


async def follow(context: Context) -> None:
    """Ask about the people of the other directory who are inside; whom it does not have active any more is out."""
    other = other_directory(context)
    if other is None:
        return
    for user_id in await context.database.read(directory.mirrored_inside, now=context.clock()):
        try:
            await other.mirror(user_id)
        except Unavailable:
            return
        except Conflict:  # about this one; the others are asked about all the same
            continue
