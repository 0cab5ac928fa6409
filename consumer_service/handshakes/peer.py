"""What providers may tell us about a registration: that they cancelled it (docs/protocol.md, section 7)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from consumer_service.context import ContextDep
from consumer_service.handshakes import service
from consumer_service.instance.deps import AnsweringDep
from shared.signing.errors import KeyUnknown
from shared.transport.conventions import known_parameters
from shared.transport.inbound import parsed, read_signed
from shared.transport.openapi import signed_body
from shared.wire.registration import Cancellation, RegistrationStatus
from shared.wire.version import JSON_TYPE

router = APIRouter(prefix="/exchange/v1/registrations", tags=["exchange"], dependencies=[Depends(known_parameters)])

Number = Annotated[str, Path(pattern=r"^REG\d{7,10}$", examples=["REG0000001"])]


@router.post("/{number}/cancellation", response_model=RegistrationStatus, openapi_extra=signed_body(Cancellation))
async def cancel_registration_as_provider(
    number: Number, request: Request, context: ContextDep, instance: AnsweringDep
) -> Response:
    """The provider has cancelled the registration."""
    now = context.clock()
    signed = await read_signed(request, issuer=instance.issuer, now=int(now.timestamp()), requires_idempotency_key=True)
    connection_id, key = await context.database.read(service.provider_key, number, signed.key_id, now)
    if key is None:
        raise KeyUnknown("No provider of such a registration signs with this key")
    verified = signed.verify(key)
    body = parsed(Cancellation, verified.body)
    answer = await context.database.write(
        service.cancel_by_peer, connection_id=connection_id, request=verified, body=body, now=now
    )
    return Response(answer.body, answer.status, media_type=JSON_TYPE)
