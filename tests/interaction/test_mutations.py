"""Every named mutation of a signed request, on every signed route of both services: each refused on its rung.

The layers before the signature refuse some forms earlier, with codes of their own (docs/protocol.md, section 2).
"""

import re
from dataclasses import replace

import httpx
import pytest

from shared.transport.errors import OversizedAnswer, UnsignedAnswer
from shared.wire.errors import ExchangeError
from tests.interaction import raw
from tests.interaction.network import Call, Wire
from tests.interaction.world import CONSUMER, PROVIDER, World
from tests.peer.access import REQUESTS
from tests.shared.signing.mutations import Mutation, SignedMessage, request_mutations, response_mutations

pytestmark = pytest.mark.anyio

NUMBER = "/exchange/v1/registrations/REG0000001"
HANDSHAKE = [f"POST {NUMBER}/{step}" for step in ("announcement", "reveal", "authorization", "completion")]
CONNECTED = [f"POST /exchange/v1/{name}" for name in ("messages", "heartbeat", "keys", "goodbye")]
PULLED = ["GET /exchange/v1/messages", "POST /exchange/v1/outcomes"]

EARLIER = [
    (r"duplicate header (signature|signature-input|content-.*|idem.*|exchange.*)( in .*)?", {"duplicate_header"}),
    (r"insert header content-encoding", {"content_encoding"}),
    (r"insert header trailer", {"trailers"}),
    (r"insert body|empty body|safe for unsafe", {"unexpected_body", "signature_malformed", "method_not_allowed"}),
    (r"(swap )?method.*", {"unknown_parameter", "method_not_allowed", "unexpected_body", "bad_framing", "not_found"}),
    (r"safe for unsafe", {"method_not_allowed", "unexpected_body"}),
    (r"target: append (to path|slash)|target: case-change path", {"not_found", "method_not_allowed"}),
    (r"target: .*", {"unknown_parameter", "registration_unknown", "invalid", "not_found", "method_not_allowed"}),
    (r"target path .*", {"path_form", "not_found", "method_not_allowed"}),
    (r"(alter|truncate|case-change|insert|remove) (header exchange-connection|connection)", {"connection_unknown"}),
    (r"insert header transfer-encoding", {"unexpected_body"}),
    (r"(remove|empty|alter|truncate).*", {"unexpected_body"}),
    (r"(overlong|non-ASCII) header.*", {"headers_too_large", "bad_framing"}),
]
"""Mutations by name, and what layers outside the ladder may call them."""

OF_THE_ANNOUNCEMENT = {"malformed", "invalid"}
"""It is parsed before its signature is verified, as it brings the key."""


def not_for_the_line(mutation: Mutation) -> bool:
    """What cannot be sent: outer whitespace is lost on the way, and the host is not part of what a server reads."""
    unsendable = r"target host .*|target: (swap host|swap scheme|add port)|method '(.* )?'|target path '(/a#b|/|)'"
    return "whitespace around" in mutation.name or re.fullmatch(unsendable, mutation.name) is not None


def allowed(mutation: Mutation, announcing: bool) -> set[str]:
    more = {code for pattern, codes in EARLIER if re.fullmatch(pattern, mutation.name) for code in codes}
    by_body = announcing and ("body" in mutation.name or mutation.code == "digest_mismatch")
    return {mutation.code} | more | (OF_THE_ANNOUNCEMENT if by_body else set())


async def survivors(world: World, call: Call) -> list[tuple[str, int, str]]:
    """Mutations of one request that were not refused as they should."""
    side = world.provider if call.origin == PROVIDER else world.consumer
    message = raw.message_of(call)
    announcing = call.name.endswith("/announcement")
    wrong = []
    for mutation in request_mutations(message):
        if not_for_the_line(mutation) or mutation.message == message:
            continue
        found = await raw.send(side, mutation.message)
        if not 400 <= found.status < 500 or found.code not in allowed(mutation, announcing):
            wrong.append((mutation.name, found.status, found.code))
    return wrong


def captured(world: World, name: str, origin: str) -> Call:
    return next(call for call in world.wire.calls if call.name == name and call.origin == origin)


async def survive_nowhere(world: World, names: list[str], origin: str) -> None:
    left = [(name, one) for name in names for one in await survivors(world, captured(world, name, origin))]
    assert left == []


@pytest.mark.requirement("attacks.mutations")
async def test_no_mutation_of_a_call_of_the_handshake_is_accepted(invited: World):
    await invited.take_up()
    await invited.connect()
    await invited.approve()
    await invited.consumer.worker.handshakes()
    await survive_nowhere(invited, [*HANDSHAKE, f"GET {NUMBER}"], PROVIDER)


@pytest.mark.requirement("attacks.mutations")
@pytest.mark.parametrize("who", ["provider", "consumer"])
async def test_no_mutation_of_a_cancellation_is_accepted(invited: World, who: str):
    await invited.take_up()
    await invited.connect()
    if who == "provider":
        await invited.provider.api("POST", f"registrations/{invited.number}/cancellation", {"reason": "no"})
    else:
        await invited.consumer.api("POST", f"{invited.onboarding}/cancellation", {"reason": "no"})
    await invited.turn(0)
    origin = CONSUMER if who == "provider" else PROVIDER
    assert await survivors(invited, captured(invited, f"POST {NUMBER}/cancellation", origin)) == []


@pytest.mark.requirement("attacks.mutations")
@pytest.mark.parametrize("origin", [PROVIDER, CONSUMER])
async def test_no_mutation_of_a_call_on_a_connection_is_accepted(pushing: World, origin: str):
    sender = pushing.consumer if origin == PROVIDER else pushing.provider
    connection = await sender.connection()
    await sender.share("something")
    await sender.api("POST", "keys/rotations", {"purpose": "http"})
    await sender.turn()
    await sender.api("POST", f"connections/{connection['id']}/heartbeat")
    await sender.api("POST", f"connections/{connection['id']}/disconnect", {"reason": "over"})
    await sender.turn()
    await survive_nowhere(pushing, CONNECTED, origin)


@pytest.mark.requirement("attacks.mutations")
async def test_no_mutation_of_a_fetch_or_a_settlement_is_accepted(pulling: World):
    await pulling.provider.share("something")
    await pulling.consumer.turn()
    await survive_nowhere(pulling, PULLED, PROVIDER)


@pytest.mark.requirement("attacks.mutations")
async def test_no_mutation_of_a_request_for_access_is_accepted(pushing: World):
    connection = await pushing.consumer.connection()
    body = {"connection_id": connection["id"], "user_id": await pushing.administrator()}
    made = await pushing.consumer.api("POST", "access-requests", body)
    await pushing.consumer.worker.access()
    await pushing.consumer.api("POST", f"access-requests/{made['id']}/refresh")
    (looked,) = pushing.wire.seen(f"GET {REQUESTS}/.*")
    await survive_nowhere(pushing, [f"POST {REQUESTS}", looked.name], PROVIDER)
    assert len(pushing.wire.seen(f"POST {REQUESTS}")) == 1


class Mangler(httpx.AsyncBaseTransport):
    """Carries requests, and gives one mutation of the answer back in its place."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.turn, self.name, self.over = wire, 0, "", False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.wire.handle_async_request(request)
        body = await response.aread()
        headers = tuple((name.decode().lower(), value.decode()) for name, value in response.headers.raw)
        signed = SignedMessage(request.method, str(request.url), headers, body, response.status_code)
        sendable = [one for one in response_mutations(signed) if "non-ASCII" not in one.name]
        self.over = self.turn >= len(sendable)
        changed = replace(sendable[min(self.turn, len(sendable) - 1)])
        self.name, message = changed.name, changed.message
        self.turn += 1
        raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in message.headers]
        return httpx.Response(message.status or 200, headers=raw_headers, stream=httpx.ByteStream(message.body))


@pytest.mark.requirement("attacks.mutations")
async def test_no_mutation_of_an_answer_is_believed(pushing: World):
    side = pushing.provider
    calls = side.module("connections.calls")
    line = await calls.line_to(side.context, (await side.connection())["id"])
    mangler = Mangler(pushing.wire)
    side.context.peers._transports[CONSUMER] = mangler
    believed = []
    beat = await side.write(
        side.module("connections.service").beat_now, connection_id=line.peer.id, now=pushing.clock()
    )
    while not mangler.over:
        try:
            await calls.call_over(side.context, line, "/exchange/v1/heartbeat", beat.body, f"beat-{mangler.turn}")
        except (UnsignedAnswer, OversizedAnswer):
            continue
        except ExchangeError as error:
            believed.append((mangler.name, error.code))
        else:
            believed.append((mangler.name, "believed"))
    assert mangler.turn > 150
    assert [one for one in believed if "whitespace around" not in one[0]] == []
