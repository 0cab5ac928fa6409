"""Secrets at rest open in their own place, under their own master key, and nowhere else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.signing.envelopes import MasterKey, open_sealed, rewrap, seal, sealed_under
from shared.signing.errors import EnvelopeRefused

FIRST, SECOND = MasterKey("m1", os.urandom(32)), MasterKey("m2", os.urandom(32))
MASTERS = {"m1": FIRST, "m2": SECOND}
PLACE = {"table": "keys", "row": "42", "column": "private"}


def sealed(plaintext: bytes = b"secret", version: int = 3) -> str:
    return seal(plaintext, master=FIRST, version=version, **PLACE)


def refusal(text: str, masters: dict[str, MasterKey] | None = None, **place: str) -> str:
    with pytest.raises(EnvelopeRefused) as error:
        open_sealed(text, masters=MASTERS if masters is None else masters, **(PLACE | place))
    return error.value.code


@given(plaintext=st.binary(max_size=200), row=st.text(max_size=20), version=st.integers(0, 10**9))
def test_what_was_sealed_is_opened_again(plaintext: bytes, row: str, version: int) -> None:
    text = seal(plaintext, master=FIRST, version=version, table="t", row=row, column="c")
    assert open_sealed(text, masters=MASTERS, table="t", row=row, column="c") == plaintext


def test_the_same_secret_never_looks_the_same() -> None:
    assert len({sealed() for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "place", [{"table": "mail"}, {"row": "43"}, {"column": "public"}, {"row": "", "table": "keys42"}]
)
def test_an_envelope_in_another_place_is_refused(place: dict[str, str]) -> None:
    assert refusal(sealed(), **place) == "envelope_tampered"


def test_an_envelope_of_another_version_is_refused() -> None:
    assert refusal(sealed().replace(".3.", ".4.", 1)) == "envelope_tampered"


def test_the_parts_of_two_envelopes_do_not_mix() -> None:
    one, two = sealed().split("."), sealed(b"another").split(".")
    assert refusal(".".join([*one[:4], two[4]])) == "envelope_tampered"
    assert refusal(".".join([*one[:3], two[3], one[4]])) == "envelope_tampered"


def test_a_wrong_or_missing_master_key_is_told_apart() -> None:
    assert refusal(sealed(), masters={"m1": MasterKey("m1", os.urandom(32))}) == "envelope_tampered"
    assert refusal(sealed(), masters={"m2": SECOND}) == "envelope_master_unknown"
    renamed = sealed().replace("sx1.m1.", "sx1.m2.", 1)
    assert refusal(renamed) == "envelope_tampered"
    assert refusal(renamed, masters={"m2": MasterKey("m2", FIRST.secret)}) == "envelope_tampered"


@pytest.mark.parametrize("position", [0, 12, -1])
@pytest.mark.parametrize("part", [3, 4])
def test_every_changed_byte_is_found(part: int, position: int) -> None:
    parts = sealed().split(".")
    letters = list(parts[part])
    index = position if position >= 0 else len(letters) - 3
    letters[index] = "A" if letters[index] != "A" else "B"
    parts[part] = "".join(letters)
    assert refusal(".".join(parts)) == "envelope_tampered"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sx1",
        "sx2.m1.3.AAAA.AAAA",
        "sx1.m1.03.AAAA.AAAA",
        "sx1.m 1.3.AAAA.AAAA",
        "sx1.m1.3.A.AAAA",
        "sx1.m1.3.AB.AA",
    ],
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    assert refusal(text) == "envelope_malformed"


def test_an_envelope_cut_short_is_refused() -> None:
    assert refusal("sx1.m1.3.AAAA.AAAA") == "envelope_tampered"


def test_rewrapping_moves_the_secret_under_another_master_key() -> None:
    text = sealed()
    moved = rewrap(text, masters=MASTERS, master=SECOND, **PLACE)
    assert (sealed_under(text), sealed_under(moved)) == ("m1", "m2")
    assert open_sealed(moved, masters={"m2": SECOND}, **PLACE) == b"secret"
    assert moved.split(".")[4] == text.split(".")[4]
    with pytest.raises(EnvelopeRefused):
        rewrap(text, masters=MASTERS, master=SECOND, **(PLACE | {"row": "43"}))


@pytest.mark.parametrize(("name", "secret"), [("", bytes(32)), ("a.b", bytes(32)), ("m", bytes(31)), ("m", b"")])
def test_a_master_key_has_a_plain_name_and_32_bytes(name: str, secret: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(name, secret)


def test_a_master_key_never_shows_its_secret() -> None:
    assert repr(FIRST) == "MasterKey(name='m1')"
