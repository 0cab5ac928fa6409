"""The client believes signed answers only, connects to checked addresses only, and never waits or reads for ever."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.signing.keys import generate
from shared.transport.client import PeerClient, Reply, in_process, target_of
from shared.transport.egress import EgressPolicy
from shared.transport.errors import (
    DeadlinePassed,
    EgressRefused,
    OversizedAnswer,
    RefusedByPeer,
    Unreachable,
    UnsignedAnswer,
)
from shared.wire.states import KeyPurpose
from shared.wire.version import WELL_KNOWN_PATH
from tests.shared.transport.instance import ISSUER, NOW, Letter, Peer, free_port, serving

pytestmark = pytest.mark.anyio


def _client(peer: Peer, issuer: str = ISSUER, **options: Any) -> PeerClient:
    return PeerClient(
        EgressPolicy(),
        clock=lambda: float(NOW),
        transports={issuer: in_process(peer.app(issuer))},
        **options,
    )


async def _call(client: PeerClient, peer: Peer, **changes: Any) -> Reply:
    arguments: dict[str, Any] = {
        "issuer": ISSUER,
        "method": "POST",
        "path": "/exchange/v1/letters",
        "body": b'{"text":"hello"}',
        "key": peer.caller,
        "connection_id": "0197f3c0-0000-7000-8000-000000000000",
        "idempotency_key": None,
        "peer_keys": {peer.key.kid: peer.key.public},
    }
    return await client.call(**(arguments | changes))


async def test_a_signed_call_brings_a_signed_reply(peer: Peer):
    peer.now = NOW + 5
    async with _client(peer) as client:
        reply = await _call(client, peer)
    assert (reply.status, reply.body) == (200, b'{"received":"hello"}')
    assert peer.letters == [Letter(text="hello")]
    assert reply.round_trip_ms > 0
    assert 4 <= reply.skew_s <= 6


async def test_the_query_is_part_of_what_is_signed(peer: Peer):
    async with _client(peer) as client:
        reply = await _call(client, peer, method="GET", body=None, query="wait=25")
    assert reply.body == b'{"letters":0,"wait":25}'


async def test_discovery_is_believed_by_the_keys_found_in_it(peer: Peer):
    seen: list[bytes] = []

    def keys_from(body: bytes):
        seen.append(body)
        return {peer.key.kid: peer.key.public}

    async with _client(peer) as client:
        reply = await client.fetch_signed(ISSUER, WELL_KNOWN_PATH, keys_from=keys_from)
    assert reply.body == seen[0] == b'{"issuer":"https://peer.example"}'
    assert reply.verified.key_id == peer.key.kid


async def test_a_signed_refusal_carries_the_peers_problem(peer: Peer):
    async with _client(peer) as client:
        with pytest.raises(RefusedByPeer) as caught:
            await _call(client, peer, method="GET", path="/exchange/v1/refusing", body=None)
    problem = caught.value.problem
    assert (problem.status, problem.code, problem.fix) == (409, "connection_closed", "Open it")
    assert problem.request_id
    assert caught.value.retry_after == 7
    assert problem.to_error().code == "connection_closed"


@pytest.mark.parametrize(
    ("path", "status"), [("/exchange/v1/nothing", 404), ("/exchange/v1/breaking", 500), ("/exchange/v1/letters", 401)]
)
async def test_refusals_of_the_layers_are_signed_too(peer: Peer, path: str, status: int):
    stranger = generate(KeyPurpose.HTTP)
    async with _client(peer) as client:
        with pytest.raises(RefusedByPeer) as caught:
            await _call(client, peer, method="GET", path=path, body=None, key=stranger)
    assert caught.value.problem.status == status
    assert "secret" not in caught.value.problem.model_dump_json()


async def test_an_answer_by_an_unknown_key_is_refused(peer: Peer):
    other = generate(KeyPurpose.HTTP)
    async with _client(peer) as client:
        with pytest.raises(UnsignedAnswer):
            await _call(client, peer, peer_keys={other.kid: other.public})


def _answer(status: int, body: bytes, *headers: tuple[bytes, bytes]):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return PeerClient(EgressPolicy(), clock=lambda: float(NOW), transports={ISSUER: in_process(app)}, max_bytes=1000)


@pytest.mark.parametrize("status", [200, 204, 302, 401, 404, 410, 503])
async def test_an_unsigned_answer_is_no_verdict_whatever_its_status(peer: Peer, status: int):
    async with _answer(status, b"{}", (b"content-type", b"application/json"), (b"retry-after", b"30")) as client:
        with pytest.raises(UnsignedAnswer) as caught:
            await _call(client, peer)
    assert (caught.value.status, caught.value.retry_after) == (status, 30)


async def test_an_answer_beyond_the_limit_is_not_read(peer: Peer):
    async with _answer(200, b"x" * 1001) as client:
        with pytest.raises(OversizedAnswer):
            await _call(client, peer)


async def test_an_encoded_answer_is_refused(peer: Peer):
    async with _answer(200, b"x", (b"content-encoding", b"gzip"), (b"signature-input", b"x")) as client:
        with pytest.raises(UnsignedAnswer):
            await _call(client, peer)


def test_a_path_outside_the_profile_is_our_own_fault():
    for path in ("exchange", "/a b", "/a?b", "/a%2F", "/ä"):
        with pytest.raises(ValueError, match="not a path"):
            target_of(ISSUER, path)


async def test_both_sides_talk_over_a_real_connection_and_keep_it(peer: Peer):
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    peers: set[Any] = set()

    def counting(app: Any):
        async def counted(scope: Any, receive: Any, send: Any) -> None:
            peers.add(tuple(scope["client"]))
            await app(scope, receive, send)

        return counted

    policy = EgressPolicy(allowed_origins=[issuer])
    with _serving_at(port, counting(peer.app(issuer))):
        async with PeerClient(policy, clock=lambda: float(NOW)) as client:
            for text in ("one", "two", "three"):
                await _call(client, peer, issuer=issuer, body=f'{{"text":"{text}"}}'.encode())
            with pytest.raises(RefusedByPeer):
                await _call(client, peer, issuer=issuer, method="GET", path="/exchange/v1/refusing", body=None)
    assert [letter.text for letter in peer.letters] == ["one", "two", "three"]
    assert len(peers) == 1


@contextlib.contextmanager
def _serving_at(port: int, app: Any):
    with serving(app, port) as origin:
        assert origin.endswith(str(port))
        yield


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _raw_server(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    tasks: set[asyncio.Task[None]] = set()

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(handled, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", port
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _saying(*pieces: bytes, then_wait: bool = False) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        if then_wait:
            await asyncio.Event().wait()

    return handle


async def _get(handle: Handler, **options: Any) -> Any:
    async with _raw_server(handle) as (origin, _):
        policy = EgressPolicy(allowed_origins=[origin])
        async with PeerClient(policy, clock=lambda: float(NOW), **options) as client:
            return await client.fetch("GET", origin + "/x")


async def test_a_silent_peer_is_given_up_at_the_deadline():
    with pytest.raises(DeadlinePassed):
        await _get(_saying(then_wait=True), timeout=0.1)


async def test_a_peer_that_trickles_is_given_up_at_the_same_deadline():
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(DeadlinePassed):
        await _get(trickle, timeout=0.2)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: \x00\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_the_networks_fault(said: bytes):
    with pytest.raises(Unreachable) as caught:
        await _get(_saying(said))
    assert caught.value.code == "unreachable"


async def test_an_endless_answer_is_cut_at_the_limit():
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
            await writer.drain()

    with pytest.raises(OversizedAnswer):
        await _get(flood, max_bytes=100_000)


async def test_nobody_at_the_port_is_unreachable():
    origin = f"http://127.0.0.1:{free_port()}"
    async with PeerClient(EgressPolicy(allowed_origins=[origin]), clock=lambda: float(NOW)) as client:
        with pytest.raises(Unreachable):
            await client.fetch("GET", origin + "/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://169.254.169.254/", "//127.0.0.1/", "http://[::ffff:10.0.0.1]/"])
async def test_a_redirect_is_an_answer_and_never_followed(status: int, location: str):
    said = f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\nset-cookie: a=b\r\n\r\n".encode()
    answer = await _get(_saying(said))
    assert (answer.status, answer.header("location")) == (status, location)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    answer = await _get(_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"))
    assert answer.body == b"ok"


async def test_no_packet_leaves_for_a_name_that_leads_home():
    arrived: list[str] = []

    async def canary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append("a connection")

    async def home(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with (
        _raw_server(canary) as (_, port),
        PeerClient(EgressPolicy(ports=[port]), clock=lambda: float(NOW), resolver=home) as client,
    ):
        for url in (f"https://peer.example:{port}/", f"https://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/"):
            with pytest.raises(EgressRefused):
                await client.fetch("GET", url)
    assert arrived == []


async def test_a_name_is_looked_up_once_a_connection_and_connected_where_the_check_was():
    """DNS rebinding: a second look-up would answer differently, so there must be none."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    handle = _saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
    async with _raw_server(handle) as (_, port):
        origin = f"http://dev.localhost:{port}"
        policy = EgressPolicy(allowed_origins=[origin])
        async with PeerClient(policy, clock=lambda: float(NOW), resolver=rebinding) as client:
            assert (await client.fetch("GET", origin + "/x")).body == b"ok"
            assert asked == ["dev.localhost"]
            with pytest.raises(EgressRefused):
                await client.fetch("GET", origin + "/x")


async def test_a_connection_whose_far_end_is_not_allowed_is_dropped(monkeypatch: pytest.MonkeyPatch):
    """The second look at the peer's address, should anything ever connect elsewhere than where the check was."""
    async with _raw_server(_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as (origin, _):
        policy = EgressPolicy(allowed_origins=[origin])
        async with PeerClient(policy, clock=lambda: float(NOW)) as client:
            monkeypatch.setattr(policy, "origins", frozenset())
            monkeypatch.setattr(policy, "check_url", lambda url: None)
            with pytest.raises(EgressRefused):
                await client.fetch("GET", origin + "/x")


async def test_a_url_that_would_be_sent_in_another_spelling_is_refused():
    async with PeerClient(EgressPolicy(), clock=lambda: float(NOW)) as client:
        for url in ("https://peer.example/a/../b", "https://peer.example/%7Ea", "https://peer.example:443/a"):
            with pytest.raises(EgressRefused):
                await client.fetch("GET", url)


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's context for ``name``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "pair.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())


@pytest.mark.parametrize(("certified", "reached"), [("dev.localhost", True), ("other.localhost", False)])
async def test_tls_checks_the_host_and_not_the_address_it_led_to(tmp_path: Path, certified: str, reached: bool):
    server, trusting = _certificate(tmp_path, certified)
    handle = _saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def home(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with _raw_server(handle, server) as (_, port):
        origin = f"https://dev.localhost:{port}"
        policy = EgressPolicy(allowed_origins=[origin])
        async with PeerClient(policy, clock=lambda: float(NOW), resolver=home, tls=trusting) as client:
            if reached:
                assert (await client.fetch("GET", origin + "/x")).body == b"ok"
            else:
                with pytest.raises(Unreachable) as caught:
                    await client.fetch("GET", origin + "/x")
                assert "certificate" in caught.value.cause.lower()
