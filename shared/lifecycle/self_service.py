"""A request of self-service registration on the provider (design: self_service.md, *Request*)."""

from enum import StrEnum

from shared.lifecycle.table import Lifecycle
from shared.wire.self_service import RequestState as State


class Move(StrEnum):
    """What can happen to a request."""

    PROVE = "prove"
    """The applicant has proven the mailbox, or the submitter is somebody who need not."""
    ASK = "ask"
    """Whoever decides wants to know more."""
    ANSWER = "answer"
    """The applicant has told it."""
    APPROVE = "approve"
    """Approved, and every provisioning step is done."""
    FAIL = "fail"
    """A provisioning step failed; the steps done stay done."""
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


REQUEST: Lifecycle[State, Move] = Lifecycle(
    name="Self-service request",
    initial=State.VERIFYING,
    transitions={
        State.VERIFYING: {
            Move.PROVE: State.PENDING,
            Move.WITHDRAW: State.WITHDRAWN,
            Move.EXPIRE: State.EXPIRED,
        },
        State.PENDING: {
            Move.APPROVE: State.APPROVED,
            Move.FAIL: State.FAILED,
            Move.ASK: State.MORE_INFO,
            Move.REJECT: State.REJECTED,
            Move.WITHDRAW: State.WITHDRAWN,
            Move.EXPIRE: State.EXPIRED,
        },
        State.MORE_INFO: {
            Move.ANSWER: State.PENDING,
            Move.REJECT: State.REJECTED,
            Move.WITHDRAW: State.WITHDRAWN,
            Move.EXPIRE: State.EXPIRED,
        },
        State.FAILED: {
            Move.APPROVE: State.APPROVED,
            Move.FAIL: State.FAILED,
            Move.REJECT: State.REJECTED,
        },
        State.APPROVED: {},
        State.REJECTED: {},
        State.WITHDRAWN: {},
        State.EXPIRED: {},
    },
)
"""Only an anonymous applicant waits in VERIFYING; everybody else's request is proven as it is made."""
