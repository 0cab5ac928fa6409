"""What an operator of this service may set: those of every service, its passwords, and its directory of people."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import Refusal, ServiceSettings

DirectoryKey: TypeAlias = Literal["id", "externalId", "userName"]
"""Attributes of a user of another directory (SCIM 2.0) by which there is one at most."""


class Settings(ServiceSettings):
    """Settings of one provider process, read from ``PROVIDER_...``."""

    model_config = SettingsConfigDict(env_prefix="PROVIDER_")

    listen_port: int = Field(8000, ge=1, le=65535)
    """Port to listen on, plain HTTP; TLS ends at the proxy before it."""

    password_time_cost: int = Field(3, ge=1, le=16)
    """Passes of argon2id over its memory; this and the next two default to RFC 9106 section 4, second choice."""
    password_memory_kib: int = Field(65_536, ge=8, le=1_048_576)
    """Memory of one argon2id hash, in KiB."""
    password_parallelism: int = Field(4, ge=1, le=16)
    """Lanes of one argon2id hash."""

    directory_url: str = ""
    """Provider only: SCIM 2.0 service that self-service registration makes users in; empty: this instance's own."""
    directory_token: SecretStr = SecretStr("")
    """Provider only: bearer token for it."""
    directory_issuer: str = ""
    """Provider only: issuer of the identity provider by which people of that directory sign in; empty: they do not."""
    directory_claim: str = "sub"
    """Provider only: claim of its ID token that says who somebody is in that directory. Never a mail address."""
    directory_claim_is: DirectoryKey = "id"
    """Provider only: what of a user the claim equals there: `id`, `externalId` or `userName`."""

    @field_validator("directory_claim")
    @classmethod
    def _says_who(cls, value: str) -> str:
        """An equal address does not make two accounts one person's."""
        if not value or value.casefold() in {"email", "email_verified", "upn"}:
            raise ValueError("a mail address does not say who somebody is; name a claim nobody sets for themselves")
        return value

    def refusals(self) -> Iterator[Refusal]:
        """What must not run in production."""
        yield from super().refusals()
        if self.environment == "production" and self.directory_url and not self.directory_url.startswith("https://"):
            yield Refusal(
                "directory_url",
                "is not https",
                "people's data and the token would cross the network in the clear",
                "set it to an https address",
            )
        if self.environment == "production" and self.directory_url and not self.directory_token.get_secret_value():
            yield Refusal(
                "directory_token",
                "is missing",
                "the directory would refuse every call",
                "have the directory make one for this instance",
            )
