"""The handshake's documents (design: protocol.md, *Registration token and link*, *Handshake*)."""

from typing import Literal

from pydantic import Field

from shared.wire.connection import Settings
from shared.wire.discovery import SignedStatement
from shared.wire.messages import Id
from shared.wire.model import WireModel
from shared.wire.states import DeliveryMode, InstanceType, RegistrationState, Step

TOKEN_TYPE = "service-exchange-registration+jwt"  # noqa: S105  # the JWT's media type, no secret


class Announcement(WireModel):
    """C → P: ``POST …/{number}/announcement``, signed by an http key of the key set it carries."""

    token: str = Field(max_length=4096)
    """The registration token of the link."""
    issuer: str
    instance_id: Id
    epoch: int = Field(ge=1)
    instance_type: InstanceType
    name: str = Field(max_length=64)
    versions: list[str]
    delivery: DeliveryMode
    nonce_commitment: str = Field(min_length=43, max_length=43)
    """SHA-256 of the 32 bytes of nonce C, base64url; nonce C follows in the reveal: neither side can choose a code."""
    key_set: SignedStatement


class AnnouncementAnswer(WireModel):
    """What P tells C once the announcement stands."""

    state: RegistrationState
    nonce_p: str = Field(min_length=43, max_length=43)
    """32 bytes, base64url."""
    company: str
    """Name of the company the registration is for."""
    contact: str
    """Name of the person who has to sign in at the provider."""
    token_expires: int
    """Unix seconds."""
    authorization_endpoint: str
    """Where the browser is sent: a URL beneath P's issuer."""


class Reveal(WireModel):
    """C → P: ``POST …/{number}/reveal``."""

    nonce_c: str = Field(min_length=43, max_length=43)
    """32 bytes, base64url, whose hash was announced."""


class AuthorizationRequest(WireModel):
    """C → P: ``POST …/{number}/authorization``, the pushed authorization request (RFC 9126, as signed JSON)."""

    response_type: Literal["code"]
    client_id: Id
    """C's instance id."""
    redirect_uri: str
    """Exactly ``{C}/exchange/v1/oauth/callback``."""
    state: str = Field(min_length=22, max_length=128)
    code_challenge: str = Field(min_length=43, max_length=43)
    code_challenge_method: Literal["S256"]


class AuthorizationAnswer(WireModel):
    """The request's handle (RFC 9126 section 2.2)."""

    request_uri: str
    expires_in: int


class Completion(WireModel):
    """C → P: ``POST …/{number}/completion``."""

    code: str = Field(min_length=22, max_length=128)
    code_verifier: str = Field(min_length=43, max_length=128)
    redirect_uri: str
    comparison_code: str | None = None
    """For ``pull`` and re-key: the code as confirmed by the person on C."""


class CompletionAnswer(WireModel):
    """The connection, as P has stored it."""

    connection_id: Id
    settings: Settings
    """P's side of the agreed settings."""
    contact: str
    """Name of the person who allowed it."""
    environment: str = Field(default="", max_length=40)
    """What P calls this instance of C's among several, for instance ``test``; for people."""


class Cancellation(WireModel):
    """Either way: ``POST …/{number}/cancellation``."""

    reason: str = Field(default="", max_length=500)


class StepStatus(WireModel):
    """How far one step of the handshake is."""

    step: Step
    state: Literal["waiting", "running", "done", "failed"]
    problem: str = ""


class RegistrationStatus(WireModel):
    """``GET …/{number}`` and the answer to everything that has no other: where the registration stands at P."""

    number: str
    state: RegistrationState
    steps: list[StepStatus] = []
    reason: str = ""
    """Why it was closed, where it was."""
