"""What an attacker with captured bytes, another registration or another connection tries; all of it refused."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace

import httpx
import pytest

from tests.interaction import raw
from tests.interaction.network import Call
from tests.interaction.raw import Found
from tests.interaction.sides import Side
from tests.interaction.stages import ENGINES
from tests.interaction.stranger import onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import PROVIDER, World
from tests.peer.access import REQUESTS
from tests.peer.connection import MESSAGES
from tests.peer.consumer import Consumer, Handshake
from tests.peer.crypto import Key
from tests.peer.instance import Refused, idempotency_key
from tests.peer.signing import CONNECTION, Request, sign_request
from tests.peer.tokens import TOKEN_TYPE, make_token, read_token
from tests.peer.wire import b64u, encode
from tests.shared.signing.mutations import SignedMessage

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ENGINES)]

NUMBER = "/exchange/v1/registrations/REG0000001"
OTHER = "https://d.example"

# Captured requests, sent again.


async def all_calls(world: World) -> list[Call]:
    """One of every signed call between the two, captured; the connection is open at the end."""
    await world.onboard()
    connection = (await world.consumer.connection())["id"]
    for side in world.sides:
        await side.share("something")
        await side.api("POST", "keys/rotations", {"purpose": "http"})
        await side.turn()
        await side.api("POST", f"connections/{connection}/heartbeat")
    return [call for call in world.wire.calls if b"signature" in dict(call.request.headers.raw)]


@pytest.mark.requirement("attacks.replay")
async def test_no_captured_request_is_taken_twice_not_after_a_restart_and_not_by_the_other_side(invited: World):
    calls = await all_calls(invited)
    assert len({call.name for call in calls}) >= 8
    refusals = {"nonce_seen", "registration_closed", "key_unknown", "signature_too_old"}
    accepted = []
    for when in ("at once", "after a restart"):
        for call in calls:
            own, other = sorted(invited.sides, key=lambda side: side.issuer != call.origin)
            again = await raw.send(own, raw.message_of(call))
            elsewhere = await raw.send(other, raw.message_of(call), own.issuer)
            if again.code not in refusals or not 400 <= elsewhere.status < 500:
                accepted.append((when, call.name, again, elsewhere))
        for side in invited.sides:
            await side.restart()
    assert accepted == []


@pytest.mark.requirement("attacks.replay")
async def test_a_replay_within_its_time_says_nonce_seen_and_is_too_old_a_minute_later(pushing: World):
    await pushing.consumer.share("once")
    await pushing.consumer.worker.delivery.deliver_due()
    message = raw.message_of(pushing.wire.seen(f"POST {MESSAGES}")[-1])
    assert await raw.send(pushing.provider, message) == Found(401, "nonce_seen")
    await pushing.provider.restart()
    assert await raw.send(pushing.provider, message) == Found(401, "nonce_seen")
    pushing.clock.forward(61)
    assert await raw.send(pushing.provider, message) == Found(401, "signature_too_old")
    assert await pushing.provider.texts() == ["once"]


@pytest.mark.requirement("attacks.unsigned")
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_every_peer_route_refuses_who_does_not_sign(pushing: World, side: str):
    ours: Side = getattr(pushing, side)
    unsigned = {"/exchange/v1/echo", "/exchange/v1/oauth/callback"}
    tried = []
    for path, methods in (await ours.client.get("/openapi.json")).json()["paths"].items():
        if not path.startswith("/exchange/") or path in unsigned:
            continue
        for method in methods:
            target = ours.issuer + re.sub(r"\{\w+\}", "REG0000001", path)
            headers = (("content-type", "application/json"),) if method == "post" else ()
            body = b"{}" if method == "post" else b""
            found = await raw.send(ours, SignedMessage(method.upper(), target, headers, body))
            tried.append((path, found))
    assert len(tried) >= 5
    assert [(path, found) for path, found in tried if found != Found(401, "signature_missing")] == []


# Somebody else's keys.


async def second_consumer(world: World) -> tuple[Consumer, Handshake]:
    """Another consumer of the same provider, connected."""
    kept = dict(world.known)
    await world.invite(OTHER)
    client = httpx.AsyncClient(transport=world.wire.from_(OTHER))
    peer = Consumer(OTHER, client, clock=world.clock.unix, delivery="pull", name="other")
    handshake = await onboard_at_ours(world, peer)
    await settle_with_ours(world, peer, handshake.connection)
    world.known = kept
    return peer, handshake


@pytest.mark.requirement("attacks.other_peer")
async def test_one_consumer_reaches_neither_connection_nor_registration_of_another(pushing: World):
    peer, handshake = await second_consumer(pushing)
    ours = (await pushing.consumer.connection())["id"]
    codes = []
    own = handshake.connection.id
    handshake.connection.id = ours
    message = handshake.connection.outbox.enqueue("lane", "incident", {})
    for path, body in (
        (MESSAGES, {"epoch": 1, "messages": [message]}),
        ("/exchange/v1/outcomes", {"epoch": 1, "lease": "x", "outcomes": []}),
        ("/exchange/v1/keys", {"key_set": peer.key_set()}),
        ("/exchange/v1/goodbye", {"reason": "mine"}),
        ("/exchange/v1/heartbeat", {}),
        (REQUESTS, {"user": {"id": "eve"}, "attributes": {"EmailAddress": "eve@elsewhere.example"}}),
    ):
        with pytest.raises(Refused) as caught:
            await peer.on_connection(handshake.connection, "POST", path, body, "attack")
        codes.append(caught.value.code)
    with pytest.raises(Refused) as caught:
        await peer.pull(handshake.connection)
    codes.append(caught.value.code)
    handshake.connection.id = own
    handshake.number = pushing.number
    for step, body in (("status", None), ("reveal", {"nonce_c": handshake.nonce_c}), ("cancellation", {"reason": ""})):
        with pytest.raises(Refused) as caught:
            await peer.step(handshake, step, body)
        codes.append(caught.value.code)
    assert codes == ["key_unknown"] * 10
    assert (await pushing.provider.api("GET", f"connections/{ours}"))["state"] == "Active"


@pytest.mark.requirement("attacks.other_peer")
async def test_a_code_of_one_registration_is_worth_nothing_for_another(invited: World):
    peer = strange_consumer(invited)
    await onboard_at_ours(invited, peer)
    await invited.invite(OTHER)
    client = httpx.AsyncClient(transport=invited.wire.from_(OTHER))
    other = Consumer(OTHER, client, clock=invited.clock.unix, delivery="pull", name="other")
    other.memory["code"] = peer.memory["code"]
    other.lies.commit("code_reuse", at="completion", on="request")
    with pytest.raises(Refused) as caught:
        await onboard_at_ours(invited, other)
    assert caught.value.code == "code_invalid"


@pytest.mark.requirement("attacks.other_peer")
async def test_a_registration_or_connection_nobody_has_is_unknown(pushing: World):
    await pushing.consumer.share("once")
    await pushing.consumer.worker.delivery.deliver_due()
    message = raw.message_of(pushing.wire.seen(f"POST {MESSAGES}")[-1])
    nowhere = message.with_header("exchange-connection", "0192f0c4-0000-7000-8000-000000000001")
    assert await raw.send(pushing.provider, nowhere) == Found(404, "connection_unknown")
    status = SignedMessage("GET", f"{PROVIDER}/exchange/v1/registrations/REG9999999", message.headers, b"")
    kept = tuple(pair for pair in status.headers if pair[0] in ("signature", "signature-input"))
    found = await raw.send(pushing.provider, replace(status, headers=kept))
    assert found.code in {"signature_coverage", "registration_unknown"}


# Forged tokens.


def _unsigned_token(claims: dict[str, object], kid: str) -> str:
    head = b64u(encode({"alg": "none", "typ": TOKEN_TYPE, "kid": kid}))
    return f"{head}.{b64u(encode(claims))}."


def _by_shared_secret(claims: dict[str, object], kid: str) -> str:
    head = b64u(encode({"alg": "HS256", "typ": TOKEN_TYPE, "kid": kid}))
    signed = f"{head}.{b64u(encode(claims))}"
    return f"{signed}.{b64u(hmac.digest(kid.encode(), signed.encode(), hashlib.sha256))}"


@pytest.mark.requirement("attacks.tokens")
async def test_no_forged_token_announces(invited: World):
    peer = strange_consumer(invited, "pull")
    handshake = await peer.validate(invited.known["link"])
    header, claims = read_token(handshake.token)
    kid = header["kid"]
    head, body, seal = handshake.token.split(".")
    other_head = b64u(encode({**header, "typ": "JWT"}))
    swapped = b64u(encode({**claims, "exp": claims["exp"] + 10**6}))
    forged = {
        "no signature": _unsigned_token(claims, kid),
        "shared secret": _by_shared_secret(claims, kid),
        "a key of our own": make_token(Key.new("token"), claims),
        "other claims": f"{head}.{swapped}.{seal}",
        "other type": f"{other_head}.{body}.{seal}",
        "cut off": handshake.token[:-4],
        "not a token": "x" * 300,
        "upper s": f"{head}.{body}.{_other_s(seal)}",
    }
    found = {}
    for name, token in forged.items():
        handshake.token = token
        with pytest.raises(Refused) as caught:
            await peer.announce(handshake)
        found[name] = caught.value.code
    assert found == dict.fromkeys(forged, "token_malformed")
    assert (await invited.registration())["state"] == "Open"


def _other_s(seal: str) -> str:
    raw_seal = base64.urlsafe_b64decode(seal + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return b64u(raw_seal[:32] + (order - int.from_bytes(raw_seal[32:])).to_bytes(32))


@pytest.mark.requirement("attacks.tokens")
async def test_a_token_of_another_registration_or_for_another_host_does_not_announce(invited: World):
    peer = strange_consumer(invited, "pull")
    handshake = await peer.validate(invited.known["link"])
    number, token = handshake.number, handshake.token
    await invited.invite(OTHER)
    handshake.number = invited.number
    codes = []
    for used in (token, invited.known["link"].partition("#token=")[2]):
        handshake.token = used
        with pytest.raises(Refused) as caught:
            await peer.announce(handshake)
        codes.append(caught.value.code)
    handshake.number = number
    with pytest.raises(Refused) as caught:
        await peer.announce(handshake)
    assert [*codes, caught.value.code] == ["token_wrong_host"] * 3


# Stored answers.


@pytest.mark.requirement("handshake.idempotent")
async def test_the_same_key_gets_the_stored_answer_and_another_body_under_it_none(invited: World):
    peer = strange_consumer(invited)
    handshake = await onboard_at_ours(invited, peer)
    connection = handshake.connection.id
    assert (await peer.complete(handshake))["connection_id"] == connection
    with pytest.raises(Refused) as caught:
        await peer.step(handshake, "completion", {"code": "other"}, handshake.completion_key)
    assert caught.value.code in {"idempotency_key_reused", "invalid"}
    with pytest.raises(Refused) as caught:
        await peer.complete(handshake, key="another-key")
    assert caught.value.code == "code_invalid"
    assert len(await invited.provider.items("connections")) == 1


# Hostile bodies, correctly signed.

HOSTILE = [
    (b'{"epoch":1,"epoch":1,"messages":[]}', 400, "malformed"),
    (b'{"epoch":NaN,"messages":[]}', 400, "malformed"),
    (b'{"epoch":1e999,"messages":[]}', 400, "malformed"),
    (b'{"epoch":123456789012345678901,"messages":[]}', 400, "malformed"),
    (b'{"epoch":1,"messages":["\\ud800"]}', 400, "malformed"),
    (b'{"epoch":1,"messages":["\\u0000"]}', 400, "malformed"),
    (b"\xef\xbb\xbf{}", 400, "malformed"),
    (b"[" * 60_000, 400, "malformed"),
    (b'{"epoch":1,"messages":' + b"[" * 33 + b"]" * 33 + b"}", 400, "malformed"),
    (b"[]", 422, "invalid"),
    (b'"text"', 422, "invalid"),
    (b"{}", 422, "invalid"),
    (b'{"epoch":1,"messages":[]}', 422, "invalid"),
    (b'{"epoch":true,"messages":[{}]}', 422, "invalid"),
    (b'{"epoch":1,"messages":{"a":1}}', 422, "invalid"),
]


@pytest.mark.requirement("attacks.hostile_json")
async def test_hostile_json_from_a_known_peer_is_refused_on_every_call_and_breaks_nothing(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    found = []
    for body, _, _ in HOSTILE:
        found.append((body, *await _signed(invited, peer, MESSAGES, body)))
        for path in ("heartbeat", "keys", "outcomes", "self-service/requests"):
            status, code = await _signed(invited, peer, f"/exchange/v1/{path}", body)
            assert (status, code) in {(400, "malformed"), (422, "invalid")}, (path, body)
    assert found == HOSTILE


async def _signed(world: World, peer: Consumer, path: str, body: bytes) -> tuple[int, str]:
    end = next(iter(peer.connections.values()))
    headers = [("idempotency-key", idempotency_key())] if path not in (MESSAGES, "/exchange/v1/outcomes") else []
    request = sign_request(Request("POST", PROVIDER + path, [*headers, (CONNECTION, end.id)], body), peer.stamp())
    answer = await peer.send(PROVIDER, request)
    return answer.status, json.loads(answer.body).get("code", "")
