"""Two batches that lock the same records the other way round: a bond that moves is locked after those of its batch."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.delivery import inbox
from shared.runtime.database import Database
from shared.wire.identifiers import new_id
from shared.wire.messages import Message
from tests.databases import somebody_waits
from tests.patience import PATIENCE_SECONDS
from tests.provider.records.exchange import Desk
from tests.provider.records.test_bonds import end_connection
from tests.provider.records.test_receiving import APPLIED, codes, incident

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(postgresql_url: str) -> Iterator[Desk]:
    desk = Desk("provider_service", Database(postgresql_url))
    yield desk
    desk.database.close()


class Crossing:
    """A desk with two records: one peer moves the bond of the first, another peer has bonds with both."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tries: list[str] = []
        mover = new_id()
        desk.connect(new_id(), peer=mover)
        self.first = desk.create(state="New")
        moved = desk.bond_of(self.first).id
        end_connection(desk)
        desk.connect(new_id(), peer=mover)
        self.mover = desk.connection_id
        self.second = desk.create(state="New")
        standing = desk.bond_of(self.second).id
        desk.connect(new_id())
        self.neighbour = desk.connection_id
        one, other = (
            desk.do("share", incident_id=it, connection_id=self.neighbour) for it in (self.first, self.second)
        )
        assert self.first < self.second  # records are locked in this order
        self.moves = [
            incident(standing, 1, op="update", fields={"caller": "ann"}),
            incident(moved, 1, op="create", fields={"category": "mail"}),
        ]
        self.changes = [
            incident(one, 1, op="update", fields={"location": "here"}),
            incident(other, 1, op="update", fields={"location": "there"}),
        ]

    async def receive(self, connection_id: str, messages: list[Message]) -> list[str]:
        def work(session: Session) -> list[str]:
            self.tries.append(connection_id)
            received = inbox.receive(
                session,
                connection_id=connection_id,
                messages=messages,
                handlers=self.desk.records.message_handlers(),
                now_ms=self.desk.now_ms,
            )
            return codes(received.outcomes)

        return await self.desk.database.write(work)


async def test_of_two_batches_that_cross_both_end_with_one_effect(
    desk: Desk, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Crossing(desk)
    holds_second = threading.Event()
    move = desk.store.move_bonds

    def move_once_the_other_waits(*args: Any) -> None:
        if not holds_second.is_set():
            holds_second.set()
            somebody_waits(postgresql_url)
        move(*args)

    monkeypatch.setattr(desk.store, "move_bonds", move_once_the_other_waits)
    moving = asyncio.create_task(world.receive(world.mover, world.moves))
    assert await asyncio.to_thread(holds_second.wait, PATIENCE_SECONDS)
    assert await world.receive(world.neighbour, world.changes) == [APPLIED] * 2
    assert await moving == [APPLIED] * 2

    assert len(world.tries) == 3  # the server ended one of the two, which was run again
    assert desk.incident(world.first).fields == {"state": "New", "category": "mail", "location": "here"}
    assert desk.incident(world.second).fields == {"state": "New", "caller": "ann", "location": "there"}
    assert len(desk.events("incident.updated")) == 4
    assert await world.receive(world.mover, world.moves) == ["duplicate"] * 2
    assert await world.receive(world.neighbour, world.changes) == ["duplicate"] * 2
    assert len(desk.events("incident.updated")) == 4
