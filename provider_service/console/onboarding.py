"""A registration task as its page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.handshakes import service as handshakes
from provider_service.health.domain import Issue
from provider_service.instance import service as instance
from provider_service.mail import service as mail
from provider_service.mail.domain import MailRecord
from provider_service.registrations import service as registrations
from provider_service.registrations.schemas import EntryView, RegistrationView
from shared.interface.languages import translate as t
from shared.wire.problems import Problem
from shared.wire.registration import StepStatus
from shared.wire.states import RegistrationState as State
from shared.wire.states import Step

_TOLD: Final[Mapping[Step, tuple[str, str]]] = {
    Step.VALIDATION: ("Pre-onboarding checks", "This instance, the company, the contact and the keys are checked."),
    Step.INVITATION: ("Invitation", "The link is with {contact}, who opens it on {host}."),
    Step.ANNOUNCEMENT: ("Announcement", "{host} introduces itself; its address, clock and identity are checked."),
    Step.AUTHORIZATION: ("Consent", "{contact} signs in here, compares the code and allows the connection."),
    Step.COMPLETION: ("Connection opened", "Both sides have exchanged and pinned their keys."),
    Step.SETTINGS: ("Settings agreed", "Each side has acknowledged the other's settings."),
}

_WORDS: Final = {"running": "current", "waiting": "waiting", "done": "done", "failed": "failed"}
"""How far a step is, in the words of the step list."""

_HISTORY: Final = 50


@dataclass(frozen=True, slots=True)
class Onboarding:
    """One task with everything that moves by itself."""

    view: RegistrationView
    status: Sequence[StepStatus]
    comparison: str | None
    """The comparison code, once both sides' nonces are known."""
    problem: Problem | None
    """What the handshake was last refused for."""
    issues: Sequence[Issue]
    """What keeps the task from going on."""
    mails: Sequence[MailRecord]
    sends_email: bool

    @property
    def number(self) -> str:
        """The task's number."""
        return self.view.number

    @property
    def at(self) -> str:
        """Address of the task's page."""
        return f"/registrations/{self.view.number}"

    @property
    def host(self) -> str:
        """The consumer's host."""
        return self.view.consumer_url.partition("://")[2]

    @property
    def failed(self) -> bool:
        """Whether the pre-onboarding checks keep the task from going on."""
        return self.view.state is State.VALIDATION_FAILED

    @property
    def going_on(self) -> bool:
        """Whether the task has not come to an end."""
        return self.view.state not in {State.CLOSED_COMPLETE, State.CLOSED_INCOMPLETE}

    @property
    def announced(self) -> bool:
        """Whether the consumer has announced itself."""
        return self.view.state is State.WORK_IN_PROGRESS

    @property
    def may_have_link(self) -> bool:
        """Whether a link may exist in this state and still has a use."""
        return self.view.state in {State.OPEN, State.WORK_IN_PROGRESS} and self.view.connection_id is None

    @property
    def has_link(self) -> bool:
        """Whether there is a link that works."""
        return self.may_have_link and self.view.link is not None and self.view.link.state == "issued"

    @property
    def shows_code(self) -> bool:
        """Whether the comparison code matters now."""
        return self.comparison is not None and self.announced and self.view.connection_id is None

    def steps(self) -> list[dict[str, str]]:
        """Return the items of the step list, in the language being rendered."""
        return [self._step(one) for one in self.status]

    def _step(self, one: StepStatus) -> dict[str, str]:
        title, text = _TOLD[one.step]
        state = _WORDS[one.state]
        if one.step is Step.VALIDATION and self.failed:
            state, text = "failed", "Something has to be resolved first."
        return {
            "title": t(title),
            "state": state,
            "text": t(one.problem) if one.problem else t(text, host=self.host, contact=self.view.contact),
        }


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the audit trail, as a history shows it."""

    at: datetime
    action: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Story:
    """What was said about a task and what happened to it."""

    entries: Sequence[EntryView]
    history: Sequence[Happening]


def look(session: Session, number: str, now: datetime) -> Onboarding:
    """Read one task; raise `NotFound`."""
    view = registrations.view(session, registrations.get(session, number), now)
    provider = instance.get(session)
    return Onboarding(
        view=view,
        status=handshakes.status(session, number).steps,
        comparison=handshakes.comparison(session, number),
        problem=handshakes.problem(session, number),
        issues=registrations.blocking(session, number) if view.state is State.VALIDATION_FAILED else (),
        mails=mail.listed(session, related_type=registrations.SUBJECT, related_id=number, limit=5),
        sends_email=provider is not None and provider.sends_email,
    )


def story(session: Session, number: str) -> Story:
    """Return comments and work notes, the oldest first, and the history, the newest first."""
    entries = registrations.entries(session, number, internal=True)
    history = audit.trail(session, limit=_HISTORY, filters={"number": number})
    return Story(
        entries=[EntryView.model_validate(entry, from_attributes=True) for entry in entries],
        history=[
            Happening(row.at, row.action, row.actor_name or row.actor_id, str((row.after or {}).get("reason") or ""))
            for row in history
        ],
    )
