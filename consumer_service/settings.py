"""What an operator of this service may set: the settings every service has, and how it deals with passwords."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of one consumer process, read from ``CONSUMER_...``."""

    model_config = SettingsConfigDict(env_prefix="CONSUMER_")

    listen_port: int = Field(8001, ge=1, le=65535)
    """Port to listen on, plain HTTP; TLS ends at the proxy before it."""

    password_time_cost: int = Field(3, ge=1, le=16)
    """Passes of argon2id over its memory; this and the next two default to RFC 9106 section 4, second choice."""
    password_memory_kib: int = Field(65_536, ge=8, le=1_048_576)
    """Memory of one argon2id hash, in KiB."""
    password_parallelism: int = Field(4, ge=1, le=16)
    """Lanes of one argon2id hash."""
