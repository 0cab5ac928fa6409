"""The start page: what to do next, and how everything does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import STAFF
from provider_service.connections import service as connections
from provider_service.connections.schemas import ConnectionView
from provider_service.console.deps import AnyoneDep, console_router, page
from provider_service.context import ContextDep
from provider_service.directory.domain import Caller
from provider_service.health import service as health
from provider_service.health.domain import Filter, Issue, IssueState
from provider_service.instance import service as instance
from provider_service.instance.domain import Instance
from provider_service.registrations import service as registrations
from provider_service.registrations.schemas import EntryView, RegistrationView
from shared.wire.states import ConnectionState, RegistrationState, Role

router = console_router()

LISTED = 8
"""Rows of each part."""

ENDED = {RegistrationState.CLOSED_COMPLETE, RegistrationState.CLOSED_INCOMPLETE}
STANDING = [state for state in ConnectionState if state is not ConnectionState.CLOSED]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the start page shows."""

    record: Instance | None
    has_company: bool
    tasks: Sequence[RegistrationView]
    """Registration tasks that have not ended."""
    connections: Sequence[ConnectionView]
    issues: Sequence[Issue]

    @property
    def first_steps(self) -> bool:
        """Whether somebody has yet to set up what onboarding takes."""
        return self.record is None or not self.has_company or not (self.tasks or self.connections)


@router.get("/")
async def show_overview(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Show what to do next; a company's contact sees its registrations, and what was said to it about them."""
    if caller.roles.isdisjoint(STAFF):
        own = await context.database.read(_own, caller, context.clock())
        return page(request, "overview/contact.html", caller=caller, own=own)
    seen = await context.database.read(_look, context.clock())
    return page(request, "overview/page.html", seen=seen, admin=Role.ADMIN in caller.roles)


def _own(session: Session, caller: Caller, now: datetime) -> list[tuple[RegistrationView, list[EntryView]]]:
    rows = registrations.page_seen(session, caller, before=None, limit=LISTED, state=None, company_id=None)
    return [
        (
            registrations.view(session, row, now),
            [
                EntryView.model_validate(entry, from_attributes=True)
                for entry in registrations.entries_seen(session, row.number, caller)
            ],
        )
        for row in rows
    ]


def _look(session: Session, now: datetime) -> Overview:
    tasks = [
        registrations.view(session, row, now)
        for state in RegistrationState
        if state not in ENDED
        for row in registrations.page(session, before=None, limit=LISTED, state=state, company_id=None)
    ]
    open_issues = Filter(states=(IssueState.OPEN,))
    return Overview(
        record=instance.get(session),
        has_company=bool(accounts.list_companies(session, limit=1)),
        tasks=sorted(tasks, key=lambda task: task.number, reverse=True)[:LISTED],
        connections=connections.list_connections(session, states=STANDING, limit=LISTED, now=now),
        issues=health.list_issues(session, open_issues, before=None, limit=LISTED),
    )
