"""The discovery document; it carries the key set, and the layer around the application signs the answer."""

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from provider_service.context import ContextDep
from provider_service.instance.deps import AnsweringDep
from provider_service.instance.domain import Instance, discovery
from provider_service.keys import service
from shared.transport.conventions import known_parameters
from shared.wire.discovery import Discovery, QuotaLimits
from shared.wire.version import WELL_KNOWN_PATH

router = APIRouter(tags=["exchange"], dependencies=[Depends(known_parameters)])


@router.get(WELL_KNOWN_PATH)
async def discover_instance(instance: AnsweringDep, context: ContextDep) -> Discovery:
    """Say who this instance is, what it can do, and which keys it stands for (docs/protocol.md, section 5)."""
    return await context.database.read(_document, instance, context.settings.quotas)


def _document(session: Session, instance: Instance, quotas: QuotaLimits) -> Discovery:
    return discovery(instance, service.key_set(session), quotas)
