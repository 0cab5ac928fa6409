"""What requests to this slice depend on."""

from typing import Annotated

from fastapi import Depends, Request

from provider_service.audit.deps import Authorise, allowed
from provider_service.audit.domain import Actor
from provider_service.keys.domain import MANAGERS, READERS
from provider_service.keys.service import KeyHooks
from shared.wire.errors import Forbidden
from shared.wire.states import Role


async def _hooks(request: Request) -> KeyHooks:
    hooks: KeyHooks = request.app.state.key_hooks
    return hooks


async def _diagnostician(request: Request) -> bool:
    authorise: Authorise = request.app.state.authorise
    try:
        await authorise(request, frozenset(READERS), "keys:read")
    except Forbidden:
        await authorise(request, frozenset(Role), "keys:read")
        return False
    return True


KeyHooksDep = Annotated[KeyHooks, Depends(_hooks)]
"""What the composition root has registered in ``app.state.key_hooks``."""

DiagnosticianDep = Annotated[bool, Depends(_diagnostician)]
"""Whether the caller, whoever signed in it is, holds a role that may read the diagnosis."""

ReaderDep = Annotated[Actor, Depends(allowed(*READERS, scope="keys:read"))]
ManagerDep = Annotated[Actor, Depends(allowed(*MANAGERS, scope="keys:write"))]
