"""What requests to this slice depend on."""

from typing import Annotated

from fastapi import Depends, Request

from provider_service.audit.deps import allowed
from provider_service.audit.domain import Actor
from provider_service.health.domain import CheckRegistry
from shared.wire.states import Role


async def _registry(request: Request) -> CheckRegistry:
    registry: CheckRegistry = request.app.state.checks
    return registry


RegistryDep = Annotated[CheckRegistry, Depends(_registry)]
"""The checks the composition root has registered in ``app.state.checks``."""

ReaderDep = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="issues:read"))]
WriterDep = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="issues:write"))]
