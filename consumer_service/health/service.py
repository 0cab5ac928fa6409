"""Use cases of the Health Dashboard: keep what checks find, resolve what they no longer find, say what blocks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM, Actor
from consumer_service.checks import THIS_INSTANCE, Check, Finding, Subject
from consumer_service.directory import service as directory
from consumer_service.health import store
from consumer_service.health.domain import Filter, Issue, IssueState, Result, next_check, watched_words
from consumer_service.health.tables import IssueRow, SubjectRow
from shared.runtime.database import notify
from shared.wire.errors import FieldError, Invalid, NotFound, PreconditionFailed
from shared.wire.identifiers import new_id
from shared.wire.states import Severity

CHANNEL: Final = "health"
"""Notified when a subject has become due (`shared.runtime.database.notify`)."""


def begin_run(session: Session, *, subject: Subject, checks: Sequence[Check], now: datetime) -> None:
    """Say that a run of ``checks`` on ``subject`` begins: what is touched from here on makes it due again."""
    row = store.subject_row(session, subject, now)
    if not row.watches.strip():
        row.watches = watched_words(Result(check, ()) for check in checks)
    row.due, row.next_check_at = False, next_check(now, failing=True)
    session.flush()


def store_findings(session: Session, *, subject: Subject, results: Sequence[Result], now: datetime) -> list[Issue]:
    """Keep what a run of checks, begun by `begin_run`, has found about ``subject``; return its unresolved issues.

    A finding seen before updates its issue, a resolved one opens again, a muted one stays muted; an issue of these
    checks that is no longer found resolves by itself.
    """
    row = store.subject_row(session, subject, now)
    known = {(issue.check_id, issue.item): issue for issue in store.of_subject(session, subject, _ids(results))}
    for result in results:
        for finding in result.findings:
            issue = known.pop((result.check.id, finding.item), None)
            if issue is None:
                _open(session, subject, result.check, finding, now)
            else:
                _detected(session, issue, result.check, finding, now)
    for issue in known.values():
        _resolve(session, issue, SYSTEM, now)
    session.flush()
    _schedule(session, row, subject, results, now)
    return [issue for issue in issues_of(session, subject) if issue.state is not IssueState.RESOLVED]


def issues_of(session: Session, subject: Subject) -> list[Issue]:
    """Return every issue of a subject, resolved ones too."""
    return [_read(row) for row in store.of_subject(session, subject)]


def blocking(session: Session, *, subject_type: str, subject_id: str) -> list[Issue]:
    """Return the unresolved errors of a subject; muting one hides it and blocks all the same."""
    return [_read(row) for row in store.blocking(session, Subject(subject_type, subject_id))]


def list_issues(session: Session, chosen: Filter, *, before: str | None, limit: int) -> list[Issue]:
    """Return issues, the newest first, older than the id ``before``."""
    filters = {name: value for name, value in asdict(chosen).items() if name != "states"}
    rows = store.page(session, states=chosen.states, chosen=filters, before=before, limit=limit)
    return [_read(row) for row in rows]


def get_issue(session: Session, issue_id: str) -> Issue:
    """Return one issue; raise `NotFound`."""
    return _read(_require(store.find(session, issue_id)))


def change_issue(
    session: Session,
    issue_id: str,
    *,
    expected_version: int | None,
    assigned_to: str | None,
    muted_reason: str | None,
    actor: Actor,
    now: datetime,
) -> Issue:
    """Assign an issue (None: to nobody) and mute it with a reason (None: not muted).

    Raises `NotFound`, `PreconditionFailed`, and `Invalid` for muting what is resolved.
    """
    row = _require(store.find_locked(session, issue_id))
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(fix="Read the issue again, then repeat the change.")
    if assigned_to != row.assigned_to:
        _require_user(session, assigned_to)
        row.assigned_to = assigned_to
        _changed(session, row, "issue.assigned", {"assigned_to": assigned_to}, actor=actor, now=now)
    if (muted_reason or "") != row.muted_reason:
        _mute(session, row, muted_reason, actor, now)
    session.flush()
    return _read(row)


def touch(session: Session, watched: str) -> int:
    """Say that something has changed (``instance``, ``keys``, ``user:0192…``): whoever watches it is due at once.

    Returns how many subjects that are.
    """
    touched = store.mark_due(session, watched)
    if touched:
        notify(session, CHANNEL)
    return touched


def due_subjects(
    session: Session, now: datetime, *, types: Collection[str] | None = None, limit: int = 100
) -> list[Subject]:
    """Return the subjects, of some ``types`` or of all, to look at now: touched, or their time has come.

    The instance itself is due from the very start; every other subject from its first run on.
    """
    found = [Subject(row.subject_type, row.subject_id) for row in store.due(session, now, types, limit)]
    wanted = types is None or THIS_INSTANCE.type in types
    return found if not wanted or store.is_known(session, THIS_INSTANCE) else [THIS_INSTANCE, *found]


def drop_subject(session: Session, *, subject_type: str, subject_id: str, now: datetime) -> None:
    """Stop looking at a subject that has ended, and resolve what was open about it."""
    subject = Subject(subject_type, subject_id)
    for row in store.of_subject(session, subject):
        _resolve(session, row, SYSTEM, now)
    store.drop(session, subject)
    session.flush()


def _ids(results: Collection[Result]) -> set[str]:
    return {result.check.id for result in results}


def _detected(session: Session, row: IssueRow, check: Check, finding: Finding, now: datetime) -> None:
    severity = finding.severity or check.severity
    again = row.state == IssueState.RESOLVED
    row.title, row.severity = check.title, severity
    row.found, row.cause, row.fix = finding.found, finding.cause, finding.fix
    row.last_detected_at, row.count = now, row.count + 1
    if again:
        row.state, row.resolved_at = IssueState.OPEN, None
        _changed(session, row, "issue.reopened", {"found": row.found}, actor=SYSTEM, now=now)


def _open(session: Session, subject: Subject, check: Check, finding: Finding, now: datetime) -> None:
    severity = finding.severity or check.severity
    row = IssueRow(
        id=new_id(),
        check_id=check.id,
        item=finding.item,
        title=check.title,
        severity=severity,
        subject_type=subject.type,
        subject_id=subject.id,
        found=finding.found,
        cause=finding.cause,
        fix=finding.fix,
        state=IssueState.OPEN,
        muted_reason="",
        first_detected_at=now,
        last_detected_at=now,
        count=1,
        version=0,
    )
    session.add(row)
    after = {"check": row.check_id, "severity": severity, "found": finding.found}
    _changed(session, row, "issue.opened", after, actor=SYSTEM, now=now)


def _resolve(session: Session, row: IssueRow, actor: Actor, now: datetime) -> None:
    if row.state == IssueState.RESOLVED:
        return
    row.state, row.resolved_at, row.muted_reason = IssueState.RESOLVED, now, ""
    _changed(session, row, "issue.resolved", {"check": row.check_id}, actor=actor, now=now)


def _mute(session: Session, row: IssueRow, reason: str | None, actor: Actor, now: datetime) -> None:
    if row.state == IssueState.RESOLVED:
        raise Invalid("A resolved issue cannot be muted", code="issue_resolved", fix="There is nothing to mute.")
    if reason is not None and not reason.strip():
        raise Invalid("Muting needs a reason", code="reason_missing", fix="Say why this may be left as it is.")
    row.state = IssueState.OPEN if reason is None else IssueState.MUTED
    row.muted_reason = reason or ""
    action = "issue.unmuted" if reason is None else "issue.muted"
    _changed(session, row, action, {"reason": row.muted_reason}, actor=actor, now=now)


def _schedule(session: Session, row: SubjectRow, subject: Subject, results: Sequence[Result], now: datetime) -> None:
    failing = store.unresolved_count(session, subject) > 0
    row.watches, row.checked_at = watched_words(results), now
    row.next_check_at = next_check(now, failing=failing)
    session.flush()


def _changed(
    session: Session, row: IssueRow, action: str, after: Mapping[str, str | None], *, actor: Actor, now: datetime
) -> None:
    row.version += 1
    audit.record(session, actor=actor, action=action, subject_type="issue", subject_id=row.id, after=after, now=now)


def _require_user(session: Session, user_id: str | None) -> None:
    if user_id is not None and user_id not in directory.get_users(session, [user_id]):
        raise Invalid(
            "There is no such user to assign the issue to",
            code="user_unknown",
            fix="Use the id of a user.",
            errors=[FieldError("/assigned_to", "No user has this id")],
        )


def _require(row: IssueRow | None) -> IssueRow:
    if row is None:
        raise NotFound("There is no issue of this id")
    return row


def _read(row: IssueRow) -> Issue:
    return Issue(
        id=row.id,
        check_id=row.check_id,
        item=row.item,
        title=row.title,
        severity=Severity(row.severity),
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        found=row.found,
        cause=row.cause,
        fix=row.fix,
        state=IssueState(row.state),
        muted_reason=row.muted_reason,
        assigned_to=row.assigned_to,
        first_detected_at=row.first_detected_at,
        last_detected_at=row.last_detected_at,
        resolved_at=row.resolved_at,
        count=row.count,
        version=row.version,
    )
