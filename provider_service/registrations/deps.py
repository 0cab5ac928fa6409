"""Who may read registration tasks."""

from typing import Annotated

from fastapi import Depends

from provider_service.accounts.domain import STAFF
from provider_service.directory.deps import allowed
from provider_service.directory.domain import Caller
from shared.wire.states import Role

ReaderDep = Annotated[Caller, Depends(allowed(*STAFF, Role.SN_SB_PRO_CONSUMER, scope="registrations:read"))]
"""Staff, and contacts, who see the tasks that name them."""
