"""What any other instance may ask without a signature; the answer is signed by the layer around the application."""

from fastapi import APIRouter, Depends

from provider_service.context import ContextDep
from provider_service.instance.deps import AnsweringDep, milliseconds
from shared.transport.conventions import known_parameters
from shared.wire.connection import Echo

router = APIRouter(prefix="/exchange/v1", tags=["exchange"], dependencies=[Depends(known_parameters)])


@router.get("/echo")
async def echo_instance(instance: AnsweringDep, context: ContextDep) -> Echo:
    """Say who answers here and what time it is, for pre-flight and diagnosis (docs/protocol.md, section 5)."""
    return Echo(
        issuer=instance.issuer,
        instance_id=instance.instance_id,
        epoch=instance.epoch,
        time=milliseconds(context.clock()),
    )
