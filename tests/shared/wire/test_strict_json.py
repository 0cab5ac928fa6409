"""The strict decoder against JSONTestSuite, and what it refuses beyond RFC 8259."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import pytest

from shared.wire.errors import MalformedJson
from shared.wire.strict_json import decode

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "json_parsing"

REFUSED_ON_PURPOSE = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}
"""Valid JSON that we refuse: names twice, and NUL, which PostgreSQL cannot store."""


def _vectors(name: str) -> dict[str, bytes]:
    path = VECTORS / name
    assert path.is_file(), f"the public vectors belong at {path}, next to the checkout"
    return {case: base64.b64decode(text) for case, text in json.loads(path.read_text("utf-8")).items()}


def _accepted(raw: bytes) -> bool:
    try:
        decode(raw)
    except MalformedJson as error:
        return error.code != "malformed"
    return True


def test_everything_that_must_be_refused_is_refused():
    cases = {name: raw for name, raw in _vectors("test_parsing.json").items() if name.startswith("n_")}
    assert len(cases) >= 180
    assert [name for name, raw in cases.items() if _accepted(raw)] == []


def test_everything_that_must_be_read_is_read_but_for_our_own_list():
    cases = {name: raw for name, raw in _vectors("test_parsing.json").items() if name.startswith("y_")}
    assert {name for name, raw in cases.items() if not _accepted(raw)} == REFUSED_ON_PURPOSE


def test_everything_else_is_read_or_refused_and_never_breaks():
    cases = _vectors("test_parsing.json") | _vectors("test_transform.json")
    for raw in cases.values():
        if _accepted(raw):
            json.dumps(decode(raw), allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'["\\ud800"]',
        b'["\\udc00\\ud800"]',
        b'["\\u0000"]',
        b"[NaN]",
        b"[-Infinity]",
        b"[1e999]",
        b"[-1e999]",
        b"[123456789012345678901]",
        b"\xef\xbb\xbf{}",
        "[1]".encode("utf-16"),
        b'["\xed\xa0\x80"]',
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 100_000,
        b"",
        b" ",
    ],
)
def test_what_json_libraries_let_through_is_refused(raw: bytes):
    assert not _accepted(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a":[1,2.5,"\\ud83d\\ude00",null,true]}', {"a": [1, 2.5, "\U0001f600", None, True]}),
        (b"[" * 32 + b"]" * 32, None),
        (b'["' + b"[" * 100 + b'"]', ["[" * 100]),
        (b'["\\"' + b"{" * 100 + b'"]', ['"' + "{" * 100]),
        (b"12345678901234567890", 12345678901234567890),
    ],
)
def test_what_is_within_the_limits_is_read(raw: bytes, value: Any):
    found = decode(raw)
    assert value is None or found == value


@pytest.mark.parametrize("tail", [b'\\"', b"\\", b"a", b'\\"['])
def test_a_string_that_never_ends_is_refused_in_one_pass(tail: bytes):
    """In quadratic time this would take an hour, so the test would be stopped and not merely be slow."""
    assert not _accepted(b"[" + b"[]," * 40 + b'"' + tail * 250_000)


def test_the_largest_double_is_read():
    assert math.isfinite(decode(b"1.7976931348623157e308"))
