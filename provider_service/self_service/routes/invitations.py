"""Invitations to an account, for programs and the console's staff."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from provider_service.audit.deps import place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from provider_service.directory.deps import client_address
from provider_service.self_service import calls, service
from provider_service.self_service.deps import ReaderDep, WriterDep
from provider_service.self_service.domain import Privilege, privileges_of
from provider_service.self_service.schemas import (
    InvitationQuery,
    SelfServiceInvitationAcceptance,
    SelfServiceInvitationCreate,
    SelfServiceInvitationView,
    SelfServiceRequestSubmitted,
)
from shared.transport.bodies import body_of
from shared.transport.conventions import Page, cut_page, known_parameters, link_header
from shared.transport.openapi import signed_body

router = APIRouter(
    prefix="/api/v1/self-service/invitations", tags=["self-service"], dependencies=[Depends(known_parameters)]
)

_NEW = signed_body(
    SelfServiceInvitationCreate,
    example={"company_id": "01J0000000000000000000000A", "email": "ada@example.com"},
)
_ACCEPTANCE = signed_body(
    SelfServiceInvitationAcceptance,
    example={"token": "Xq3v0b8mJm1Xw2k9yT5c7ZrN4hL6pD_sFgAeUiOoKjM", "attributes": {"FirstName": "Ada"}},
)


@router.get("")
async def list_account_invitations(
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    query: Annotated[InvitationQuery, Query()],
) -> Page[SelfServiceInvitationView]:
    """Return invitations to accounts, the newest first: staff see all, account administrators their accounts'."""
    before = place_in(query.cursor, "newest")
    rows = await context.database.read(
        service.list_invitations,
        caller=caller,
        company_id=query.company_id,
        before=before,
        limit=query.limit + 1,
        now=context.clock(),
    )
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[SelfServiceInvitationView.of(row) for row in shown], next_cursor=following)


@router.post("", status_code=201, openapi_extra=_NEW)
async def invite_to_account(
    caller: WriterDep,
    wanted: Annotated[SelfServiceInvitationCreate, Depends(body_of(SelfServiceInvitationCreate))],
    context: ContextDep,
) -> SelfServiceInvitationView:
    """Invite a mail address to an account, as its user or as its administrator besides."""
    made = await calls.invite(
        context,
        wanted.company_id,
        wanted.email,
        administrator=wanted.administrator,
        language=wanted.language,
        caller=caller,
    )
    return SelfServiceInvitationView.of(made)


@router.post("/acceptance", status_code=201, openapi_extra=_ACCEPTANCE)
async def accept_account_invitation(
    request: Request,
    caller: WriterDep,
    wanted: Annotated[SelfServiceInvitationAcceptance, Depends(body_of(SelfServiceInvitationAcceptance))],
    context: ContextDep,
) -> SelfServiceRequestSubmitted:
    """Accept an invitation to a further account, as whoever is signed in; it is for their mail address or refused.

    People who are not known here yet accept on the page that the link leads to.
    """
    made = await calls.accept(context, wanted.token, wanted.attributes, caller=caller, address=client_address(request))
    return SelfServiceRequestSubmitted.taken(made, internal=Privilege.READ in privileges_of(caller.roles))


@router.get("/{invitation_id}")
async def get_account_invitation(
    invitation_id: EntityId, caller: ReaderDep, context: ContextDep
) -> SelfServiceInvitationView:
    """Return an invitation to an account."""
    found = await context.database.read(service.get_invitation, invitation_id, caller=caller, now=context.clock())
    return SelfServiceInvitationView.of(found)


@router.post("/{invitation_id}/resend")
async def resend_account_invitation(
    invitation_id: EntityId, caller: WriterDep, context: ContextDep
) -> SelfServiceInvitationView:
    """Send an invitation again; its new link replaces the old, and its time begins anew."""
    return SelfServiceInvitationView.of(await calls.resend(context, invitation_id, caller=caller))


@router.post("/{invitation_id}/revoke")
async def revoke_account_invitation(
    invitation_id: EntityId, caller: WriterDep, context: ContextDep
) -> SelfServiceInvitationView:
    """Take an invitation back that was not accepted yet."""
    made = await context.database.write(service.revoke, invitation_id, caller=caller, now=context.clock())
    return SelfServiceInvitationView.of(made)
