"""The Health Dashboard in the operator's API: issues, the catalogue of checks, and checking now."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from consumer_service.checks import Subject
from consumer_service.context import ContextDep
from consumer_service.health import service
from consumer_service.health.checks import validate
from consumer_service.health.deps import ReaderDep, RegistryDep, WriterDep
from consumer_service.health.domain import Issue
from consumer_service.health.schemas import (
    CheckCatalogue,
    CheckView,
    IssuePatch,
    IssueQuery,
    IssueView,
    ValidationRequest,
    ValidationView,
)
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import (
    MERGE_PATCH_TYPE,
    Page,
    cut_page,
    decode_cursor,
    etag_of,
    known_parameters,
    link_header,
    patched,
    require_match,
)
from shared.transport.openapi import signed_body
from shared.wire.states import Severity

router = APIRouter(prefix="/api/v1", tags=["health"], dependencies=[Depends(known_parameters)])

_SUBJECT = {"subject_type": "instance", "subject_id": "self"}


@router.get("/health-checks")
async def list_health_checks(_actor: ReaderDep, registry: RegistryDep) -> CheckCatalogue:
    """Return every check this service has."""
    return CheckCatalogue(items=[CheckView.of(check) for check in registry.all()])


@router.get("/issues")
async def list_issues(
    request: Request, response: Response, _actor: ReaderDep, context: ContextDep, query: Annotated[IssueQuery, Query()]
) -> Page[IssueView]:
    """Return issues, the newest first."""
    before = str(decode_cursor("newest", query.cursor)[0]) if query.cursor else None
    found = await context.database.read(service.list_issues, query.chosen(), before=before, limit=query.limit + 1)
    shown, following = cut_page(found, limit=query.limit, sort="newest", key=lambda issue: [issue.id])
    response.headers.update(link_header(request, following))
    return Page(items=[IssueView.of(issue) for issue in shown], next_cursor=following)


@router.get("/issues/{issue_id}")
async def get_issue(issue_id: str, response: Response, _actor: ReaderDep, context: ContextDep) -> IssueView:
    """Return one issue."""
    issue = await context.database.read(service.get_issue, issue_id)
    response.headers["etag"] = etag_of(issue.version)
    return IssueView.of(issue)


@router.patch("/issues/{issue_id}", openapi_extra=signed_body(IssuePatch, content_type=MERGE_PATCH_TYPE))
async def update_issue(
    *,
    issue_id: str,
    response: Response,
    actor: WriterDep,
    context: ContextDep,
    body: Annotated[bytes, Depends(merge_patch_body)],
    if_match: Annotated[str | None, Header()] = None,
) -> IssueView:
    """Assign an issue or mute it with a reason; needs If-Match."""

    def work(session: Session, now: datetime) -> Issue:
        current = service.get_issue(session, issue_id)
        require_match(if_match, etag_of(current.version))
        shown = {"assigned_to": current.assigned_to, "muted_reason": current.muted_reason or None}
        wanted = patched(IssuePatch, shown, body).model_dump()
        return service.change_issue(session, issue_id, expected_version=current.version, actor=actor, now=now, **wanted)

    issue = await context.database.write(work, context.clock())
    response.headers["etag"] = etag_of(issue.version)
    return IssueView.of(issue)


@router.post("/issues/{issue_id}/validate")
async def validate_issue(
    issue_id: str, response: Response, _actor: WriterDep, context: ContextDep, registry: RegistryDep
) -> IssueView:
    """Check the issue's subject now; the issue resolves by itself when nothing is found any more."""
    issue = await context.database.read(service.get_issue, issue_id)
    await validate(context, registry, issue.subject)
    issue = await context.database.read(service.get_issue, issue_id)
    response.headers["etag"] = etag_of(issue.version)
    return IssueView.of(issue)


@router.post("/issues/validate", openapi_extra=signed_body(ValidationRequest, example=_SUBJECT))
async def validate_subject(
    _actor: WriterDep,
    context: ContextDep,
    registry: RegistryDep,
    body: Annotated[ValidationRequest, Depends(body_of(ValidationRequest))],
) -> ValidationView:
    """Run every check of a subject now and return what is not resolved."""
    issues = await validate(context, registry, Subject(body.subject_type, body.subject_id))
    return ValidationView(
        subject_type=body.subject_type,
        subject_id=body.subject_id,
        issues=[IssueView.of(issue) for issue in issues],
        blocked=any(issue.severity is Severity.ERROR for issue in issues),
    )
