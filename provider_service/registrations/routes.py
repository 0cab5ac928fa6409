"""Registration tasks in the operator's and integrator's API."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, allowed, carry_out_once
from provider_service.audit.domain import Actor
from provider_service.context import ContextDep
from provider_service.registrations import service
from provider_service.registrations.deps import ReaderDep
from provider_service.registrations.schemas import (
    CopiedLink,
    EntryCreate,
    EntryView,
    RegistrationCreate,
    RegistrationPatch,
    RegistrationView,
    RekeyingCreate,
)
from provider_service.registrations.tables import Registration
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import (
    MERGE_PATCH_TYPE,
    Page,
    PageCursor,
    PageLimit,
    cut_page,
    decode_cursor,
    etag_of,
    known_parameters,
    link_header,
    patched,
    require_match,
)
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import operation_id, signed_body
from shared.wire.states import RegistrationState, Role

router = APIRouter(
    prefix="/api/v1/registrations",
    tags=["registrations"],
    dependencies=[Depends(known_parameters)],
    generate_unique_id_function=operation_id,
)

Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, scope="registrations:write"))]
Number = Annotated[str, Path(pattern=r"^REG\d{7,10}$", examples=["REG0000001"])]

_EXAMPLE = {
    "company_id": "0197f3c0-0000-7000-8000-000000000000",
    "contact_id": "0197f3c0-0000-7000-8000-000000000001",
    "consumer_url": "https://desk.customer.example",
}
_CREATE = signed_body(RegistrationCreate, example=_EXAMPLE)
_REKEYING = signed_body(
    RekeyingCreate,
    example={
        "connection_id": "0197f3c0-0000-7000-8000-000000000002",
        "contact_id": "0197f3c0-0000-7000-8000-000000000001",
    },
)


@router.get("")
async def list_registrations(
    request: Request,
    response: Response,
    context: ContextDep,
    caller: ReaderDep,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
    state: Annotated[RegistrationState | None, Query()] = None,
    company_id: Annotated[str | None, Query(max_length=36)] = None,
) -> Page[RegistrationView]:
    """Return registration tasks, the newest first; a contact sees those that name it."""
    before = int(decode_cursor("newest", cursor)[0]) if cursor else None

    def work(session: Session, now: datetime) -> tuple[list[RegistrationView], str | None]:
        rows = service.page_seen(session, caller, before=before, limit=limit + 1, state=state, company_id=company_id)
        shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.serial])
        return [service.view(session, row, now) for row in shown], following

    items, following = await context.database.read(work, context.clock())
    response.headers.update(link_header(request, following))
    return Page(items=items, next_cursor=following)


@router.post("", status_code=201, response_model=RegistrationView, openapi_extra=_CREATE)
async def create_registration(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[RegistrationCreate, Depends(body_of(RegistrationCreate))],
) -> Response:
    """Open a registration task; the pre-onboarding scan follows in the background."""
    loopback = context.settings.environment == "development"

    def act(session: Session, now: datetime) -> Registration:
        return service.create(session, body=body, actor=actor, loopback=loopback, now=now)

    return await _once(request, context, actor, key, act, status=201)


@router.post("/rekeyings", status_code=201, response_model=RegistrationView, openapi_extra=_REKEYING)
async def create_rekeying(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[RekeyingCreate, Depends(body_of(RekeyingCreate))],
) -> Response:
    """Open a task that gives a suspended connection other keys; the connection and what waits on it stay."""

    def act(session: Session, now: datetime) -> Registration:
        return service.create_rekeying(session, body=body, actor=actor, now=now)

    return await _once(request, context, actor, key, act, status=201)


@router.get("/{number}")
async def get_registration(
    number: Number, context: ContextDep, caller: ReaderDep, response: Response
) -> RegistrationView:
    """Return one registration task; a contact sees those that name it."""

    def work(session: Session, now: datetime) -> RegistrationView:
        return service.view(session, service.get_seen(session, number, caller), now)

    view = await context.database.read(work, context.clock())
    response.headers["etag"] = etag_of(view.version)
    return view


@router.patch("/{number}", openapi_extra=signed_body(RegistrationPatch, content_type=MERGE_PATCH_TYPE))
async def update_registration(
    number: Number,
    context: ContextDep,
    actor: Writer,
    response: Response,
    body: Annotated[bytes, Depends(merge_patch_body)],
    if_match: Annotated[str | None, Header()] = None,
) -> RegistrationView:
    """Change contact, URL, environment or link life before the announcement; needs If-Match."""
    loopback = context.settings.environment == "development"

    def work(session: Session, now: datetime) -> RegistrationView:
        task = service.get(session, number, lock=True)
        require_match(if_match, etag_of(task.version))
        wanted = patched(
            RegistrationPatch, {name: getattr(task, name) for name in RegistrationPatch.model_fields}, body
        )
        service.edit(session, number=number, body=wanted, actor=actor, loopback=loopback, now=now)
        return service.view(session, task, now)

    view = await context.database.write(work, context.clock())
    response.headers["etag"] = etag_of(view.version)
    return view


@router.get("/{number}/entries")
async def list_registration_entries(number: Number, context: ContextDep, caller: ReaderDep) -> list[EntryView]:
    """Return comments and work notes, the oldest first; the task's contact sees the comments."""

    def work(session: Session) -> list[EntryView]:
        rows = service.entries_seen(session, number, caller)
        return [EntryView.model_validate(row, from_attributes=True) for row in rows]

    return await context.database.read(work)


@router.post("/{number}/entries", status_code=201, response_model=EntryView, openapi_extra=signed_body(EntryCreate))
async def add_registration_entry(
    number: Number,
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[EntryCreate, Depends(body_of(EntryCreate))],
) -> Response:
    """Write a comment or a work note."""

    def work(session: Session, now: datetime) -> Answer:
        entry = service.write_entry(session, number=number, kind=body.kind, text=body.text, actor=actor, now=now)
        return Answer(EntryView.model_validate(entry, from_attributes=True))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/{number}/validation", status_code=202, response_model=RegistrationView)
async def validate_registration(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Ask for the pre-onboarding scan now."""

    def act(session: Session, now: datetime) -> Registration:
        return service.validate(session, number=number, actor=actor, now=now)

    return await _once(request, context, actor, key, act, status=202)


@router.post("/{number}/invitation", status_code=201, response_model=RegistrationView)
async def reissue_registration_link(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Issue a new link; an earlier one is void from then on."""

    def act(session: Session, now: datetime) -> Registration:
        return service.invite(session, number=number, masters=context.masters, actor=actor, now=now)

    return await _once(request, context, actor, key, act, status=201)


@router.delete("/{number}/invitation")
async def revoke_registration_link(number: Number, context: ContextDep, actor: Writer) -> RegistrationView:
    """Void the link."""

    def work(session: Session, now: datetime) -> RegistrationView:
        return service.view(session, service.revoke(session, number=number, actor=actor, now=now), now)

    return await context.database.write(work, context.clock())


@router.post("/{number}/invitation/mail", status_code=202, response_model=RegistrationView)
async def resend_registration_mail(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Send the mail with the present link once more."""

    def act(session: Session, now: datetime) -> Registration:
        return service.resend(session, number=number, actor=actor, now=now)

    return await _once(request, context, actor, key, act, status=202)


@router.post("/{number}/invitation/copy")
async def copy_registration_link(number: Number, context: ContextDep, actor: Writer) -> CopiedLink:
    """Return the link itself; the copying is audited."""
    link = await context.database.write(
        service.copy_link, number=number, masters=context.masters, actor=actor, now=context.clock()
    )
    return CopiedLink(link=link)


@router.post("/{number}/copies", status_code=201, response_model=RegistrationView)
async def start_registration_again(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Copy a closed task into a new one."""
    loopback = context.settings.environment == "development"

    def act(session: Session, now: datetime) -> Registration:
        return service.start_again(session, number=number, actor=actor, loopback=loopback, now=now)

    return await _once(request, context, actor, key, act, status=201)


def _view(session: Session, number: str, now: datetime) -> RegistrationView:
    return service.view(session, service.get(session, number), now)


async def _once(
    request: Request,
    context: ContextDep,
    actor: Actor,
    key: str,
    act: Callable[[Session, datetime], Registration],
    *,
    status: int,
) -> Response:
    def work(session: Session, now: datetime) -> Answer:
        view = service.view(session, act(session, now), now)
        return Answer(view, status=status)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)
