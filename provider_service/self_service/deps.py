"""What requests to this slice depend on."""

from typing import Annotated

from fastapi import Depends

from provider_service.directory.deps import scoped
from provider_service.directory.domain import Caller

ReaderDep = Annotated[Caller, Depends(scoped("self_service:read"))]
"""Anybody who is signed in; what they see, the use cases say by privilege and account."""
WriterDep = Annotated[Caller, Depends(scoped("self_service:write"))]
