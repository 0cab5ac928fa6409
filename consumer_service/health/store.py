"""Queries of the health slice."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from consumer_service.checks import Subject
from consumer_service.health.tables import IssueRow, SubjectRow
from shared.wire.states import Severity

RESOLVED = "resolved"
"""State of an issue that is no longer found."""


def find(session: Session, issue_id: str) -> IssueRow | None:
    """Return one issue."""
    return session.get(IssueRow, issue_id)


def find_locked(session: Session, issue_id: str) -> IssueRow | None:
    """Return one issue and keep others from changing it until this transaction ends."""
    return session.scalars(select(IssueRow).where(IssueRow.id == issue_id).with_for_update()).one_or_none()


def of_subject(session: Session, subject: Subject, check_ids: Collection[str] | None = None) -> Sequence[IssueRow]:
    """Return every issue of a subject, of all checks or of some, resolved ones too."""
    query = select(IssueRow).where(IssueRow.subject_type == subject.type, IssueRow.subject_id == subject.id)
    if check_ids is not None:
        query = query.where(IssueRow.check_id.in_(check_ids))
    return session.scalars(query.order_by(IssueRow.id)).all()


def blocking(session: Session, subject: Subject) -> Sequence[IssueRow]:
    """Return the unresolved errors of a subject, muted or not."""
    query = select(IssueRow).where(
        IssueRow.subject_type == subject.type,
        IssueRow.subject_id == subject.id,
        IssueRow.state != RESOLVED,
        IssueRow.severity == Severity.ERROR,
    )
    return session.scalars(query.order_by(IssueRow.id)).all()


def page(
    session: Session,
    *,
    states: Collection[str],
    chosen: Mapping[str, str | None],
    before: str | None,
    limit: int,
) -> Sequence[IssueRow]:
    """Return issues, the newest first, older than the id ``before``; ``chosen``: column to its wanted value."""
    query = select(IssueRow).order_by(IssueRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(IssueRow.id < before)
    if states:
        query = query.where(IssueRow.state.in_(states))
    for name, value in chosen.items():
        if value is not None:
            query = query.where(getattr(IssueRow, name) == value)
    return session.scalars(query).all()


def unresolved_count(session: Session, subject: Subject) -> int:
    """Return how many issues of a subject are not resolved."""
    return sum(row.state != RESOLVED for row in of_subject(session, subject))


def subject_row(session: Session, subject: Subject, now: datetime) -> SubjectRow:
    """Return when a subject was, and will be, looked at; a new one begins now. Held until this transaction ends."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {
        "subject_type": subject.type,
        "subject_id": subject.id,
        "watches": " ",
        "due": False,
        "checked_at": now,
        "next_check_at": now,
    }
    session.execute(dialect.insert(SubjectRow).values(fresh).on_conflict_do_nothing())
    key = (subject.type, subject.id)
    return session.get_one(SubjectRow, key, with_for_update=True, populate_existing=True)


def is_known(session: Session, subject: Subject) -> bool:
    """Tell whether a subject was ever looked at."""
    return session.get(SubjectRow, (subject.type, subject.id)) is not None


def mark_due(session: Session, word: str) -> int:
    """Make every subject that watches ``word`` due; return how many there are."""
    query = (
        update(SubjectRow)
        .where(SubjectRow.watches.contains(f" {word} ", autoescape=True), SubjectRow.due.is_(False))
        .values(due=True)
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(query).rowcount)  # type: ignore[attr-defined]  # an UPDATE has it


def due(session: Session, now: datetime, types: Collection[str] | None, limit: int) -> Sequence[SubjectRow]:
    """Return the subjects to look at now, the longest waiting first."""
    query = select(SubjectRow).where(or_(SubjectRow.due.is_(True), SubjectRow.next_check_at <= now))
    if types is not None:
        query = query.where(SubjectRow.subject_type.in_(types))
    return session.scalars(query.order_by(SubjectRow.next_check_at).limit(limit)).all()


def drop(session: Session, subject: Subject) -> None:
    """Stop looking at a subject."""
    session.execute(
        delete(SubjectRow).where(SubjectRow.subject_type == subject.type, SubjectRow.subject_id == subject.id)
    )
