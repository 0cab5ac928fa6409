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
from shared.signing.envelopes import MasterKey, MasterKeys

KEY_BYTES = 32
DEVELOPMENT_FILE = "master.key"
DEVELOPMENT_IDENTITY_FILE = "identity.key"

_log = structlog.get_logger(__name__)


def open_masters(settings: ServiceSettings, *, identity: bool, required: bool = True) -> MasterKeys:
    """Return the master keys a process is given, with ``identity`` those of the identity key too.

    Without ``required`` it does without these where none are set. Raises `SettingsRefused`.
    """
    own = load_identity_keys(settings, required=required) if identity else []
    return MasterKeys(
        (MasterKey(name, secret) for name, secret in load_master_keys(settings)),
        (MasterKey(name, secret) for name, secret in own),
    )


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
    return _all_named(current, settings.previous_master_keys)


def load_identity_keys(settings: ServiceSettings, *, required: bool = True) -> list[tuple[str, bytes]]:
    """Return (name, 32 bytes) of each master key of the identity, the one that seals first.

    Without ``required`` a process that was not given any gets none. Raises `SettingsRefused` as `load_master_keys`, and
    for one that is a common master key too: then it would protect nothing apart.
    """
    if settings.identity_master_key is not None:
        current = settings.identity_master_key
    elif settings.environment == "development":
        current = _development_key(settings.data_dir / DEVELOPMENT_IDENTITY_FILE)
    elif required:
        raise SettingsRefused(
            "The master key of the identity is missing",
            cause="What publishes keys opens the identity key, which has a master key of its own.",
            fix="Make one with: openssl rand -base64 32; set IDENTITY_MASTER_KEY (or _FILE) for serve and the commands",
            code="identity_master_key",
        )
    else:
        return []
    found = _all_named(current, settings.previous_identity_master_keys)
    if found[0][0] in {name for name, _ in load_master_keys(settings)}:
        raise SettingsRefused(
            "The master key of the identity is the common one",
            fix="Make another one with: openssl rand -base64 32",
            code="identity_master_key",
        )
    return found


def _all_named(current: SecretStr, previous: SecretStr) -> list[tuple[str, bytes]]:
    earlier = previous.get_secret_value().replace(",", " ").split()
    return [_named(key) for key in (current.get_secret_value(), *earlier)]


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
