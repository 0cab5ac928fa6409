"""What takes several transactions: moving everything sealed under another master key, while the service runs."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from provider_service.audit.domain import Actor
from provider_service.keys import service
from provider_service.keys.domain import Rewrapped, SealedColumn
from provider_service.keys.service import Masters
from shared.runtime.database import Database

RING: Final = "keys.private_sealed"


async def rewrap(
    database: Database,
    masters: Masters,
    places: Sequence[SealedColumn],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Rewrapped:
    """Wrap the ring and every envelope in ``places`` under the present master keys, a few rows a transaction.

    Whatever ends it in between, doing it again goes on. Raises `EnvelopeRefused` where a key of the ring does not open.
    """
    moved = {RING: await database.write(service.rewrap, masters, actor=actor, now=clock())}
    left: dict[str, int] = {}
    for place in places:
        moved[str(place)] = left[str(place)] = 0
        after: str | None = ""
        while after is not None:
            batch = await database.write(service.rewrap_batch, masters, place, after=after)
            moved[str(place)] += batch.moved
            left[str(place)] += batch.left
            after = batch.last
    result = Rewrapped(moved, left)
    besides = Rewrapped({name: count for name, count in moved.items() if name != RING}, left)
    await database.write(service.rewrapped, besides, masters, actor=actor, now=clock())
    return result
