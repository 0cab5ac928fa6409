"""When a certificate ends is read from the server itself, over the checked address, and judged by both services."""

import asyncio
import contextlib
import importlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.transport.client import PeerClient
from shared.transport.egress import EgressPolicy
from shared.transport.errors import CertificateRefused, EgressRefused, Unreachable

pytestmark = pytest.mark.anyio

HOST = "dev.localhost"
START = datetime.now(UTC).replace(microsecond=0)


class Authority:
    """A certificate authority of the test's own, signed by itself."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
        made = self._builder(self.name, self.key.public_key(), START + timedelta(days=1000))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = made.sign(self.key, hashes.SHA256())

    def _builder(self, subject: x509.Name, key: Any, end: datetime) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(subject_name=subject, issuer_name=self.name, public_key=key)
        return (
            builder.serial_number(x509.random_serial_number())
            .not_valid_before(START - timedelta(days=100))
            .not_valid_after(end)
        )

    def server(self, folder: Path, host: str, end: datetime) -> ssl.SSLContext:
        """A server's context with a certificate for ``host``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._builder(subject, key.public_key(), end)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        pem = folder / "pair.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.write_bytes(private + made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.certificate.public_bytes(Encoding.PEM).decode())


@dataclass
class Served:
    """A TLS server, and a client that may call it."""

    origin: str
    client: PeerClient
    arrived: list[object]


@contextlib.asynccontextmanager
async def serving(
    folder: Path, *, end: datetime, host: str = HOST, trusted: bool = True, leads_to: str = "127.0.0.1"
) -> AsyncIterator[Served]:
    authority = Authority()
    arrived: list[object] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(writer)
        writer.close()

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [leads_to]

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=authority.server(folder, host, end))
    port = server.sockets[0].getsockname()[1]
    origin = f"https://{HOST}:{port}"
    trust = authority.trusted() if trusted else ssl.create_default_context()
    policy = EgressPolicy(allowed_origins=[origin])
    async with server, PeerClient(policy, clock=START.timestamp, resolver=resolve, tls=trust) as client:
        yield Served(origin, client, arrived)


async def test_the_end_is_the_one_of_the_certificate_that_the_server_shows(tmp_path: Path) -> None:
    end = START + timedelta(days=40)
    async with serving(tmp_path, end=end) as served:
        assert await served.client.certificate_end(served.origin) == end


@pytest.mark.parametrize(
    "fault",
    [
        {"end": START - timedelta(days=1)},
        {"end": START + timedelta(days=40), "host": "other.localhost"},
        {"end": START + timedelta(days=40), "trusted": False},
    ],
)
async def test_an_expired_or_foreign_or_untrusted_certificate_is_refused(tmp_path: Path, fault: dict[str, Any]) -> None:
    async with serving(tmp_path, **fault) as served:
        with pytest.raises(CertificateRefused) as refused:
            await served.client.certificate_end(served.origin)
    assert refused.value.cause
    assert refused.value.fix


async def test_the_guard_stands_before_the_look_too(tmp_path: Path) -> None:
    end = START + timedelta(days=40)
    async with serving(tmp_path, end=end, leads_to="169.254.169.254") as served:
        with pytest.raises(EgressRefused):
            await served.client.certificate_end(served.origin)
        port = served.origin.rpartition(":")[2]
        for url in (f"https://127.0.0.1:{port}", "https://10.0.0.1", "https://metadata"):
            with pytest.raises(EgressRefused):
                await served.client.certificate_end(url)
        assert served.arrived == []


async def test_nothing_is_looked_at_without_tls_and_silence_is_not_a_bad_certificate() -> None:
    origins = ["http://127.0.0.1:1", "https://127.0.0.1:1"]
    async with PeerClient(EgressPolicy(allowed_origins=origins), clock=START.timestamp) as client:
        assert await client.certificate_end(origins[0]) is None
        with pytest.raises(Unreachable) as silent:
            await client.certificate_end(origins[1])
    assert not isinstance(silent.value, CertificateRefused)


@pytest.mark.parametrize("service", ["provider_service", "consumer_service"])
@pytest.mark.parametrize(
    ("days", "found"), [(31, []), (30, ["warning"]), (4, ["warning"]), (3, ["error"]), (-1, [None])]
)
async def test_both_services_warn_thirty_days_before_the_end_and_fail_three_days_before(
    tmp_path: Path, service: str, days: int, found: list[str | None]
) -> None:
    checks = importlib.import_module(f"{service}.keys.checks")
    async with serving(tmp_path, end=START + timedelta(days=days)) as served:
        context = SimpleNamespace(peers=served.client, clock=lambda: START)
        findings = await checks.certificate_holds(context, served.origin)
    assert [finding.severity for finding in findings] == found, "None: as grave as the check itself, an error"
