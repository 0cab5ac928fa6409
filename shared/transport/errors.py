"""What can go wrong at the crossing, split by whose fault it is.

::

    ExchangeError
    ├── Invalid
    │   ├── EgressRefused          this address is none we connect to              (whoever gave the address)
    │   ├── UnknownParameter       a query parameter the operation does not have   (the caller's)
    │   └── BadFraming             headers, path or framing out of form            (the caller's)
    ├── MethodNotAllowed           the path has no such method                     (the caller's)
    ├── NotAcceptedType            not a content type or encoding we read          (the caller's)
    ├── ReceiptTimeout             the request did not arrive in time              (the caller's or the network's)
    ├── HeadersTooLarge            too many or too large headers                   (the caller's)
    └── CallFailed                 an outbound call brought no usable answer
        ├── Unreachable            no answer: name, connection, TLS                (the network's)
        │   ├── CertificateRefused its TLS certificate is not valid                (the peer's)
        │   └── DeadlinePassed     no complete answer in time                      (the network's)
        ├── UnsignedAnswer         an answer nobody we know has signed             (the peer's, or a proxy's)
        │   └── OversizedAnswer    an answer beyond the limit; not read further    (the peer's)
        └── RefusedByPeer          a signed refusal, with the peer's problem       (ours, in the peer's eyes)
"""

from shared.wire.errors import ExchangeError, Invalid
from shared.wire.problems import Problem


class EgressRefused(Invalid):
    """The egress guard refuses the address.

    Codes: ``url_not_allowed`` (spelling, scheme, port, host name), ``address_not_allowed`` (where it leads).
    """

    code = "address_not_allowed"
    title = "This address may not be connected to"


class UnknownParameter(Invalid):
    """A query parameter the operation does not know, or one given twice."""

    code = "unknown_parameter"
    title = "Unknown query parameter"


class BadFraming(Invalid):
    """Path, headers or framing are not in the form the protocol demands."""

    code = "bad_framing"
    title = "The request is not in the required form"


class MethodNotAllowed(ExchangeError):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    title = "The method is not allowed here"


class NotAcceptedType(ExchangeError):
    """A content type or a content encoding we do not read."""

    code = "unsupported_media_type"
    title = "The content type is not accepted here"


class ReceiptTimeout(ExchangeError):
    """The request's body did not arrive within the receipt deadline."""

    code = "receipt_timeout"
    title = "The request did not arrive in time"


class HeadersTooLarge(ExchangeError):
    """More headers, or more bytes of them, than we read (RFC 6585 section 5)."""

    code = "headers_too_large"
    title = "The headers are too large"


class CallFailed(ExchangeError):
    """An outbound call brought no usable answer."""

    code = "call_failed"
    title = "The other side could not be asked"


class Unreachable(CallFailed):
    """No answer came: the name does not resolve, the connection or its TLS failed, or it broke off."""

    code = "unreachable"
    title = "The other side cannot be reached"


class CertificateRefused(Unreachable):
    """The host answers, but with a TLS certificate that is not valid."""

    code = "certificate_refused"
    title = "The TLS certificate is not valid"


class DeadlinePassed(Unreachable):
    """No complete answer came before the deadline."""

    code = "deadline_passed"
    title = "The other side did not answer in time"


class UnsignedAnswer(CallFailed):
    """An answer came without a valid signature of the peer; it is no verdict about anything."""

    code = "unsigned_answer"
    title = "The answer is not signed by the other side"

    status: int = 0
    """The answer's status, 0 where there was none."""


class OversizedAnswer(UnsignedAnswer):
    """The answer is larger than the limit; reading stopped there, so its signature was not judged."""

    code = "answer_too_large"
    title = "The answer is too large"


class RefusedByPeer(CallFailed):
    """A signed refusal. ``problem`` is the peer's own, ``problem.to_error()`` its meaning."""

    code = "refused_by_peer"
    title = "The other side refused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            problem.detail or problem.title,
            cause=problem.cause,
            fix=problem.fix,
            retry_after=problem.retry_after,
            extra={"peer_code": problem.code, "peer_status": problem.status},
        )
        self.problem = problem
