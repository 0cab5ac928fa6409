"""The directory people are provisioned into: this instance's own, unless another one is set."""

from provider_service.context import Context
from provider_service.identity.calls.embedded import EmbeddedDirectory
from provider_service.identity.calls.remote import RemoteDirectory
from provider_service.identity.domain import Directory

__all__ = ["EmbeddedDirectory", "RemoteDirectory", "directory_of"]


def directory_of(context: Context) -> Directory:
    """Return the directory people are provisioned into (setting ``directory_url``)."""
    return RemoteDirectory(context) if context.settings.directory_url else EmbeddedDirectory(context)
