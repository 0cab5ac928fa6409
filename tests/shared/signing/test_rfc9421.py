"""The standard's own examples (RFC 9421 sections 2, 3.2, 4.3 and appendix B) run against the general base."""

from typing import Any

import http_sf
import pytest

from shared.signing.base import (
    Component,
    Message,
    component_value,
    parse_dictionary,
    read_signature,
    signature_base,
    verify,
)
from shared.signing.errors import HeaderMalformed, NotCovered, SignatureInvalid, SignatureMissing
from shared.signing.keys import PublicKey
from tests.shared.signing.vectors import load

CASES = {case["id"]: case for case in load("rfc9421", "vectors.json")["cases"]}
KEYS = load("rfc9421", "keys.json")["keys"]
COMPONENTS = load("rfc9421", "component_lines.json")
OURS = {"ed25519", "ecdsa-p256-sha256"}
OURS_VALID = [name for name, case in CASES.items() if case["alg"] in OURS and case["expect"] == "valid"]
OURS_FORGED = [name for name, case in CASES.items() if case["alg"] in OURS and case["expect"] == "invalid"]
WITH_BASE = [name for name, case in CASES.items() if case["signature_base"] is not None]


def message_of(vector: dict[str, Any] | None, **more: Any) -> Message | None:
    if vector is None:
        return None
    target = vector.get("request_target", "")
    absolute = target if "://" in target else f"{vector.get('scheme')}://{vector.get('authority')}{target}"
    return Message(
        headers=tuple((name, value) for name, value in vector["headers"]),
        method=vector.get("method"),
        target_uri=absolute,
        request_target=target,
        status=vector.get("status"),
        **more,
    )


def case_message(case: dict[str, Any]) -> Message:
    message = message_of(case["message"], request=message_of(case["related_request"]))
    assert message is not None
    return message


def component_of(text: str) -> Component:
    name, parameters = http_sf.parse(text.encode(), tltype="item")
    return Component(name, tuple(parameters.items()))


def line_of(row: dict[str, Any]) -> str:
    component = component_of(row["component"])
    message = message_of(row["message"], trailers=tuple(map(tuple, row.get("trailers", []))))
    assert message is not None
    return f"{component.identifier}: {component_value(component, message)}"


def test_all_published_cases_are_there() -> None:
    assert len(CASES) == 22
    assert len(COMPONENTS["lines"]) == 38
    assert len(COMPONENTS["errors"]) == 12
    assert len(WITH_BASE) == 18
    assert OURS_VALID == [
        "b24",
        "b26",
        "b3",
        "b4-0",
        "b4-1",
        "b4-2",
        "b4-3",
        "s24-response",
        "s24-response-to-signed",
        "s43-client",
    ]
    assert OURS_FORGED == ["b4-4", "b4-5", "s43-proxy-stale-client", "s43-proxy-client-label"]


@pytest.mark.parametrize("name", WITH_BASE)
def test_a_published_base_is_reproduced_to_the_byte(name: str) -> None:
    case = CASES[name]
    message = case_message(case)
    found = read_signature(message.headers, case["label"])
    assert found.base(message).decode() == case["signature_base"]


@pytest.mark.parametrize("name", OURS_VALID)
def test_a_published_signature_verifies(name: str) -> None:
    case = CASES[name]
    found = verify(case_message(case), case["label"], PublicKey.from_jwk(KEYS[case["keyid"]]["jwk_public"]))
    assert found.parameters["keyid"] == case["keyid"]


@pytest.mark.parametrize("name", OURS_FORGED)
def test_a_published_forgery_is_refused(name: str) -> None:
    case = CASES[name]
    with pytest.raises(SignatureInvalid):
        verify(case_message(case), case["label"], PublicKey.from_jwk(KEYS[case["keyid"]]["jwk_public"]))


@pytest.mark.parametrize("keyid", ["test-key-ed25519", "test-key-ecc-p256"])
def test_a_published_thumbprint_is_reproduced(keyid: str) -> None:
    assert PublicKey.from_jwk(KEYS[keyid]["jwk_public"]).kid == KEYS[keyid]["jwk_thumbprint_sha256"]


@pytest.mark.parametrize("row", COMPONENTS["lines"], ids=lambda row: f"{row['section']} {row['component']}")
def test_a_component_has_its_published_value(row: dict[str, Any]) -> None:
    assert line_of(row) == row["line"]


@pytest.mark.parametrize("row", COMPONENTS["errors"], ids=lambda row: row["why"])
def test_a_component_that_cannot_be_had_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(NotCovered):
        line_of(row)


def test_the_hand_built_base_is_the_general_one() -> None:
    message = Message(method="GET", target_uri="https://a.example/b", headers=(("X", " 1 "),))
    names = ("@method", "@target-uri", "x")
    lines = [(f'"{name}"', component_value(Component(name), message)) for name in names]
    base = signature_base(lines, '("@method" "@target-uri" "x")')
    headers = (*message.headers, ("Signature-Input", 'a=("@method" "@target-uri" "x")'), ("Signature", "a=:AAAA:"))
    assert read_signature(headers, "a").base(message) == base


def test_a_component_covered_twice_is_refused() -> None:
    headers = (("Signature-Input", 'a=("@method" "@method")'), ("Signature", "a=:AAAA:"))
    with pytest.raises(NotCovered):
        read_signature(headers, "a").base(Message(method="GET", target_uri="https://a.example/"))


@pytest.mark.parametrize(
    ("stated", "signature", "refusal"),
    [
        ("b=()", "a=:AAAA:", SignatureMissing),
        ("a=()", "b=:AAAA:", SignatureMissing),
        ("a=1", "a=:AAAA:", HeaderMalformed),
        ("a=()", "a=1", HeaderMalformed),
        ("a=(1)", "a=:AAAA:", HeaderMalformed),
        ("a=(", "a=:AAAA:", HeaderMalformed),
        ("a=(), a=()", "a=:AAAA:", HeaderMalformed),
        ("a=();x=1;x=1", "a=:AAAA:", HeaderMalformed),
    ],
)
def test_signature_headers_of_another_shape_are_refused(stated: str, signature: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_signature((("signature-input", stated), ("signature", signature)), "a")


def test_a_dictionary_outside_ascii_is_refused() -> None:
    with pytest.raises(HeaderMalformed):
        parse_dictionary("a=\u00e9")
