"""The master keys an operator gives, as bytes; in development the first one is made on first use."""

import base64
import binascii
import hashlib
import os
import secrets
from pathlib import Path

import structlog
from pydantic import SecretStr

from shared.runtime.settings import ServiceSettings, SettingsRefused

KEY_BYTES = 32
DEVELOPMENT_FILE = "master.key"

_log = structlog.get_logger(__name__)


def load_master_keys(settings: ServiceSettings) -> list[tuple[str, bytes]]:
    """Return (name, 32 bytes) of each master key, the one that seals first; the name is derived from the key.

    Raises `SettingsRefused` for a key that is not 32 bytes of base64, or for none outside development.
    """
    if settings.master_key is not None:
        current = settings.master_key
    elif settings.environment == "development":
        current = _development_key(settings.data_dir / DEVELOPMENT_FILE)
    else:
        raise SettingsRefused("The master key is missing", fix="Make one with: openssl rand -base64 32")
    previous = settings.previous_master_keys.get_secret_value().replace(",", " ").split()
    return [_named(key) for key in (current.get_secret_value(), *previous)]


def _development_key(path: Path) -> SecretStr:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return SecretStr(path.read_text(encoding="ascii").strip())
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii") + "\n")
    _log.warning("development_master_key_made", path=str(path), fix="Keep it: without it nothing sealed can be opened")
    return SecretStr(path.read_text(encoding="ascii").strip())


def _named(text: str) -> tuple[str, bytes]:
    try:
        key = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")) + "==", validate=False)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsRefused(
            "A master key is not 32 bytes of base64", fix="Make one with: openssl rand -base64 32", code="master_key"
        )
    return f"mk-{hashlib.sha256(b'service-exchange master key name' + key).hexdigest()[:8]}", key
