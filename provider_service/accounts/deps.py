"""What requests to this slice depend on."""

from typing import Annotated

from fastapi import Depends, Request

from provider_service.accounts.domain import STAFF
from provider_service.accounts.service import AccountHooks
from provider_service.directory.deps import allowed
from provider_service.directory.domain import Caller
from shared.wire.states import Role


async def _hooks(request: Request) -> AccountHooks:
    hooks: AccountHooks = request.app.state.account_hooks
    return hooks


AccountHooksDep = Annotated[AccountHooks, Depends(_hooks)]
"""What the composition root has registered in ``app.state.account_hooks``."""

ReaderDep = Annotated[Caller, Depends(allowed(*STAFF, Role.SN_SB_PRO_CONSUMER, scope="companies:read"))]
"""Staff, and contacts, who see what is theirs."""
StaffDep = Annotated[Caller, Depends(allowed(*STAFF, scope="companies:read"))]
WriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="companies:write"))]
AdminDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="companies:write"))]
