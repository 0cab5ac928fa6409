"""What the operator and integrator API says about provider connections."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.wire.registration import StepStatus
from shared.wire.states import DeliveryMode, ProviderConnectionState


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ProviderConnectionCreate(_Body):
    """Take up an invitation."""

    link: str = Field(min_length=1, max_length=5000)
    """The registration link as it was sent, or the token alone."""
    provider: str = Field(min_length=1, max_length=300, examples=["https://desk.provider.example"])
    """The provider's address, confirmed by you: it must be the one the link names."""
    delivery: DeliveryMode = DeliveryMode.PUSH
    """pull, if the provider cannot call this instance."""


class Reason(_Body):
    """Why."""

    reason: str = Field(default="", max_length=500)


class Confirmation(_Body):
    """The comparison code, as the provider shows it."""

    comparison_code: str = Field(min_length=8, max_length=20)


class ConnectAnswer(BaseModel):
    """Where the contact's browser goes to allow the connection."""

    authorize_url: str
    comparison_code: str


class ProviderConnectionView(BaseModel):
    """The onboarding with one provider."""

    id: str
    number: str
    provider: str
    """The provider's address."""
    provider_name: str
    company: str
    contact: str
    delivery: DeliveryMode
    state: ProviderConnectionState
    live: bool
    reason: str
    comparison_code: str | None
    awaits_confirmation: bool
    """True while the comparison code has to be confirmed here (pull, re-keying)."""
    steps: list[StepStatus]
    open_issues: int
    token_expires_at: datetime
    opened_by: str
    opened_at: datetime
    updated_at: datetime
    connection_id: str | None
    rekeys: str | None = None
    """The suspended connection that gets other keys; None where a new one is made."""
    version: int


class ProviderConnectionPage(BaseModel):
    """A page of provider connections, newest first."""

    items: list[ProviderConnectionView]
    next: str | None = None
    """Cursor of the next page."""
