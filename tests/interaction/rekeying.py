"""What people do when an identity is lost: suspend, invite again, compare the code; and what a thief tries."""

from types import SimpleNamespace
from typing import Any, cast

from shared.signing.keysets import make_key_set
from shared.wire.errors import ExchangeError
from shared.wire.states import KeyPurpose
from tests.interaction.sides import Document, Side
from tests.interaction.stranger import strange_consumer
from tests.interaction.world import PROVIDER, World
from tests.peer.connection import Connection
from tests.peer.instance import Refused

MERGE = "application/merge-patch+json"


async def suspend(side: Side, *, identity_lost: bool = True) -> None:
    """The operator suspends the youngest connection."""
    body = {"reason": "its identity was lost", "identity_lost": identity_lost}
    await side.api("POST", f"connections/{(await side.connection())['id']}/suspend", body)


async def lose_identity(ours: Side, theirs: Side) -> None:
    """``ours`` replaces its identity, and the peer's operator, told by telephone, suspends the connection."""
    await ours.api("POST", "keys/rekey", {"reason": "lost"})
    await ours.app.state.holder.refresh()
    await suspend(theirs)


async def exchange_before(world: World) -> None:
    """One record has crossed."""
    await world.provider.share("before")
    for _ in range(3):
        await world.turn(6)


async def leave_waiting(world: World) -> None:
    """Both sides have shared a record that has not left yet."""
    await world.provider.share("from provider")
    await world.consumer.share("from consumer")


async def open_rekeying(world: World, **changes: str) -> Document:
    """The provider's administrator opens the task."""
    body = {"connection_id": (await world.provider.connection())["id"], "contact_id": world.known["contact"]}
    return dict(await world.provider.api("POST", "registrations/rekeyings", body | changes))


async def invite_again(world: World, *, rekeys: str | None = None) -> None:
    """The task is opened and its scan passes; ``rekeys`` lets the token name another connection."""
    world.known["number"] = (await open_rekeying(world))["number"]
    await world.beat()
    await world.provider.turn()
    assert (await world.registration())["state"] == "Open", await world.provider.items("issues")
    await world.link()
    if rekeys is not None:
        world.known["link"] = await _link_for(world, rekeys)


async def _link_for(world: World, rekeys: str) -> str:
    """Mint a token of this task that names another connection."""
    provider = world.provider
    invitations = provider.module("invitations.service")

    def work(session: Any) -> str:
        now, masters = world.clock(), provider.context.masters
        made = invitations.issue(
            session,
            masters=masters,
            number=world.number,
            audience=world.consumer.issuer,
            hours=1,
            rekeys=rekeys,
            now=now,
        )
        return str(invitations.link(session, masters=masters, invitation_id=made.id, now=now))

    return str(await provider.write(work))


async def rekey(world: World) -> None:
    """From the task to the answer of the contact."""
    await invite_again(world)
    await world.take_up()
    await world.connect()
    await world.approve()
    await world.until(world.onboarded)


async def settled(world: World) -> bool:
    """Whether nothing waits in either direction."""
    return [(await side.connection())["queued"] for side in world.sides] == [0, 0]


async def pinned(side: Side) -> str:
    """Thumbprint of the peer's identity that a side has pinned."""
    connection = (await side.connection())["id"]
    return str((await side.api("GET", f"connections/{connection}"))["identity_thumbprint"])


async def pins_are_right(world: World) -> bool:
    """Whether each side has pinned the identity that the other one has now."""
    found = []
    for one, other in (world.sides, world.sides[::-1]):
        identity = await other.read(other.module("keys.service").identity_thumbprint)
        found.append(await pinned(one) == identity)
    return found == [True, True]


async def statement_of_the_thief(side: Side) -> Document:
    """A key set of a high sequence, signed by the identity that ``side`` is about to lose."""
    keys, instance = side.module("keys.service"), side.module("instance.service")

    def work(session: Any) -> Document:
        own, now = instance.require(session), int(side.clock().timestamp())
        return dict(
            make_key_set(
                keys.signer(session, side.context.masters, KeyPurpose.IDENTITY),
                issuer=own.issuer,
                instance_id=own.instance_id,
                sequence=1000,
                issued=now,
                expires=now + 86_400,
                refresh_seconds=3600,
                keys=side.module("keys.service.publication").entries(session),
            ).model_dump(mode="json")
        )

    return dict(await side.write(work))


async def pinning(side: Side, statement: Document) -> str:
    """Code of what becomes of a key set that is told to ``side`` by whoever holds the peer's http key."""
    from shared.wire.discovery import SignedStatement

    connections = side.module("connections.service")
    connection = (await side.connection())["id"]

    def work(session: Any) -> None:
        row = connections.get(session, connection, lock=True)
        connections.adopt_key_set(session, row, SignedStatement.model_validate(statement), side.clock())

    try:
        await side.write(work)
    except ExchangeError as error:
        return error.code
    return ""


async def stranger_announces(world: World, delivery: str = "push") -> str:
    """Code of what another instance is told that holds the link, at the consumer's address."""
    ours = world.wire.apps[world.consumer.issuer]
    peer = strange_consumer(world, delivery)
    connection = (await world.provider.connection())["id"]
    peer.connections[connection] = cast("Connection", SimpleNamespace(peer=PROVIDER))  # it says that it is its own
    try:
        await peer.announce(await peer.validate(world.known["link"]))
    except Refused as refusal:
        return refusal.code
    finally:
        world.wire.apps[world.consumer.issuer] = ours
    return ""


async def patch(side: Side, path: str, changes: Document) -> Any:
    """Change a record of the operator's API as it is now."""
    found = await side.ask("GET", path)
    return await side.api("PATCH", path, changes, if_match=found.headers["etag"], content_type=MERGE)
