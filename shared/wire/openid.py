"""What an identity provider says of itself and answers (OpenID Connect Discovery 1.0, Core 1.0; RFC 6749, RFC 9207).

Tolerant of members we do not know, as these documents grow; strict about those we act on.
"""

from typing import Annotated

from pydantic import Field

from shared.wire.model import WireModel

Url = Annotated[str, Field(min_length=1, max_length=2000)]


class ProviderMetadata(WireModel):
    """The members of a discovery document that signing people in needs."""

    issuer: Url
    authorization_endpoint: Url
    token_endpoint: Url
    jwks_uri: Url
    userinfo_endpoint: Url | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False
    """Whether every answer that comes by way of the browser names the issuer (RFC 9207)."""


class TokenAnswer(WireModel):
    """What a code was redeemed for."""

    id_token: str = Field(min_length=1, max_length=16384, repr=False)
    access_token: str = Field("", max_length=16384, repr=False)


class TokenRefusal(WireModel):
    """Why a code was not redeemed (RFC 6749 section 5.2)."""

    error: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")
