"""What became of mails, and sending them again."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, allowed, carry_out_once, place_in
from consumer_service.audit.domain import Actor
from consumer_service.audit.schemas import EntityId
from consumer_service.context import ContextDep
from consumer_service.mail import service
from consumer_service.mail.schemas import MailQuery, MailView, TestMailRequest
from shared.transport.bodies import body_of
from shared.transport.conventions import Page, cut_page, known_parameters, link_header
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1/mails", tags=["mails"], dependencies=[Depends(known_parameters)])

ReaderDep = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="mails:read"))]
SenderDep = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="mails:write"))]
TestMailDep = Annotated[TestMailRequest, Depends(body_of(TestMailRequest))]
_TEST_MAIL = signed_body(TestMailRequest, example={"to": "operator@example.com", "language": "en"})


@router.get("")
async def list_mails(
    request: Request, response: Response, _caller: ReaderDep, context: ContextDep, query: Annotated[MailQuery, Query()]
) -> Page[MailView]:
    """Return mails and how far each got, the newest first; `related_type` and `related_id` narrow to one subject."""
    before = place_in(query.cursor, "newest")
    filters = query.model_dump(include={"related_type", "related_id", "status"})
    rows = await context.database.read(service.listed, before=before, limit=query.limit + 1, **filters)
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[MailView.model_validate(row) for row in shown], next_cursor=following)


@router.get("/{mail_id}")
async def get_mail(mail_id: EntityId, _caller: ReaderDep, context: ContextDep) -> MailView:
    """Return one mail and how far it got."""
    return MailView.model_validate(await context.database.read(service.get, mail_id))


@router.post("/{mail_id}/resend", status_code=202, response_model=MailView)
async def resend_mail(
    mail_id: EntityId, request: Request, caller: SenderDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Queue a mail again. A link in it is made anew; the one sent before stays valid until it is used or ends."""

    def work(session: Session, now: datetime) -> Answer:
        record = service.resend(session, mail_id, actor=caller, now=now)
        return Answer(MailView.model_validate(record), 202)

    return await carry_out_once(request, context, owner=caller.id, key=key, work=work)


@router.post("/test", status_code=202, response_model=MailView, openapi_extra=_TEST_MAIL)
async def send_test_mail(
    request: Request, caller: SenderDep, wanted: TestMailDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Queue a mail that shows whether mail works; read it again to see how far it got."""

    def work(session: Session, now: datetime) -> Answer:
        record = service.send_test(
            session, to=wanted.to, language=wanted.language, instance=context.settings.issuer, actor=caller, now=now
        )
        return Answer(MailView.model_validate(record), 202)

    return await carry_out_once(request, context, owner=caller.id, key=key, work=work)
