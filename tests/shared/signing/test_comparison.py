"""The comparison code depends on everything both sides have seen, and on nothing else."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.signing.comparison import comparison_code, same_code

ARGUMENTS = {
    "provider_issuer": "https://provider.example",
    "consumer_issuer": "https://consumer.example",
    "provider_id": "p",
    "consumer_id": "c",
    "provider_jkt": "jp",
    "consumer_jkt": "jc",
    "number": "REG0000001",
    "nonce_p": "np",
    "nonce_c": "nc",
}


def test_the_code_is_the_same_on_both_sides_and_in_every_version() -> None:
    assert comparison_code(**ARGUMENTS) == comparison_code(**dict(reversed(ARGUMENTS.items())))
    lines = "\n".join(("service-exchange-comparison-v1", *ARGUMENTS.values()))
    bits = int.from_bytes(hashlib.sha256(lines.encode()).digest(), "big") >> (256 - 40)
    symbols = comparison_code(**ARGUMENTS).replace("-", "")
    values = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(symbol) for symbol in symbols]
    assert sum(value << (35 - 5 * place) for place, value in enumerate(values)) == bits


def test_the_code_changes_with_every_argument() -> None:
    codes = {comparison_code(**(ARGUMENTS | {name: value + "x"})) for name, value in ARGUMENTS.items()}
    codes.add(comparison_code(**ARGUMENTS))
    assert len(codes) == len(ARGUMENTS) + 1


def test_the_code_changes_when_arguments_change_places_or_run_together() -> None:
    swapped = ARGUMENTS | {"provider_id": "c", "consumer_id": "p"}
    joined = ARGUMENTS | {"provider_id": "pc", "consumer_id": ""}
    for name in ARGUMENTS:
        with pytest.raises(ValueError, match="newline"):
            comparison_code(**(ARGUMENTS | {name: "a\nb"}))
    assert len({comparison_code(**each) for each in (ARGUMENTS, swapped, joined)}) == 3


@given(st.text().map(lambda text: text.replace("\n", "")))
def test_the_code_is_eight_symbols_of_crockford(nonce: str) -> None:
    code = comparison_code(**(ARGUMENTS | {"nonce_p": nonce.encode("utf-8", "ignore").decode()}))
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)


def test_a_person_may_type_the_code_loosely() -> None:
    assert same_code("ab1o-9xyz", "AB10-9XYZ")
    assert same_code(" ABLO 9XYZ", "AB10-9XYZ")
    assert not same_code("AB10-9XYA", "AB10-9XYZ")
    assert not same_code("", "AB10-9XYZ")
