"""What re-keying does to one end of a connection: the new pins, and everything that stays."""

from typing import Any

import pytest

from shared.signing.keys import PrivateKey, generate
from shared.signing.keysets import make_key_set
from shared.wire.errors import ExchangeError
from shared.wire.states import ConnectionState, KeyPurpose
from tests.provider.connections.pair import Pair, Side

pytestmark = pytest.mark.anyio


def suspended(pair: Pair, *, lost: bool) -> tuple[Side, Side]:
    """This end, suspended, and its peer."""
    ours, theirs = pair.provider, pair.consumer
    ours.do("suspend", reason="Doubt", identity_lost=lost)
    return ours, theirs


def offer(theirs: Side, identity: PrivateKey, *, sequence: int = 1, **changes: Any) -> dict[str, Any]:
    """What the handshake brings of a peer with this identity."""
    with theirs.database.transaction() as session:
        entries = theirs.module("keys.service.publication").entries(session)
    now = round(theirs.clock.seconds())
    statement = make_key_set(
        identity,
        issuer=theirs.issuer,
        instance_id=theirs.instance_id,
        sequence=sequence,
        issued=now,
        expires=now + 86_400,
        refresh_seconds=3600,
        keys=entries,
    )
    brought = {"instance_id": theirs.instance_id, "identity_jkt": identity.kid, "delivery": "push", "epoch": 1}
    return brought | {"key_set": statement.model_dump()} | changes


def identity_of(side: Side) -> PrivateKey:
    with side.database.transaction() as session:
        key: PrivateKey = side.keys.signer(session, side.masters, KeyPurpose.IDENTITY)
        return key


def refusal(side: Side, brought: dict[str, Any]) -> str:
    """Code of the refusal, which changes nothing."""
    before = side.connection
    with pytest.raises(ExchangeError) as caught:
        side.do("rekey", **brought)
    assert (side.connection.state, side.connection.identity_jkt) == (before.state, before.identity_jkt)
    return caught.value.code


async def test_the_new_identity_is_pinned_and_what_waits_goes_on_in_its_lanes(pair: Pair) -> None:
    await pair.activate()
    ours, theirs = suspended(pair, lost=True)
    ours.write("waiting")
    new = generate(KeyPurpose.IDENTITY)
    ours.do("rekey", **offer(theirs, new))
    row = ours.connection
    assert (row.identity_jkt, row.key_set_sequence, row.identity_lost_at) == (new.kid, 1, None)
    assert row.state == ConnectionState.CONNECTING
    await pair.settle()
    assert theirs.notes == ["waiting"]
    assert "connection.rekeyed" in ours.actions()


async def test_a_connection_is_active_again_once_settings_have_crossed_both_ways(pair: Pair) -> None:
    await pair.activate()
    since = pair.provider.connection.activated_at
    for side, other in ((pair.provider, pair.consumer), (pair.consumer, pair.provider)):
        side.do("suspend", reason="Doubt", identity_lost=False)
        side.do("rekey", **offer(other, identity_of(other), sequence=5))
    await pair.settle()
    assert [side.connection.state for side in (pair.provider, pair.consumer)] == [ConnectionState.ACTIVE] * 2
    assert pair.provider.connection.activated_at == since


async def test_an_identity_that_counts_as_lost_is_never_pinned_again(pair: Pair) -> None:
    await pair.activate()
    ours, theirs = suspended(pair, lost=True)
    assert refusal(ours, offer(theirs, identity_of(theirs), sequence=5)) == "identity_given_up"


async def test_only_a_suspended_connection_is_re_keyed(pair: Pair) -> None:
    await pair.activate()
    brought = offer(pair.consumer, generate(KeyPurpose.IDENTITY))
    assert refusal(pair.provider, brought) == "connection_not_suspended"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instance_id": "0197f3c0-0000-7000-8000-00000000000f"}, "peer_identity_mismatch"),
        ({"delivery": "pull"}, "delivery_mismatch"),
        ({"epoch": 0}, "epoch_old"),
        ({"identity_jkt": "x" * 43}, "statement_identity"),
    ],
)
async def test_what_does_not_fit_the_connection_is_refused(pair: Pair, changes: dict[str, Any], code: str) -> None:
    await pair.activate()
    ours, theirs = suspended(pair, lost=True)
    assert refusal(ours, offer(theirs, generate(KeyPurpose.IDENTITY), **changes)) == code


async def test_the_key_sets_of_an_identity_that_stays_do_not_go_back(pair: Pair) -> None:
    await pair.activate()
    ours, theirs = suspended(pair, lost=False)
    ours.do("rekey", **offer(theirs, identity_of(theirs), sequence=7))
    ours.do("suspend", reason="Doubt", identity_lost=False)
    assert refusal(ours, offer(theirs, identity_of(theirs), sequence=6)) == "key_set_sequence"


async def test_a_re_keying_that_is_taken_back_leaves_the_connection_suspended(pair: Pair) -> None:
    await pair.activate()
    ours, theirs = suspended(pair, lost=True)
    ours.do("rekey", **offer(theirs, generate(KeyPurpose.IDENTITY)))
    ours.do("abandon", reason="Not now")
    assert ours.connection.state == ConnectionState.SUSPENDED
    ours.do("rekey", **offer(theirs, generate(KeyPurpose.IDENTITY)))
    assert ours.connection.state == ConnectionState.CONNECTING


async def test_suspending_twice_is_one_effect_and_a_loss_may_be_told_later(pair: Pair) -> None:
    await pair.activate()
    ours, _ = suspended(pair, lost=False)
    assert ours.connection.identity_lost_at is None
    ours.do("suspend", reason="It is lost", identity_lost=True)
    first = ours.connection.identity_lost_at
    assert first is not None
    pair.clock.pass_by(hours=1)
    ours.do("suspend", reason="It is lost", identity_lost=True)
    assert ours.connection.identity_lost_at == first
    assert ours.actions().count("connection.suspended") == 1
