"""Decisions of the handshake on the provider; pure."""

import base64
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from shared.wire.errors import Conflict, Forbidden
from shared.wire.problems import Problem
from shared.wire.registration import Announcement, StepStatus
from shared.wire.states import RegistrationState as State
from shared.wire.states import Step
from shared.wire.version import PROTOCOL_VERSION

HANDSHAKE_DEADLINE: Final = timedelta(hours=1)
"""Time from the announcement to the completion before the handshake is put back to its start."""

NOTICE_RETRY: Final = (1, 5, 30, 120, 600, 1800, 3600)
"""Seconds between tries to tell the consumer that we cancelled."""
NOTICE_ATTEMPTS: Final = 24

NOTING_AGAIN: Final = timedelta(minutes=1)
"""Time before the same refusal of an announcement is written anew."""

_ORDER: Final = (
    Step.VALIDATION,
    Step.INVITATION,
    Step.ANNOUNCEMENT,
    Step.AUTHORIZATION,
    Step.COMPLETION,
    Step.SETTINGS,
)


def new_secret() -> str:
    """Return 256 random bits, base64url, 43 characters."""
    return secrets.token_urlsafe(32)


def commitment_of(nonce: str) -> str:
    """Return the commitment to a nonce: SHA-256 over its bytes, base64url."""
    raw = base64.urlsafe_b64decode(nonce + "=")
    return base64.urlsafe_b64encode(sha256(raw).digest()).rstrip(b"=").decode()


def require_version(versions: list[str]) -> None:
    """Raise `Conflict` where the two sides have no protocol version in common."""
    if PROTOCOL_VERSION not in versions:
        raise Conflict(
            f"The consumer speaks protocol versions {', '.join(versions) or 'none'}, this provider {PROTOCOL_VERSION}",
            code="version_unsupported",
            fix="Bring both sides to a version they have in common.",
        )


def require_same_host(announced: str, expected: str) -> None:
    """Raise `Forbidden` where the announcing instance is not at the registered address."""
    if announced != expected:
        raise Forbidden(
            f"The announcement comes from {announced}, the registration is for {expected}",
            code="token_wrong_host",
            cause="The consumer address of the registration and of the announcing instance differ.",
            fix="Open the link on the registered instance, or have the provider correct the address.",
        )


def require_bound(bound: tuple[str, str], announced: tuple[str, str]) -> None:
    """Raise `Conflict` where a registration is bound to another instance or identity key."""
    if bound != announced:
        raise Conflict(
            "Another instance has already announced itself for this registration",
            code="registration_bound",
            cause="The first announcement that succeeds binds instance id and identity key.",
            fix="If that was not you, have the provider cancel the registration and start again.",
        )


def announced_as(announcement: Announcement) -> tuple[str, str]:
    """Return what a registration is bound to: the instance's id and the thumbprint of its identity."""
    return announcement.instance_id, announcement.key_set.kid


def worth_noting(noted: str | None, noted_at: datetime, code: str, now: datetime) -> bool:
    """Tell whether a refused announcement tells people something that does not stand there already."""
    return noted != code or now - noted_at >= NOTING_AGAIN


def steps(state: str, *, done: frozenset[Step], problem: Problem | None, problem_step: Step | None) -> list[StepStatus]:
    """Return how far each step is: those done, the one it stands at, those to come."""
    running_found = False
    ended = State(state) is State.CLOSED_INCOMPLETE
    result = []
    for step in _ORDER:
        if step in done:
            result.append(StepStatus(step=step, state="done"))
            continue
        current, running_found = not running_found, True
        told = problem.detail if problem is not None and problem_step is step else ""
        failed = bool(told) or (current and ended)
        result.append(
            StepStatus(step=step, state="failed" if failed else "running" if current else "waiting", problem=told)
        )
    return result


def next_notice(attempts: int, now: datetime) -> datetime | None:
    """Return when to tell the consumer again that we cancelled, or None after the last try."""
    if attempts + 1 >= NOTICE_ATTEMPTS:
        return None
    return now + timedelta(seconds=NOTICE_RETRY[min(attempts, len(NOTICE_RETRY) - 1)])
