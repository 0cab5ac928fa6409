"""Who calls the handshake's endpoints: the instance a registration is bound to, by a verified signature."""

from typing import Annotated

from fastapi import Depends, Path, Request

from provider_service.context import ContextDep
from provider_service.handshakes import service
from provider_service.instance.deps import AnsweringDep
from shared.signing.errors import KeyUnknown
from shared.signing.requests import UnverifiedRequest, VerifiedRequest
from shared.transport.inbound import read_signed

Number = Annotated[str, Path(pattern=r"^REG\d{7,10}$", examples=["REG0000001"])]
"""Number of a registration task."""


async def _in_form(request: Request, context: ContextDep, instance: AnsweringDep) -> UnverifiedRequest:
    now = int(context.clock().timestamp())
    unsafe = request.method != "GET"
    return await read_signed(request, issuer=instance.issuer, now=now, requires_idempotency_key=unsafe)


InFormDep = Annotated[UnverifiedRequest, Depends(_in_form)]
"""A request in the right form, its sender not yet known."""


async def _bound_peer(number: Number, request: InFormDep, context: ContextDep) -> VerifiedRequest:
    known = await context.database.read(service.keys_of, number, context.clock())
    key = known.get(request.key_id)
    if key is None:
        raise KeyUnknown(
            "No usable key of this id is bound to the registration",
            cause="The registration has not been announced by this instance, or its key set has changed.",
            fix="Announce first.",
        )
    return request.verify(key)


BoundPeerDep = Annotated[VerifiedRequest, Depends(_bound_peer)]
"""A request signed by the instance the registration is bound to."""
