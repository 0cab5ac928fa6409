"""Profile options: reading, setting, and who set them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from provider_service.accounts.domain import STAFF
from provider_service.context import ContextDep
from provider_service.directory.deps import allowed
from provider_service.directory.domain import Caller
from provider_service.options import service
from provider_service.options.domain import OptionRecord
from provider_service.options.schemas import HistoryQuery, OptionChangeView, OptionList, OptionView, OptionWrite
from shared.transport.bodies import body_of
from shared.transport.conventions import (
    Page,
    cut_page,
    decode_cursor,
    etag_of,
    known_parameters,
    link_header,
    require_match,
)
from shared.transport.openapi import signed_body
from shared.wire.errors import Invalid
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1", tags=["profile options"], dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
Code = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
ReaderDep = Annotated[Caller, Depends(allowed(*STAFF, scope="options:read"))]
AdminDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="options:write"))]
WriteDep = Annotated[OptionWrite, Depends(body_of(OptionWrite))]

_VALUE = signed_body(OptionWrite, example={"value": "TRUE"})


@router.get("/options")
async def list_options(_caller: ReaderDep, context: ContextDep) -> OptionList:
    """Return every profile option as it counts now."""
    rows = await context.database.read(service.list_options)
    return OptionList(items=[OptionView.of(row) for row in rows])


@router.get("/options/{option}")
async def get_option(option: Code, _caller: ReaderDep, context: ContextDep, response: Response) -> OptionView:
    """Return a profile option, with the ETag that a change has to name."""
    return _shown(await context.database.read(service.get_option, option), response)


@router.put("/options/{option}", openapi_extra=_VALUE)
async def set_option(
    option: Code,
    caller: AdminDep,
    wanted: WriteDep,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> OptionView:
    """Set a profile option. It counts at once; a value that is not legal is refused with the reason."""

    def change(record: OptionRecord) -> str:
        require_match(if_match, etag_of(record.version))
        return wanted.value

    now = context.clock()
    record = await context.database.write(service.set_option, option, change=change, actor=caller.actor, now=now)
    return _shown(record, response)


@router.delete("/options/{option}")
async def reset_option(
    option: Code, caller: AdminDep, context: ContextDep, response: Response, *, if_match: IfMatch = None
) -> OptionView:
    """Give a profile option its default back."""

    def change(record: OptionRecord) -> None:
        require_match(if_match, etag_of(record.version))

    now = context.clock()
    record = await context.database.write(service.set_option, option, change=change, actor=caller.actor, now=now)
    return _shown(record, response)


@router.get("/options/{option}/history")
async def list_option_changes(
    option: Code,
    request: Request,
    response: Response,
    _caller: ReaderDep,
    context: ContextDep,
    *,
    query: Annotated[HistoryQuery, Query()],
) -> Page[OptionChangeView]:
    """Return who set a profile option when, from what to what, the newest first."""
    before = _place_in(query.cursor)
    rows = await context.database.read(service.history, option, before=before, limit=query.limit + 1)
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.position])
    response.headers.update(link_header(request, following))
    return Page(items=[OptionChangeView.of(row) for row in shown], next_cursor=following)


def _shown(record: OptionRecord, response: Response) -> OptionView:
    response.headers["etag"] = etag_of(record.version)
    return OptionView.of(record)


def _place_in(cursor: str | None) -> int | None:
    """Return the position a cursor stands for; raise `Invalid` (``cursor_invalid``)."""
    if cursor is None:
        return None
    place = decode_cursor("newest", cursor)[0]
    if not isinstance(place, int) or abs(place) >= 2**63:
        raise Invalid("The cursor does not belong to this list", code="cursor_invalid")
    return place
