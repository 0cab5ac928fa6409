"""The handshake's endpoints for consumers' instances (docs/protocol.md, section 7)."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Depends, Response
from sqlalchemy.orm import Session

from provider_service.context import Context, ContextDep
from provider_service.handshakes import calls, service
from provider_service.handshakes.deps import BoundPeerDep, InFormDep, Number
from shared.delivery.answers import StoredAnswer
from shared.signing.errors import KeyUnknown
from shared.signing.keysets import verifying_keys
from shared.transport.conventions import known_parameters
from shared.transport.inbound import parsed
from shared.transport.openapi import signed_body
from shared.wire.errors import Conflict, Forbidden, Gone, Invalid
from shared.wire.registration import (
    Announcement,
    AnnouncementAnswer,
    AuthorizationAnswer,
    AuthorizationRequest,
    Cancellation,
    Completion,
    CompletionAnswer,
    RegistrationStatus,
    Reveal,
)
from shared.wire.states import DeliveryMode, KeyPurpose, Step
from shared.wire.version import JSON_TYPE

router = APIRouter(prefix="/exchange/v1/registrations", tags=["exchange"], dependencies=[Depends(known_parameters)])


@router.post("/{number}/announcement", response_model=AnnouncementAnswer, openapi_extra=signed_body(Announcement))
async def announce_consumer(number: Number, request: InFormDep, context: ContextDep) -> Response:
    """A consumer brings its token and its keys; parsed before it is verified, as it carries the key (section 7)."""
    now = context.clock()
    body = parsed(Announcement, request.body)
    known = verifying_keys(service.key_set_of(body, now), KeyPurpose.HTTP)
    if request.key_id not in known:
        raise KeyUnknown("The request is not signed by a key of the key set it carries")
    verified = request.verify(known[request.key_id])
    try:
        url = await context.database.read(service.expect_announcement, number, body, now)
        if body.delivery is DeliveryMode.PUSH:
            await calls.check_address(context, url, body)
    except (Conflict, Forbidden, Gone) as error:
        await context.database.write(
            service.note_announcement, number=number, announcement=body, error=error, now=context.clock()
        )
        raise
    return _answer(
        await context.database.write(
            service.announce, number=number, request=verified, announcement=body, now=context.clock()
        )
    )


@router.post("/{number}/reveal", response_model=RegistrationStatus, openapi_extra=signed_body(Reveal))
async def reveal_nonce(number: Number, request: BoundPeerDep, context: ContextDep) -> Response:
    """The consumer opens its commitment; from here both sides show the comparison code."""
    body = parsed(Reveal, request.body)
    with_body = partial(service.reveal, number=number, request=request, body=body, now=context.clock())
    return _answer(await _noted(context, number, Step.ANNOUNCEMENT, with_body))


@router.post(
    "/{number}/authorization", response_model=AuthorizationAnswer, openapi_extra=signed_body(AuthorizationRequest)
)
async def push_authorization_request(number: Number, request: BoundPeerDep, context: ContextDep) -> Response:
    """The pushed authorization request (RFC 9126)."""
    body = parsed(AuthorizationRequest, request.body)
    with_body = partial(service.request_authorization, number=number, request=request, body=body, now=context.clock())
    return _answer(await _noted(context, number, Step.AUTHORIZATION, with_body))


@router.post("/{number}/completion", response_model=CompletionAnswer, openapi_extra=signed_body(Completion))
async def complete_registration(number: Number, request: BoundPeerDep, context: ContextDep) -> Response:
    """Code and verifier for the connection: keys are pinned, the token is spent."""
    body = parsed(Completion, request.body)
    with_body = partial(service.complete, number=number, request=request, body=body, now=context.clock())
    return _answer(await _noted(context, number, Step.COMPLETION, with_body))


@router.post("/{number}/cancellation", response_model=RegistrationStatus, openapi_extra=signed_body(Cancellation))
async def cancel_registration_as_consumer(number: Number, request: BoundPeerDep, context: ContextDep) -> Response:
    """The consumer does not want to go on."""
    body = parsed(Cancellation, request.body)
    return _answer(
        await context.database.write(
            service.cancel_by_peer, number=number, request=request, body=body, now=context.clock()
        )
    )


@router.get("/{number}")
async def get_registration_as_consumer(
    number: Number, request: BoundPeerDep, context: ContextDep
) -> RegistrationStatus:
    """Return where the registration stands, to the instance it is bound to."""
    return await context.database.write(service.seen_status, number=number, request=request)


async def _noted(context: Context, number: str, step: Step, work: Callable[[Session], StoredAnswer]) -> StoredAnswer:
    """Do a step; a refusal of what the bound consumer asks is kept for people here too, who else would only wait."""
    try:
        return await context.database.write(work)
    except (Conflict, Forbidden, Invalid) as error:
        noted = partial(service.note_refusal, number=number, step=step, error=error, now=context.clock())
        await context.database.write(noted)
        raise


def _answer(stored: StoredAnswer) -> Response:
    return Response(stored.body, stored.status, media_type=JSON_TYPE)
