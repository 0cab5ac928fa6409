"""What can go wrong, as meanings; status codes live in one table at the edge (`shared.transport.problems`).

::

    ExchangeError
    ├── Invalid               the request cannot be understood or breaks a rule   (theirs)
    │   └── MalformedJson     the body is not the strict JSON we accept           (theirs)
    ├── Unauthenticated       we do not know who is asking                        (theirs)
    ├── Forbidden             we know, and they may not                           (theirs)
    ├── NotFound              nothing here under that name, for this caller       (theirs)
    ├── Conflict              the present state does not allow it                 (theirs)
    │   └── IllegalMove       the transition table has no such move
    ├── Gone                  it was here and has ended for good                  (theirs)
    ├── PreconditionFailed    If-Match names an older version                     (theirs)
    ├── PreconditionRequired  If-Match is missing                                 (theirs)
    ├── TooLarge              over a stated limit of size                         (theirs)
    ├── TooMany               over a stated rate or quota                         (theirs)
    └── Unavailable           we cannot at the moment; trying again is right      (ours)

Every error carries a stable ``code`` (snake_case; integrators switch on it), a ``detail`` saying what happened, and
where known the ``cause`` (why) and the ``fix`` (what to do): design page quality.md, *API conventions* 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a body: where (a JSON pointer, RFC 6901) and what."""

    pointer: str
    detail: str


class ExchangeError(Exception):
    """The root. Raised by use cases, turned into a problem (RFC 9457) at the edge and back at the caller."""

    code = "internal"
    title = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        cause: str = "",
        fix: str = "",
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        extra: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.cause = cause
        self.fix = fix
        self.errors = tuple(errors)
        self.retry_after = retry_after
        """Seconds to wait before another try, or None where waiting is not the remedy."""
        self.extra = dict(extra or {})
        """Further members of the problem document, for instance ``server_time``."""


class Invalid(ExchangeError):
    """The request cannot be understood or breaks a stated rule."""

    code = "invalid"
    title = "The request is not valid"


class MalformedJson(Invalid):
    """The body is not strict JSON: UTF-8, no duplicate names, no NaN, bounded depth (RFC 8259, RFC 7493)."""

    code = "malformed"
    title = "The body is not valid JSON"


class Unauthenticated(ExchangeError):
    """Nobody, or nobody we know, stands behind the request."""

    code = "unauthenticated"
    title = "Sign in or sign the request"


class Forbidden(ExchangeError):
    """The caller is known and lacks the right."""

    code = "forbidden"
    title = "Not allowed"


class NotFound(ExchangeError):
    """Nothing under that name that this caller may see."""

    code = "not_found"
    title = "Not found"


class Conflict(ExchangeError):
    """The present state does not allow it."""

    code = "conflict"
    title = "The present state does not allow this"


class IllegalMove(Conflict):
    """A transition table has no such move from this state."""

    code = "illegal_move"
    title = "This step is not possible in the present state"


class Gone(ExchangeError):
    """It was here and has ended for good."""

    code = "gone"
    title = "No longer available"


class PreconditionFailed(ExchangeError):
    """If-Match names a version that is no longer the present one."""

    code = "precondition_failed"
    title = "The resource has changed in the meantime"


class PreconditionRequired(ExchangeError):
    """A change of a shared resource must name the version it starts from."""

    code = "precondition_required"
    title = "If-Match is required"


class TooLarge(ExchangeError):
    """Over a stated limit of size."""

    code = "too_large"
    title = "Too large"


class TooMany(ExchangeError):
    """Over a stated rate or quota."""

    code = "too_many_requests"
    title = "Too many requests"


class Unavailable(ExchangeError):
    """We cannot at the moment; trying again is right."""

    code = "unavailable"
    title = "Not available at the moment"
