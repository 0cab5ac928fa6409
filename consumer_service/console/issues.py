"""The Health Dashboard: what is not as it should be, whose it is, and whether it still is so."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.checks import THIS_INSTANCE, Subject
from consumer_service.console import forms
from consumer_service.console.deps import PAGE_LENGTH, OperatorDep, ReaderDep, console_router, notify, own_path, page
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from consumer_service.directory import service as directory
from consumer_service.directory.domain import Person
from consumer_service.health import service
from consumer_service.health.checks import validate
from consumer_service.health.deps import RegistryDep
from consumer_service.health.domain import UNRESOLVED, CheckRegistry, Filter, Issue, IssueState
from consumer_service.provider_connections import service as provider_connections
from shared.interface.languages import Told
from shared.wire.errors import Invalid
from shared.wire.states import Role, Severity

router = console_router()

VIEWS: Final = {
    "open": (IssueState.OPEN,),
    "muted": (IssueState.MUTED,),
    "resolved": (IssueState.RESOLVED,),
    "all": (),
}
Id = Annotated[str | None, Query(max_length=36)]


@router.get("/health")
async def show_dashboard(
    *,
    request: Request,
    context: ContextDep,
    caller: ReaderDep,
    show: Annotated[str, Query(pattern="^(open|muted|resolved|all)$")] = "open",
    severity: Annotated[str, Query(pattern="^(error|warning|info)?$")] = "",
    mine: Annotated[bool, Query()] = False,
    onboarding: Id = None,
    before: Id = None,
) -> Response:
    """Show issues, the newest first; of one onboarding everything that has to do with it."""
    chosen = Filter(
        states=VIEWS[show],
        severity=Severity(severity) if severity else None,
        assigned_to=caller.user_id if mine else None,
    )

    def look(session: Session) -> tuple[list[Issue], dict[str, Person]]:
        if onboarding is None:
            found = service.list_issues(session, chosen, before=before, limit=PAGE_LENGTH + 1)
        else:
            found = _of_onboarding(session, onboarding)
        return found, directory.get_users(session, [issue.assigned_to for issue in found if issue.assigned_to])

    found, people = await context.database.read(look)
    following = found[PAGE_LENGTH - 1].id if onboarding is None and len(found) > PAGE_LENGTH else None
    return page(
        request,
        "health/dashboard.html",
        issues=found if onboarding else found[:PAGE_LENGTH],
        people=people,
        following=following,
        before=before,
        show=show,
        severity=severity,
        mine=mine,
        onboarding=onboarding,
        operator=_operates(caller.roles),
        user_id=caller.user_id,
        here=_address(request),
    )


@router.post("/health/validate")
async def validate_all(request: Request, context: ContextDep, _caller: OperatorDep, registry: RegistryDep) -> Response:
    """Run the checks of this instance, and of an onboarding where one is named, now."""
    form = await forms.read(request)
    subjects = [THIS_INSTANCE]
    if form.value("onboarding"):
        subjects.append(Subject(provider_connections.SUBJECT, form.value("onboarding")[:36]))
    left = await _validated(context, registry, subjects)
    where = own_path(form.value("back", "/health"))
    if left:
        return notify(request, where, "warning", "The checks have run; {count} issues are left.", count=left)
    return notify(request, where, "success", "The checks have run; nothing was found.")


@router.get("/health/issues/{issue_id}")
async def show_issue(issue_id: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show one issue."""
    return await _issue(issue_id, request, context, caller.user_id, operator=_operates(caller.roles))


@router.post("/health/issues/{issue_id}/validate")
async def validate_issue(
    issue_id: str, request: Request, context: ContextDep, _caller: OperatorDep, registry: RegistryDep
) -> Response:
    """Check the issue's subject now; the issue resolves by itself when nothing is found any more."""
    form = await forms.read(request)
    issue = await context.database.read(service.get_issue, issue_id)
    await _validated(context, registry, [issue.subject])
    issue = await context.database.read(service.get_issue, issue_id)
    where = own_path(form.value("back", f"/health/issues/{issue_id}"))
    if issue.state is IssueState.RESOLVED:
        return notify(request, where, "success", "Resolved: {title}", title=Told.of([issue.title]))
    return notify(
        request,
        where,
        "warning",
        "Still so: {title} {found}",
        title=Told.of([issue.title]),
        found=Told.of([issue.found]),
    )


@router.post("/health/issues/{issue_id}/assignment")
async def assign_issue(issue_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Take an issue, or give it back."""
    form = await forms.read(request)
    taken = form.value("assign") == "me"

    def work(session: Session, now: datetime) -> None:
        issue = service.get_issue(session, issue_id)
        service.change_issue(
            session,
            issue_id,
            expected_version=None,
            assigned_to=caller.user_id if taken else None,
            muted_reason=issue.muted_reason or None,
            actor=caller.actor,
            now=now,
        )

    await context.database.write(work, context.clock())
    where = own_path(form.value("back", f"/health/issues/{issue_id}"))
    return notify(request, where, "success", "The issue is yours." if taken else "The issue is nobody's now.")


@router.post("/health/issues/{issue_id}/muting")
async def mute_issue(issue_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Mute an issue, saying why, or show it again."""
    form = await forms.read(request)
    muted = form.value("mute") == "yes"
    if muted and not form.value("reason").strip():
        wrong = form.wrong_at("reason", "Say why this may be left as it is.")
        return await _issue(issue_id, request, context, caller.user_id, operator=True, form=wrong)

    def work(session: Session, now: datetime) -> None:
        issue = service.get_issue(session, issue_id)
        service.change_issue(
            session,
            issue_id,
            expected_version=None,
            assigned_to=issue.assigned_to,
            muted_reason=form.value("reason").strip()[:500] if muted else None,
            actor=caller.actor,
            now=now,
        )

    try:
        await context.database.write(work, context.clock())
    except Invalid as error:
        return await _issue(issue_id, request, context, caller.user_id, operator=True, form=form.wrong(error))
    sentence = "The issue is muted." if muted else "The issue is shown again."
    return notify(request, f"/health/issues/{issue_id}", "success", sentence)


async def _issue(
    issue_id: str, request: Request, context: Context, user_id: str, *, operator: bool, form: Form | None = None
) -> Response:
    def look(session: Session) -> tuple[Issue, dict[str, Person]]:
        issue = service.get_issue(session, issue_id)
        return issue, directory.get_users(session, [issue.assigned_to] if issue.assigned_to else [])

    issue, people = await context.database.read(look)
    return page(
        request,
        "health/issue.html",
        status_code=200 if form is None else 400,
        issue=issue,
        people=people,
        operator=operator,
        user_id=user_id,
        here=f"/health/issues/{issue_id}",
        form=form or Form.of(reason=issue.muted_reason),
    )


async def _validated(context: Context, registry: CheckRegistry, subjects: list[Subject]) -> int:
    """Run the checks of subjects; let every onboarding go on that nothing blocks any more; return what is left."""
    left = 0
    for subject in subjects:
        left += len(await validate(context, registry, subject))
    await context.database.write(provider_connections.conclude_cleared, now=context.clock())
    return left


def _of_onboarding(session: Session, connection_id: str) -> list[Issue]:
    row = provider_connections.get(session, connection_id)
    own = Filter(states=UNRESOLVED, subject_type=provider_connections.SUBJECT, subject_id=row.id)
    found = service.list_issues(session, own, before=None, limit=100)
    known = {issue.id for issue in found}
    return found + [issue for issue in provider_connections.blocking(session, row) if issue.id not in known]


def _operates(roles: frozenset[Role]) -> bool:
    return not roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN})


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
