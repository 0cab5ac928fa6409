"""The ``http`` key as a process holds it, for signing answers where no transaction is open."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqlalchemy.orm import Session

from provider_service.keys.domain import CHANNEL
from provider_service.keys.service import publication, ring
from provider_service.keys.service.ring import Masters
from shared.runtime.database import Database
from shared.signing.keys import PrivateKey
from shared.wire.errors import ExchangeError, Unavailable
from shared.wire.states import KeyPurpose

REFRESH_SECONDS: Final = 5.0
"""How long a change made in another process may go unnoticed; one made in this process is noticed at once."""

_log = logging.getLogger(__name__)


class KeyHolder:
    """Knows the active ``http`` key; ``http`` is what `shared.transport.edge.protect` takes as its signer."""

    def __init__(self, database: Database, masters: Masters) -> None:
        self._database = database
        self._masters = masters
        self._sequence = 0
        self._key: PrivateKey | None = None
        self._changed = asyncio.Event()

    def http(self) -> PrivateKey | None:
        """Return the key that signs now, or None while this instance has none."""
        return self._key

    async def refresh(self) -> None:
        """Look whether the key set has another sequence, and take the key that is active now if it has.

        Raises `EnvelopeRefused` when the master keys do not open it, and `Unavailable` with the database.
        """
        self._sequence, self._key = await self._database.read(_current, self._masters, self._sequence, self._key)

    async def follow(self) -> None:
        """Keep up with changes until cancelled; what goes wrong is logged and tried again."""
        stop: Callable[[], None] = self._database.listen(CHANNEL, self._changed.set)
        try:
            while True:
                try:
                    await self.refresh()
                except ExchangeError as error:
                    _log.warning("key_refresh_failed", extra={"code": error.code, "cause": error.detail})
                with suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS):  # wait_for may swallow the cancellation
                        await self._changed.wait()
                self._changed.clear()
        finally:
            stop()


def _current(
    session: Session, masters: Masters, sequence: int, key: PrivateKey | None
) -> tuple[int, PrivateKey | None]:
    found = publication.sequence(session)
    if found == sequence:
        return sequence, key
    try:
        return found, ring.signer(session, masters, KeyPurpose.HTTP)
    except Unavailable:
        return found, None
