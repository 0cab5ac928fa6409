"""Two instances: one registers people, the other is its directory over SCIM; both in this process."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.directory.domain import Person
from provider_service.identity.calls import directory_of
from provider_service.identity.domain import Directory
from provider_service.scim import peer, service
from shared.runtime.database import Database
from shared.transport.client import PeerClient, in_process
from shared.transport.egress import EgressPolicy
from tests.databases import lay_tables
from tests.provider.conftest import Clock, House

THERE = "https://directory.example"


@dataclass
class Place:
    """A directory behind the port, and what it really holds."""

    directory: Directory
    held: Context

    def person(self, user_id: str) -> Person:
        with self.held.database.transaction() as session:
            return directory.get_user(session, user_id)

    def groups_of(self, user_id: str) -> list[str]:
        with self.held.database.transaction() as session:
            return [name for _, name in directory.groups_of(session, [user_id]).get(user_id, [])]

    def named(self, login: str, email: str) -> Person:
        """Somebody the directory has already."""

        def work(session: Session) -> Person:
            return directory.add_user(
                session, email=email, name="There Already", login=login, actor=SYSTEM, now=self.held.clock()
            )

        with self.held.database.transaction() as session:
            return work(session)


def calling(context: Context, app: object, token: str, url: str = f"{THERE}/scim/v2/") -> Context:
    """Return ``context`` with the directory at ``app``."""
    settings = context.settings.model_copy(update={"directory_url": url, "directory_token": SecretStr(token)})
    transports = {THERE: in_process(app)}
    peers = PeerClient(EgressPolicy(), clock=lambda: context.clock().timestamp(), transports=transports)
    return replace(context, settings=settings, peers=peers)


@pytest.fixture
def there(context: Context, clock: Clock, tmp_path: Path) -> Iterator[Context]:
    """The other instance, which serves its directory."""
    database = Database(f"sqlite:///{tmp_path / 'there.db'}")
    lay_tables(database, "provider_service")
    settings = context.settings.model_copy(update={"issuer": THERE})
    yield replace(context, settings=settings, database=database)
    database.close()


@pytest.fixture
async def served(context: Context, there: Context) -> AsyncIterator[Context]:
    """This instance, whose directory is the other's."""
    app = FastAPI()
    app.state.context = there
    app.router.routes.extend(peer.routes())
    with there.database.transaction() as session:
        token = service.create_client(session, name="Registration", actor=SYSTEM, now=there.clock()).secret
    changed = calling(context, app, token)
    yield changed
    await changed.peers.aclose()


@pytest.fixture(params=["embedded", "scim"])
def place(request: pytest.FixtureRequest, context: Context) -> Place:
    """Either directory behind the port."""
    if request.param == "embedded":
        return Place(directory_of(context), context)
    request.getfixturevalue("house")
    return Place(directory_of(request.getfixturevalue("served")), request.getfixturevalue("there"))


@pytest.fixture
def remote_house(house: House, served: Context) -> House:
    """The house whose people are registered in the other instance."""
    house.context = house.app.state.context = served
    return house
