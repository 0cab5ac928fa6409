"""A catalogue of named lies. ``peer.lies.commit("wrong_signature", at="messages")`` tells a peer to commit one.

A lie is told in a request, in an answer, or in the browser's redirect, at a step that has the name of the call:
discovery, echo, announcement, reveal, authorization, completion, status, cancellation, messages, pull, outcomes,
heartbeat, keys, goodbye, redirect. ``before`` changes what gets signed; ``after`` changes what was signed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.peer.crypto import Key, KeyRing, make_statement
from tests.peer.signing import PROBLEM, Answer, Request, Stamp, digest
from tests.peer.wire import MAX_BODY, Document, Problem, b64u, encode, new_id, new_nonce


@dataclass
class Draft:
    """What is about to be signed and sent; a lie changes it in place."""

    step: str
    document: Document
    stamp: Stamp
    keys: KeyRing
    status: int = 200
    content_type: str = "application/json"
    request_nonce: str = ""
    signed: bool = True
    slow: bool = False
    raw: bytes | None = None
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        return encode(self.document) if self.raw is None else self.raw


@dataclass(frozen=True)
class Lie:
    """One lie and how it is told."""

    name: str
    on: str
    before: Callable[[Draft], None] | None = None
    after: Callable[[Any], Any] | None = None


@dataclass
class Mischief:
    """What a peer was told to do; empty for an honest one. ``told`` lists the lies committed so far."""

    orders: list[tuple[Lie, str, int]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def commit(self, name: str, *, at: str, on: str = "answer", times: int = 1) -> None:
        """Tell a lie at a step; KeyError when the catalogue has no such lie for a request, answer or redirect."""
        self.orders.append((CATALOGUE[on, name], at, times))

    def take(self, on: str, step: str) -> list[Lie]:
        """The lies due now; each is used up by one."""
        due = [lie for lie, at, _ in self.orders if (lie.on, at) == (on, step)]
        self.orders = [(lie, at, left - (lie in due and at == step)) for lie, at, left in self.orders]
        self.orders = [order for order in self.orders if order[2] > 0]
        self.told += [lie.name for lie in due]
        return due


def _set(**members: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.document.update({name: new() for name, new in members.items()})


def _stamp(**changes: Any) -> Callable[[Draft], None]:
    def before(draft: Draft) -> None:
        now = draft.stamp.created
        draft.stamp = replace(draft.stamp, **{name: make(now) for name, make in changes.items()})

    return before


def _header(name: str, change: Callable[[str], str] | None) -> Callable[[Any], Any]:
    """Change or (None) drop a header after signing."""

    def after(sent: Any) -> Any:
        kept = [(key, value) for key, value in sent.headers if key != name]
        changed = [(key, change(value)) for key, value in sent.headers if key == name and change]
        return replace(sent, headers=kept + changed)

    return after


def _flip(value: str) -> str:
    at = len(value) // 2
    return value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]


def _unsigned(sent: Any) -> Any:
    return _header("signature", None)(_header("signature-input", None)(sent))


def _other_body(sent: Any) -> Any:
    return replace(sent, body=sent.body[:-1] + b" }")


def _slow(draft: Draft) -> None:
    draft.slow = True


def _duplicate_member(draft: Draft) -> None:
    draft.raw = b'{"twice":1,"twice":2,' + encode(draft.document)[1:]


def _problem(status: int, code: str) -> Callable[[Draft], None]:
    def before(draft: Draft) -> None:
        draft.document = {**Problem(410, code).document(), "status": status}
        draft.status, draft.content_type = status, PROBLEM

    return before


def _key_set(change: Callable[[Document], None], *, strange: bool = False) -> Callable[[Draft], None]:
    """Republish the key set with another payload, or as the one of a stranger."""

    def before(draft: Draft) -> None:
        keys = KeyRing() if strange else draft.keys
        payload = keys.payload(draft.memory["issuer"], draft.memory["instance_id"], draft.stamp.created)
        change(payload)
        draft.document["key_set"] = make_statement(keys.active("identity"), payload)
        draft.stamp = replace(draft.stamp, key=keys.active("http"))

    return before


def _outcomes(change: Callable[[list[Document]], list[Document]]) -> Callable[[Draft], None]:
    return lambda draft: draft.document.update(outcomes=change(draft.document["outcomes"]))


def _messages(change: Callable[[Document], None]) -> Callable[[Draft], None]:
    def before(draft: Draft) -> None:
        draft.document["messages"] = [dict(message) for message in draft.document["messages"]]
        for message in draft.document["messages"]:
            change(message)

    return before


def _applied() -> Document:
    return {"id": new_id(1), "outcome": "applied"}


def _random_key(_now: int) -> Key:
    return Key.new("http")


def _second_signature(sent: Any) -> Any:
    twice = _header("signature-input", lambda value: f"{value}, two={value[3:]}")(sent)
    return _header("signature", lambda value: f"{value}, two={value[3:]}")(twice)


def _redirected(change: Callable[[Document], None]) -> Callable[[Draft], None]:
    return lambda draft: change(draft.document)


_ANY: list[tuple[str, Callable[[Draft], None] | None, Callable[[Any], Any] | None]] = [
    ("wrong_signature", None, _header("signature", _flip)),
    ("unsigned", None, _unsigned),
    ("wrong_content_digest", None, _header("content-digest", lambda _value: digest(b"something else"))),
    ("other_body", None, _other_body),
    ("duplicate_member", _duplicate_member, None),
    ("two_signatures", None, _second_signature),
    ("unknown_key", _stamp(key=_random_key), None),
    ("other_tag", _stamp(tag=lambda _now: "service-exchange-2"), None),
    ("lower_key_set_sequence", _key_set(lambda payload: payload.update(sequence=0)), None),
    ("expired_key_set", _key_set(lambda payload: payload.update(expires=payload["issued"] - 60)), None),
    ("wrong_kid", _key_set(lambda payload: payload["keys"][1].update(kid=b64u(bytes(32)))), None),
    ("other_identity_key", _key_set(lambda _payload: None, strange=True), None),
    ("other_issuer", _set(issuer=lambda: "https://elsewhere.example"), None),
    ("other_instance_id", _set(instance_id=lambda: new_id(1)), None),
    ("old_epoch", _set(epoch=lambda: 0), None),
    ("outcome_for_unknown_id", _outcomes(lambda found: [*found[1:], _applied()]), None),
    ("wrong_outcome_order", _outcomes(lambda found: found[::-1]), None),
    ("missing_outcome", _outcomes(lambda found: found[:-1]), None),
    ("gzip_body", None, lambda sent: replace(sent, headers=[*sent.headers, ("content-encoding", "gzip")])),
]

_ANSWERS: list[tuple[str, Callable[[Draft], None] | None, Callable[[Answer], Answer] | None]] = [
    ("replayed_nonce", lambda draft: setattr(draft, "request_nonce", new_nonce()), None),
    ("redirect", None, lambda sent: replace(sent, status=307, headers=[*sent.headers, ("location", "/elsewhere")])),
    ("huge_body", None, lambda sent: replace(sent, body=sent.body + b" " * MAX_BODY * 2)),
    ("slow_body", _slow, None),
    ("no_content", None, lambda sent: Answer(204, [], b"")),
    ("ok_with_problem", _problem(200, "connection_closed"), None),
    ("unsigned_410", _problem(410, "connection_closed"), _unsigned),
]

_REQUESTS: list[tuple[str, Callable[[Draft], None] | None, Callable[[Request], Request] | None]] = [
    ("old_signature", _stamp(created=lambda now: now - 120, expires=lambda now: now - 60), None),
    ("long_life", _stamp(expires=lambda now: now + 61), None),
    ("future_signature", _stamp(created=lambda now: now + 60, expires=lambda now: now + 120), None),
    ("no_connection_header", None, _header("exchange-connection", None)),
    ("other_nonce", _set(nonce_c=lambda: b64u(bytes(32))), None),
    ("other_client_id", _set(client_id=lambda: new_id(1)), None),
    ("other_redirect", _set(redirect_uri=lambda: "https://elsewhere.example/exchange/v1/oauth/callback"), None),
    ("other_verifier", _set(code_verifier=lambda: new_nonce() * 2), None),
    ("other_comparison_code", _set(comparison_code=lambda: "0000-0000"), None),
    ("code_reuse", lambda draft: draft.document.update(code=draft.memory["code"]), None),
    ("sequence_gap", _messages(lambda message: message.update(sequence=message["sequence"] + 1)), None),
    ("other_content", _messages(lambda message: message.update(subject="something else")), None),
    ("two_idempotency_keys", None, lambda sent: replace(sent, headers=[*sent.headers, ("idempotency-key", "y" * 16)])),
]

_REDIRECTS: list[tuple[str, Callable[[Draft], None]]] = [
    ("wrong_iss", _redirected(lambda query: query.update(iss="https://elsewhere.example"))),
    ("no_iss", _redirected(lambda query: query.pop("iss", None))),
    ("wrong_state", _redirected(lambda query: query.update(state=new_nonce()))),
]

CATALOGUE: dict[tuple[str, str], Lie] = {
    (on, name): Lie(name, on, before, after)
    for on, table in (("answer", _ANY + _ANSWERS), ("request", _ANY + _REQUESTS))
    for name, before, after in table
} | {("redirect", name): Lie(name, "redirect", before) for name, before in _REDIRECTS}
