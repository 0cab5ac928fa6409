"""What one process of this service holds while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from provider_service.settings import Settings
from shared.delivery.quotas import Quotas
from shared.runtime.database import Database
from shared.signing.envelopes import MasterKey
from shared.transport.client import PeerClient


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, database, the way to peers, the clock and the master keys; made once by the composition root."""

    settings: Settings
    database: Database
    peers: PeerClient
    clock: Callable[[], datetime]
    """Returns the present time, aware, in UTC."""
    masters: Mapping[str, MasterKey]
    """Master keys by name; the settings' current one seals, all open."""
    quotas: Quotas = field(default_factory=Quotas)
    """What peers have asked of this process."""


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(_context)]
