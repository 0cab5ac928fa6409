"""What a database driver reports, as a meaning: a condition of the database that passes, or a mistake of ours."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.wire.errors import Unavailable

_SQLITE_CONDITIONS = frozenset({5, 6, 7, 10, 11, 13, 14, 15, 22, 23, 26})
"""Primary result codes about the file, the disk or a lock (sqlite.org/rescode.html), not about our statement.

READONLY (8) is left out: a work handed to `Database.read` that writes is a mistake of ours."""

_RETRIED_SQLSTATES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: PostgreSQL has rolled back and asks for another try."""


def as_meaning(error: BaseException) -> BaseException:
    """Return `Unavailable` for a condition that passes (disk full, lock, lost server), otherwise the error itself."""
    if isinstance(error, PoolTimeout):
        return _unavailable(error, "every database connection is in use")
    if not isinstance(error, OperationalError | InterfaceError) or not _is_condition(error):
        return error
    return _unavailable(error, str(error.orig))


def wants_another_try(error: BaseException) -> bool:
    """True when the server rolled the transaction back for a reason that running it again removes."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES


def _is_condition(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or (code & 0xFF) in _SQLITE_CONDITIONS


def _unavailable(error: BaseException, cause: str) -> Unavailable:
    meaning = Unavailable(
        "The database cannot be used at the moment",
        code="database_unavailable",
        cause=cause,
        fix="Check free disk space and that the database is reachable, then try again",
        retry_after=5,
    )
    meaning.__cause__ = error
    return meaning
