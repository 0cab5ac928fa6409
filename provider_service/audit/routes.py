"""The audit trail and the feed of events."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from provider_service.audit import service
from provider_service.audit.deps import allowed
from provider_service.audit.schemas import (
    ActorView,
    AuditEntryView,
    AuditQuery,
    EventPage,
    EventView,
    FilterText,
    LineText,
)
from provider_service.audit.tables import AuditEntry
from provider_service.context import ContextDep
from shared.transport.conventions import (
    Page,
    PageLimit,
    cut_page,
    decode_cursor,
    known_parameters,
    link_header,
)
from shared.wire.errors import Invalid
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[Depends(known_parameters)])

_READERS = (Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ)


@router.get("/audit", dependencies=[Depends(allowed(Role.ADMIN, scope="audit:read"))])
async def list_audit_entries(
    request: Request, response: Response, context: ContextDep, query: Annotated[AuditQuery, Query()]
) -> Page[AuditEntryView]:
    """Return what was changed, by whom and from where, the newest first."""
    before = _place_in(query.cursor)
    rows = await context.database.read(service.trail, before=before, limit=query.limit + 1, filters=query.filters())
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.position])
    response.headers.update(link_header(request, following))
    return Page(items=[_entry(row) for row in shown], next_cursor=following)


@router.get("/events", dependencies=[Depends(allowed(*_READERS, scope="events:read"))])
async def list_events(
    context: ContextDep,
    after: Annotated[
        str | None, Query(max_length=64, description="`cursor` or `next_after` of an earlier answer.")
    ] = None,
    limit: PageLimit = 50,
    type: Annotated[list[LineText] | None, Query(max_length=50)] = None,  # noqa: A002 - the parameter's public name
    subject_type: FilterText = None,
) -> EventPage:
    """Return what happened after a place in the feed, the oldest first; no event is ever put in behind that place."""
    rows = await context.database.read(
        service.events, after=after, limit=limit, actions=type or (), subject_type=subject_type
    )
    return EventPage(items=[_event(row) for row in rows], next_after=service.position_of(rows[-1]) if rows else after)


def _place_in(cursor: str | None) -> int | None:
    """Return the position a cursor of the trail stands for; raise `Invalid` (``cursor_invalid``)."""
    if cursor is None:
        return None
    place = decode_cursor("newest", cursor)[0]
    if not isinstance(place, int) or abs(place) >= 2**63:
        raise Invalid("The cursor does not belong to this list", code="cursor_invalid")
    return place


def _actor(row: AuditEntry) -> ActorView:
    return ActorView.model_validate({"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name})


def _entry(row: AuditEntry) -> AuditEntryView:
    return AuditEntryView(
        id=row.position,
        at=row.at,
        actor=_actor(row),
        address=row.actor_address,
        action=row.action,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        number=row.number,
        before=row.before,
        after=row.after,
    )


def _event(row: AuditEntry) -> EventView:
    before, after = row.before or {}, row.after or {}
    return EventView(
        cursor=service.position_of(row),
        at=row.at,
        type=row.action,
        actor=_actor(row),
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        number=row.number,
        changed=sorted(name for name in {**before, **after} if before.get(name) != after.get(name)),
    )
