"""Problem details on the wire (RFC 9457): what an `ExchangeError` looks like, and the way back."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.wire import errors as tree
from shared.wire.errors import ExchangeError, FieldError

TYPE_BASE = "urn:service-exchange:problem:"


class ProblemField(BaseModel):
    """One fault in a body."""

    pointer: str
    """JSON pointer (RFC 6901) of the member at fault."""
    detail: str


class Problem(BaseModel):
    """A refusal: what happened, why, and what to do. Members we do not know are kept."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str = "about:blank"
    title: str = ""
    status: int = Field(default=500, ge=100, le=599)
    code: str = "internal"
    """Stable name of the refusal; what a program switches on."""
    detail: str = ""
    cause: str = ""
    """Why it happened."""
    fix: str = ""
    """What to do about it."""
    errors: list[ProblemField] = []
    request_id: str | None = None
    retry_after: int | None = None
    """Seconds to wait before another try."""

    @classmethod
    def from_error(cls, error: ExchangeError, status: int, request_id: str | None = None) -> "Problem":
        """Return the problem that tells ``error`` to a caller."""
        return cls(
            type=TYPE_BASE + error.code,
            title=error.title,
            status=status,
            code=error.code,
            detail=error.detail,
            cause=error.cause,
            fix=error.fix,
            errors=[ProblemField(pointer=fault.pointer, detail=fault.detail) for fault in error.errors],
            request_id=request_id,
            retry_after=error.retry_after,
            **error.extra,
        )

    def to_error(self) -> ExchangeError:
        """Return the error the other side raised, as our own class of the same meaning."""
        kind = _BY_STATUS.get(self.status, tree.Unavailable if self.status >= 500 else tree.Invalid)
        return kind(
            self.detail or self.title,
            code=self.code,
            cause=self.cause,
            fix=self.fix,
            errors=[FieldError(fault.pointer, fault.detail) for fault in self.errors],
            retry_after=self.retry_after,
            extra={name: value for name, value in (self.model_extra or {}).items() if isinstance(value, str | int)},
        )

    def to_wire(self) -> dict[str, Any]:
        """Return the members that have something to say."""
        return {name: value for name, value in self.model_dump(mode="json").items() if value not in (None, "", [])}


_BY_STATUS: dict[int, type[ExchangeError]] = {
    400: tree.Invalid,
    401: tree.Unauthenticated,
    403: tree.Forbidden,
    404: tree.NotFound,
    409: tree.Conflict,
    410: tree.Gone,
    412: tree.PreconditionFailed,
    413: tree.TooLarge,
    422: tree.Invalid,
    428: tree.PreconditionRequired,
    429: tree.TooMany,
    503: tree.Unavailable,
}
