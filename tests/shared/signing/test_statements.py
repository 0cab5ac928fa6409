"""Statements and key sets: only what the pinned identity signed, for this purpose, no older than seen, not expired."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.signing.encoding import from_base64url, to_base64url
from shared.signing.errors import KeyRefused, KeySetMalformed, StatementRefused
from shared.signing.keys import generate
from shared.signing.keysets import make_key_set, published, read_key_set, verifying_keys
from shared.signing.statements import (
    KEY_SET_CONTEXT,
    MAX_PAYLOAD,
    MOVE_CONTEXT,
    REVOCATION_CONTEXT,
    make_statement,
    read_statement,
)
from shared.wire.discovery import KeySet, PublishedKey, SignedStatement
from shared.wire.states import KeyPurpose, KeyState

NOW = 1_800_000_000
IDENTITY, STRANGER = generate(KeyPurpose.IDENTITY), generate(KeyPurpose.IDENTITY)
ACTIVE, RETIRING, STAGED = (generate(KeyPurpose.HTTP) for _ in range(3))
TOKEN = generate(KeyPurpose.TOKEN)
KEYS = (
    published(ACTIVE.public, KeyPurpose.HTTP, KeyState.ACTIVE),
    published(RETIRING.public, KeyPurpose.HTTP, KeyState.RETIRING),
    published(STAGED.public, KeyPurpose.HTTP, KeyState.PRE_ACTIVE),
    published(TOKEN.public, KeyPurpose.TOKEN, KeyState.ACTIVE),
    *(
        published(generate(KeyPurpose.HTTP).public, KeyPurpose.HTTP, state)
        for state in (KeyState.RETIRED, KeyState.COMPROMISED)
    ),
)


def key_set(*, identity=IDENTITY, **changes: Any) -> SignedStatement:
    values = {
        "issuer": "https://provider.example",
        "instance_id": "0190b6d5-7f3c-7cc3-98c4-dc0c0c07398f",
        "sequence": 7,
        "issued": NOW,
        "expires": NOW + 86400,
        "refresh_seconds": 3600,
        "keys": KEYS,
    }
    return make_key_set(identity, **(values | changes))


def read(
    statement: SignedStatement, *, minimum_sequence: int = 0, now: int = NOW, pinned: str = IDENTITY.kid
) -> KeySet:
    return read_key_set(statement, pinned_jkt=pinned, minimum_sequence=minimum_sequence, now=now)


def refusal(statement: SignedStatement, **more: Any) -> str:
    with pytest.raises(StatementRefused) as error:
        read(statement, **more)
    return error.value.code


def resigned(change: dict[str, Any]) -> SignedStatement:
    """A key set that its identity really signed, but that nobody of ours would make."""
    document = json.loads(from_base64url(key_set().payload)) | change
    return make_statement(IDENTITY, KEY_SET_CONTEXT, json.dumps(document).encode())


def entries() -> list[dict[str, Any]]:
    return json.loads(from_base64url(key_set().payload))["keys"]


def test_a_key_set_is_read_back_with_its_usable_keys() -> None:
    found = read(key_set())
    assert found.sequence == 7
    assert verifying_keys(found, KeyPurpose.HTTP) == {
        ACTIVE.kid: ACTIVE.public,
        RETIRING.kid: RETIRING.public,
        STAGED.kid: STAGED.public,
    }
    assert verifying_keys(found, KeyPurpose.TOKEN) == {TOKEN.kid: TOKEN.public}
    assert verifying_keys(found, KeyPurpose.IDENTITY) == {IDENTITY.kid: IDENTITY.public}


def test_a_first_contact_pins_the_identity_that_signed() -> None:
    statement = key_set()
    assert read(statement, pinned=statement.kid).keys[0].kid == IDENTITY.kid


def test_a_lower_sequence_is_refused_and_the_same_is_not() -> None:
    assert read(key_set(), minimum_sequence=7).sequence == 7
    assert refusal(key_set(), minimum_sequence=8) == "key_set_sequence"


def test_a_key_set_counts_until_its_expiry_and_the_difference_of_clocks() -> None:
    assert read(key_set(), now=NOW + 86410).expires == NOW + 86400
    assert refusal(key_set(), now=NOW + 86411) == "key_set_expired"


def test_another_identity_is_refused_whatever_it_claims() -> None:
    foreign = key_set(identity=STRANGER)
    assert refusal(foreign) == "statement_identity"
    posing = foreign.model_copy(update={"kid": IDENTITY.kid})
    assert refusal(posing) == "statement_identity"
    replayed = key_set().model_copy(update={"signature": foreign.signature})
    assert refusal(replayed) == "statement_signature"
    swapped = key_set().model_copy(update={"payload": key_set(sequence=8).payload})
    assert refusal(swapped) == "statement_signature"


def test_a_statement_of_another_context_is_refused() -> None:
    payload = from_base64url(key_set().payload)
    for context in (REVOCATION_CONTEXT, MOVE_CONTEXT, "", f"{KEY_SET_CONTEXT} "):
        other = make_statement(IDENTITY, context, payload)
        assert refusal(other) == "statement_context"
        renamed = other.model_copy(update={"context": KEY_SET_CONTEXT})
        assert refusal(renamed) == "statement_signature"


def test_a_statement_by_a_pinned_key_carries_any_payload() -> None:
    statement = make_statement(IDENTITY, REVOCATION_CONTEXT, b'{"kid":"x"}')
    assert read_statement(statement, context=REVOCATION_CONTEXT, identity=IDENTITY.public) == b'{"kid":"x"}'
    with pytest.raises(StatementRefused) as error:
        read_statement(statement, context=REVOCATION_CONTEXT, identity=STRANGER.public)
    assert error.value.code == "statement_identity"


def test_only_ed25519_keys_make_statements() -> None:
    with pytest.raises(KeyRefused):
        make_statement(TOKEN, MOVE_CONTEXT, b"{}")


@pytest.mark.parametrize("field", ["payload", "signature"])
def test_a_statement_in_another_spelling_is_refused(field: str) -> None:
    statement = key_set()
    text = getattr(statement, field)
    for broken in (f"{text}=", f"{text}A"[:-2] + "!", f" {text}", f"{text}\n", "\u00e9"):
        assert refusal(statement.model_copy(update={field: broken})) == "statement_malformed"


def test_a_statement_whose_signature_is_cut_is_refused() -> None:
    statement = key_set()
    cut = to_base64url(from_base64url(statement.signature)[:-1])
    assert refusal(statement.model_copy(update={"signature": cut})) == "statement_signature"
    too_long = statement.model_copy(update={"payload": "A" * (MAX_PAYLOAD + 1)})
    assert refusal(too_long) == "statement_malformed"


@pytest.mark.parametrize("payload", ["{", "[]", "1", "{}", '{"keys":1}', '{"keys":[1,{"purpose":"identity"}]}'])
def test_a_payload_without_the_identity_key_is_refused(payload: str) -> None:
    code = "statement_malformed" if payload == "{" else "statement_identity"
    assert refusal(make_statement(IDENTITY, KEY_SET_CONTEXT, payload.encode())) == code


def test_an_identity_key_that_is_no_key_is_refused() -> None:
    broken = {"keys": [{"purpose": "identity", "jwk": {"kty": "OKP"}}]}
    statement = make_statement(IDENTITY, KEY_SET_CONTEXT, json.dumps(broken).encode())
    assert refusal(statement) == "statement_malformed"


BROKEN_KEYS = {
    "a key twice": lambda keys: [*keys, keys[1]],
    "a second identity": lambda keys: [
        *keys,
        published(STRANGER.public, KeyPurpose.IDENTITY, KeyState.ACTIVE).model_dump(),
    ],
    "a compromised identity": lambda keys: [{**keys[0], "state": "compromised"}, *keys[1:]],
    "a wrong key id": lambda keys: [*keys[:1], {**keys[1], "kid": STRANGER.kid}, *keys[2:]],
    "a token key for http": lambda keys: [*keys[:4], {**keys[4], "purpose": "http"}, *keys[5:]],
    "a data key": lambda keys: [*keys[:1], {**keys[1], "purpose": "data"}, *keys[2:]],
    "a private key": lambda keys: [*keys[:1], {**keys[1], "jwk": {**keys[1]["jwk"], "d": "AAAA"}}, *keys[2:]],
    "an unknown state": lambda keys: [*keys[:1], {**keys[1], "state": "fresh"}, *keys[2:]],
    "too many keys": lambda keys: [*keys, *keys[1:2] * 30],
}


@pytest.mark.parametrize("name", BROKEN_KEYS)
def test_a_signed_key_set_that_breaks_its_own_rules_is_refused(name: str) -> None:
    assert refusal(resigned({"keys": BROKEN_KEYS[name](entries())})) == "key_set_malformed"


@pytest.mark.parametrize(
    "change", [{"sequence": 0}, {"sequence": "7"}, {"sequence": True}, {"expires": None}, {"issuer": 1}]
)
def test_a_signed_key_set_with_members_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    assert refusal(resigned(change)) == "key_set_malformed"


def test_members_of_a_later_version_are_tolerated() -> None:
    assert read(resigned({"later": {"x": 1}})).sequence == 7


def test_no_key_set_is_made_that_nobody_would_accept() -> None:
    stranger = PublishedKey(kid="x", purpose=KeyPurpose.HTTP, state=KeyState.ACTIVE, jwk=ACTIVE.public.to_jwk())
    with pytest.raises(KeySetMalformed):
        key_set(keys=[stranger])
    with pytest.raises(ValidationError):
        key_set(sequence=0)
