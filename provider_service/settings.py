"""What an operator of this service may set: those of every service, its passwords, and its directory of people."""

from collections.abc import Iterator

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import Refusal, ServiceSettings


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
