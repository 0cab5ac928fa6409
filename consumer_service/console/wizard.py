"""How an onboarding is told to people: its steps in words, its state as a badge, what is to be done next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from consumer_service.handshakes import service as handshakes
from consumer_service.handshakes.service import PresentAttempt
from consumer_service.health.domain import Issue
from consumer_service.provider_connections import service as provider_connections
from consumer_service.provider_connections.schemas import ProviderConnectionView
from shared.interface.languages import translate as t
from shared.wire.registration import StepStatus
from shared.wire.states import DeliveryMode, Step
from shared.wire.states import ProviderConnectionState as State

TONES: Final[Mapping[State, str]] = {
    State.AWAITING_VALIDATION: "busy",
    State.VALIDATION_FAILED: "error",
    State.VALIDATED: "info",
    State.ONBOARDED: "success",
    State.CANCELLED: "neutral",
}

_TOLD: Final[Mapping[Step, tuple[str, str]]] = {
    Step.INVITATION: ("Invitation accepted", "You confirmed {host} as your provider."),
    Step.VALIDATION: ("Both sides checked", "Address, certificate, clock and keys of {host}, and our own readiness."),
    Step.ANNOUNCEMENT: ("Introduced to the provider", "{host} learns our name, address and public keys."),
    Step.AUTHORIZATION: ("Allowed by the contact", "{contact} signs in at {host} and allows the connection."),
    Step.COMPLETION: ("Connection opened", "Both sides have exchanged and pinned their keys."),
    Step.SETTINGS: ("Settings agreed", "Each side has acknowledged the other's settings."),
}
"""In the order in which a person meets them."""

_WORDS: Final = {"running": "current", "waiting": "waiting", "done": "done", "failed": "failed"}
"""How far a step is, in the words of the step list."""


@dataclass(frozen=True, slots=True)
class Onboarding:
    """One provider connection with everything its page shows."""

    view: ProviderConnectionView
    attempt: PresentAttempt
    issues: Sequence[Issue]
    """What keeps it from going on."""

    @property
    def host(self) -> str:
        """The provider's host, which an administrator has confirmed."""
        return urlsplit(self.view.provider).netloc

    @property
    def name(self) -> str:
        """What to call the provider: the name it gives itself, once verified, else its host."""
        return self.view.provider_name or self.host

    @property
    def tone(self) -> str:
        """Colour of the state's badge."""
        return TONES[self.view.state]

    @property
    def going_on(self) -> bool:
        """Whether the onboarding has not come to an end."""
        return self.view.state not in {State.ONBOARDED, State.CANCELLED}

    @property
    def failed(self) -> bool:
        """Whether checks keep it from going on."""
        return self.view.state is State.VALIDATION_FAILED

    @property
    def can_connect(self) -> bool:
        """Whether Connect to Provider is the next thing to do, or may be done again."""
        return self.view.state is State.VALIDATED and self.view.connection_id is None and not self.redeeming

    @property
    def redeeming(self) -> bool:
        """Whether the contact's answer is here and the connection is about to be opened."""
        return self._is_done(Step.AUTHORIZATION) and not self._is_done(Step.COMPLETION) and self.going_on

    @property
    def awaits_contact(self) -> bool:
        """Whether the contact has to sign in at the provider now."""
        return self.can_connect and self._is_done(Step.ANNOUNCEMENT) and self.attempt.authorize_url is not None

    @property
    def pull(self) -> bool:
        """Whether this instance fetches its messages."""
        return self.view.delivery is DeliveryMode.PULL

    def leads_to_provider(self, user_id: str) -> bool:
        """Whether this person's browser is the one to go to the provider with."""
        return self.awaits_contact and self.attempt.administrator_id == user_id

    def steps(self) -> list[dict[str, str]]:
        """Return the items of the step list, in the language being rendered."""
        by_step = {one.step: one for one in self.view.steps}
        return [self._told(by_step[step]) for step in _TOLD if step in by_step]

    def row(self) -> dict[str, object]:
        """Return the row of a list, in the language being rendered."""
        return {
            "provider": {"text": self.name, "href": f"/provider-connections/{self.view.id}"},
            "address": {"code": self.host},
            "number": self.view.number,
            "state": {"text": t(self.view.state), "tone": self.tone},
            "opened": {"ago": self.view.opened_at},
            "opened_by": self.view.opened_by,
        }

    def _told(self, status: StepStatus) -> dict[str, str]:
        title, text = _TOLD[status.step]
        state = _WORDS[status.state]
        if status.step is Step.VALIDATION and self.failed:
            state, text = "failed", "Something has to be resolved first."
        if status.step is Step.ANNOUNCEMENT and state == "current":
            state, text = "waiting", "Begins with Connect to Provider."
        contact = self.view.contact or t("The contact")
        return {
            "title": t(title),
            "state": state,
            "text": t(status.problem) if status.problem else t(text, host=self.host, contact=contact),
        }

    def _is_done(self, step: Step) -> bool:
        return any(one.step is step and one.state == "done" for one in self.view.steps)


def look(session: Session, connection_id: str) -> Onboarding:
    """Read one onboarding; raise `NotFound`."""
    row = provider_connections.get(session, connection_id)
    return Onboarding(
        view=handshakes.view(session, row),
        attempt=handshakes.present_attempt(session, row.id),
        issues=provider_connections.blocking(session, row) if row.live else (),
    )
