"""Queries of profile options."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from provider_service.options.tables import ProfileOption


def rows(session: Session, *, lock: bool = False) -> dict[str, ProfileOption]:
    """Return the options that were ever set, by code, locked where one of them is to be changed."""
    query = select(ProfileOption).order_by(ProfileOption.code)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return {row.code: row for row in session.scalars(query)}
