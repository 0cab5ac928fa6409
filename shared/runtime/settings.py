"""What an operator may set, from the environment; the same names on both services behind each one's prefix.

Every setting ``X`` may instead be given as ``X_FILE``, the path of a file holding the value (container secrets).
Insecure combinations stop a production start, each with its cause and its remedy.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.wire.discovery import QuotaLimits
from shared.wire.errors import FieldError, Invalid
from shared.wire.identifiers import canonical_issuer
from shared.wire.states import InstanceType


class SettingsRefused(Invalid):
    """The environment cannot be read, or describes something that must not run. ``errors`` names each setting."""

    code = "settings_refused"
    title = "The settings do not allow a start"

    def __str__(self) -> str:
        """All refusals at once, for a terminal."""
        return "\n".join([self.detail, *(f"  {error.pointer}: {error.detail}" for error in self.errors)])


@dataclass(frozen=True, slots=True)
class Refusal:
    """One setting that stops the start: what is wrong, why that matters, what to do."""

    setting: str
    problem: str
    cause: str
    fix: str


def _words(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Network = IPv4Network | IPv6Network
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_words)]


class ServiceSettings(BaseSettings):
    """Settings of one service process. Read with `load`; immutable. A service sets ``env_prefix`` and adds its own."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, validate_default=True)

    environment: Literal["development", "production"] = "development"
    """``development`` allows plain http on loopback and makes what is missing; ``production`` refuses both."""
    instance_type: InstanceType = InstanceType.SUB_PRODUCTION
    """What the instance is used for; part of what peers see."""
    data_dir: Path = Path("var")
    """Directory the instance keeps: its database unless another is set, the master key of development, its marker."""
    database_url: SecretStr = SecretStr("")
    """``sqlite:////path/file.db`` or ``postgresql://user:password@host/name``; unset, a file in ``data_dir``."""
    issuer: str = ""
    """The address peers know this instance by, ``https://host``; unset in development, the address listened on."""

    listen_host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` in a container."""
    listen_port: int = Field(8000, ge=1, le=65535)
    """Port to listen on, plain HTTP; TLS ends at the proxy before it."""
    trusted_proxies: Words = ()
    """Addresses of proxies whose ``X-Forwarded-For`` is believed (for logs and rate limits, never for signatures)."""

    master_key: SecretStr | None = None
    """32 bytes in base64 that seal every secret in the database; in development made once and kept in ``data_dir``."""
    previous_master_keys: SecretStr = SecretStr("")
    """Earlier master keys, separated by blanks or commas, still able to open what they sealed."""
    identity_master_key: SecretStr | None = None
    """As ``master_key``, for the identity key alone; for ``serve`` and commands on keys, never given to ``worker``."""
    previous_identity_master_keys: SecretStr = SecretStr("")
    """Earlier ones of these, separated by blanks or commas."""

    smtp_host: str = ""
    """Mail server; empty: no e-mail is sent and links are copied by hand."""
    smtp_port: int = Field(587, ge=1, le=65535)
    """Port of the mail server."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """``starttls`` or ``tls``; ``none`` only without a user name."""
    smtp_user: str = ""
    """User name at the mail server; empty: none is given."""
    smtp_password: SecretStr = SecretStr("")
    """Password at the mail server."""
    smtp_sender: str = ""
    """Address e-mail is sent from."""
    smtp_seconds: float = Field(20.0, gt=0)
    """Deadline of one hand-over, in seconds."""

    allowed_networks: Networks = ()
    """Private networks that may be connected to, for instance ``10.1.0.0/16``. Empty: public addresses only."""
    allowed_origins: Words = ()
    """Loopback origins that may be connected to in development, for instance ``http://127.0.0.1:8001``."""

    allowed_ports: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_words)] = ()
    """Ports that may be connected to besides 443 and 8443."""

    messages_per_request: int = Field(100, ge=1, le=1000)
    """Messages sent in one request, at most; the peer may ask for fewer."""

    quota_requests_per_minute: int = Field(6_000, ge=1)
    """Requests one peer may make to send or fetch messages, a minute and process; beyond that it is told to wait."""
    quota_messages_per_minute: int = Field(600_000, ge=1)
    """Messages one peer may send, a minute and process."""
    quota_bytes_per_hour: int = Field(8 * 2**30, ge=1)
    """Octets one peer may send in messages, an hour and all processes together."""
    quota_new_lanes_per_hour: int = Field(200_000, ge=1)
    """Lanes (records) one peer may begin, an hour and all processes together."""

    first_admin_email: str = ""
    """E-mail address of the first administrator, instead of the wizard."""
    first_admin_password: SecretStr = SecretStr("")
    """Password of the first administrator; they change it once they are in."""

    metrics_token: SecretStr = SecretStr("")
    """Bearer token that ``/metrics`` asks for; unset, it answers this machine only."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on lines are written."""
    log_format: Literal["json", "console"] = "json"
    """``json`` for machines, one object a line; ``console`` for eyes."""

    @property
    def quotas(self) -> QuotaLimits:
        """How much one peer may ask of this instance, as peers are told."""
        return QuotaLimits(
            requests_per_minute=self.quota_requests_per_minute,
            messages_per_minute=self.quota_messages_per_minute,
            bytes_per_hour=self.quota_bytes_per_hour,
            new_lanes_per_hour=self.quota_new_lanes_per_hour,
        )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Derive what follows from other settings."""
        filled = dict(values)
        if not filled.get("database_url"):
            directory = Path(filled.get("data_dir") or cls.model_fields["data_dir"].default)
            filled["database_url"] = f"sqlite:///{directory.absolute() / 'service.db'}"
        if not filled.get("issuer") and filled.get("environment", "development") == "development":
            port = filled.get("listen_port") or cls.model_fields["listen_port"].default
            filled["issuer"] = f"http://127.0.0.1:{port}"
        return filled

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then files the environment names; nothing else is read."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _NamedFiles(settings_cls)

    def refusals(self) -> Iterator[Refusal]:
        """What must not run in production. A service adds its own by extending this."""
        if self.environment != "production":
            return
        if not _is_canonical_issuer(self.issuer):
            yield Refusal(
                "issuer",
                "is not a canonical https origin",
                "peers and signatures rely on this exact address, and over plain http anybody in between can be it",
                "set it to scheme, host in lower case and port if unusual, for instance https://exchange.example.com",
            )
        if self.master_key is None:
            yield Refusal(
                "master_key",
                "is missing",
                "secrets in the database would have nothing to seal them",
                "make one with: openssl rand -base64 32",
            )
        if self.smtp_host and self.smtp_security == "none" and self.smtp_user:
            yield Refusal(
                "smtp_security",
                "is none although a password is sent",
                "the password would cross the network in the clear",
                "set it to starttls or tls",
            )
        if self.smtp_host and not self.smtp_sender:
            yield Refusal("smtp_sender", "is missing", "mail without a sender is refused", "set the sender's address")
        if any(origin.startswith("http://") for origin in self.allowed_origins):
            yield Refusal(
                "allowed_origins",
                "lists a plain http origin",
                "such origins are for development on one machine",
                "remove it; intranets belong into allowed_networks",
            )


def _is_canonical_issuer(issuer: str) -> bool:
    try:
        return canonical_issuer(issuer) == issuer
    except Invalid:
        return False


Settings = TypeVar("Settings", bound=ServiceSettings)


def load(settings_class: type[Settings], **given: Any) -> Settings:
    """Read the settings from the environment; raise `SettingsRefused`, never showing a value, if they cannot stand."""
    prefix = settings_class.model_config.get("env_prefix", "")
    try:
        settings = settings_class(**given)
    except ValidationError as error:
        faults = [
            FieldError(f"{prefix}{'.'.join(str(part) for part in fault['loc'][:1])}".upper(), fault["msg"])
            for fault in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise SettingsRefused("Some settings cannot be read", errors=faults) from None
    refused = [
        FieldError(f"{prefix}{one.setting}".upper(), f"{one.problem}: {one.cause}; {one.fix}")
        for one in settings.refusals()
    ]
    if refused:
        raise SettingsRefused("These settings must not run in production", errors=refused)
    return settings


class _NamedFiles(PydanticBaseSettingsSource):
    """Values out of the files that ``<PREFIX><NAME>_FILE`` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the file's content without its last line break, or None where no file is named."""
        del field
        name = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(f"{name}_FILE", "")
        if not path:
            return None, field_name, False
        if os.environ.get(name):
            raise SettingsRefused(f"{name} and {name}_FILE are both set", fix="Keep one of them")
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsRefused(f"{name}_FILE cannot be read", cause=type(error).__name__) from error

    def __call__(self) -> dict[str, Any]:
        """Return all values given that way."""
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}
