"""What requests to this slice depend on."""

from typing import Annotated

from fastapi import Depends

from provider_service.directory.deps import allowed, scoped
from provider_service.directory.domain import Caller
from shared.wire.states import Role

ReaderDep = Annotated[Caller, Depends(scoped("self_service:read"))]
"""Anybody who is signed in; what they see, the use cases say by privilege and account."""
WriterDep = Annotated[Caller, Depends(scoped("self_service:write"))]
StaffDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="self_service:read"))]
