"""The egress guard against the public vectors, with an empty allow-list, and its operator settings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.transport.egress import EgressPolicy
from shared.transport.errors import EgressRefused, Unreachable
from shared.wire.errors import Invalid

pytestmark = pytest.mark.anyio

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "egress"
PUBLIC = "93.184.215.14"
LOCAL_NAMES = {
    "localhost": "127.0.0.1",
    "ip6-localhost": "::1",
    "ip6-loopback": "::1",
    "metadata": "169.254.169.254",
    "metadata.google.internal": "169.254.169.254",
}


def _rows(name: str, kind: str | None = None) -> list[dict[str, Any]]:
    path = VECTORS / name
    assert path.is_file(), f"the public vectors belong at {path}, next to the checkout"
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return [row for row in rows if kind is None or row["kind"] == kind]


def _answering(*addresses: str):
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def _refused(url: str, resolved: str) -> bool:
    try:
        await EgressPolicy().check(url, _answering(resolved))
    except EgressRefused as error:
        return bool(error.cause and error.fix)
    return False


def test_every_address_of_the_vectors_is_refused():
    rows = _rows("ssrf_addresses.json", "ip")
    allowed = []
    for row in rows:
        for spelling in {row["url_or_ip"], row.get("resolves_to", row["url_or_ip"])}:
            try:
                EgressPolicy().check_address(spelling, host="peer.example", port=443)
            except EgressRefused:
                continue
            allowed.append(spelling)
    assert len(rows) >= 225
    assert allowed == []


async def test_every_url_of_the_vectors_is_refused():
    rows = _rows("ssrf_addresses.json", "url")
    allowed = []
    for row in rows:
        resolved = row.get("resolves_to", PUBLIC).split(" or ")[0]
        host = row["url_or_ip"].split("//")[-1].strip("/")
        resolved = LOCAL_NAMES.get(host, resolved)
        if not await _refused(row["url_or_ip"], resolved):
            allowed.append(row["url_or_ip"])
    assert len(rows) >= 210
    assert allowed == []


async def test_the_urls_are_refused_for_their_host_and_not_only_for_their_scheme():
    allowed = []
    for row in _rows("ssrf_addresses.json", "url"):
        if not row["url_or_ip"].startswith("http://"):
            continue
        url = "https://" + row["url_or_ip"].removeprefix("http://")
        for ported in (url, url.replace(":80/", ":443/")):
            host = ported.split("//")[-1].split("/")[0]
            resolved = LOCAL_NAMES.get(host, row.get("resolves_to", PUBLIC).split(" or ")[0])
            if not await _refused(ported, resolved):
                allowed.append((ported, row["why"]))
    assert allowed == []


async def test_every_control_passes():
    rows = _rows("ssrf_controls.json")
    for row in rows:
        if row.get("expect") == "either":
            continue
        if row["kind"] == "ip":
            EgressPolicy().check_address(row["url_or_ip"], host="peer.example", port=443)
        else:
            await EgressPolicy().check(row["url_or_ip"], _answering(PUBLIC))
    assert len(rows) == 13


def test_the_scenarios_of_the_vectors_are_the_ones_these_tests_cover():
    """Redirects: test_client. Names: below. Stored URLs: `EgressPolicy.check` is what every slice calls."""
    assert len(_rows("ssrf_addresses.json", "scenario")) == 11


@pytest.mark.parametrize(
    "answers",
    [
        (PUBLIC, "127.0.0.1"),
        ("127.0.0.1",),
        (PUBLIC, "fd00::1"),
        ("::1", PUBLIC),
        ("fe80::1%eth0",),
        ("not-an-address",),
    ],
)
async def test_one_forbidden_answer_refuses_the_whole_name(answers: tuple[str, ...]):
    with pytest.raises(EgressRefused) as caught:
        await EgressPolicy().check("https://peer.example/", _answering(*answers))
    assert caught.value.code == "address_not_allowed"


async def test_a_name_without_an_address_is_unreachable_and_not_refused():
    async def nothing(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(Unreachable):
        await EgressPolicy().check("https://peer.example/", nothing)
    with pytest.raises(Unreachable):
        await EgressPolicy().check("https://peer.example/", _answering())


async def test_an_intranet_the_operator_lists_is_open_and_its_neighbours_are_not():
    policy = EgressPolicy(allowed_networks=["10.20.0.0/16", "fd12::/16"])
    await policy.check("https://peer.intranet/", _answering("10.20.1.2", "fd12::1"))
    await policy.check("https://10.20.1.2/")
    with pytest.raises(EgressRefused):
        await policy.check("https://peer.intranet/", _answering("10.21.1.2"))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.169.254", "100.100.100.200", "fd00:ec2::254", "224.0.0.1", "0.0.0.0"]
)
def test_no_allow_list_opens_loopback_metadata_or_multicast(address: str):
    policy = EgressPolicy(allowed_networks=["0.0.0.0/0", "::/0"])
    with pytest.raises(EgressRefused):
        policy.check_address(address, host="peer.example", port=443)


async def test_only_the_listed_development_origin_may_use_http_and_loopback():
    policy = EgressPolicy(allowed_origins=["http://127.0.0.1:8001", "http://localhost:8002"])
    assert (await policy.check("http://127.0.0.1:8001/x")).origin == "http://127.0.0.1:8001"
    await policy.check("http://localhost:8002/x", _answering("127.0.0.1", "::1"))
    for url in ("http://127.0.0.1:8003/x", "http://127.0.0.1/", "https://127.0.0.1:8443/", "http://[::1]:8001/"):
        with pytest.raises(EgressRefused):
            await policy.check(url)


async def test_a_development_origin_that_leaves_this_machine_is_refused():
    policy = EgressPolicy(allowed_origins=["http://localhost:8002"])
    with pytest.raises(EgressRefused):
        await policy.check("http://localhost:8002/", _answering(PUBLIC))


@pytest.mark.parametrize(
    "origin", ["http://peer.example", "http://127.0.0.1:8001/", "ftp://localhost", "http://10.0.0.1"]
)
def test_a_development_origin_must_be_a_loopback_origin(origin: str):
    with pytest.raises(Invalid):
        EgressPolicy(allowed_origins=[origin])


def test_a_network_that_is_none_is_refused_at_start():
    with pytest.raises(Invalid) as caught:
        EgressPolicy(allowed_networks=["10.0.0.1/8"])
    assert caught.value.code == "egress_setting_invalid"


def test_a_further_port_must_be_configured():
    with pytest.raises(EgressRefused):
        EgressPolicy().check_url("https://peer.example:9443/")
    assert EgressPolicy(ports=[9443]).check_url("https://peer.example:9443/").port == 9443


def test_a_single_label_name_needs_an_intranet():
    with pytest.raises(EgressRefused):
        EgressPolicy().check_url("https://provider/")
    assert EgressPolicy(allowed_networks=["10.0.0.0/8"]).check_url("https://provider/").host == "provider"
