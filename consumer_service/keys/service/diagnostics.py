"""The health of key management as a tree (design: onboarding.md, *Before*): every leaf is tried, nothing is assumed."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from consumer_service.instance import service as instance
from consumer_service.keys import store
from consumer_service.keys.domain import (
    KEY_AGE,
    KEY_SET_RENEWAL,
    PUBLISHED_STATES,
    VERIFYING_STATES,
    Colour,
    HealthNode,
    parent,
)
from consumer_service.keys.service import publication, ring
from consumer_service.keys.service.ring import Masters
from consumer_service.keys.tables import KeyRow, KeySetRow
from shared.signing.envelopes import KEY_BYTES, MasterKey, open_sealed, seal, sealed_under
from shared.signing.errors import EnvelopeMalformed
from shared.signing.keysets import published, read_key_set
from shared.wire.discovery import SignedStatement
from shared.wire.errors import ExchangeError
from shared.wire.states import KeyPurpose, KeyState

RENEWAL_LATE = timedelta(days=1)
"""How long after its time a renewal that has not happened is told."""

_SAMPLE = b"service-exchange key management health"


def health(session: Session, masters: Masters, *, now: datetime) -> HealthNode:
    """Try everything and return the tree; grey as a whole while there is no ring yet. Never raises for a finding."""
    rows = store.all_keys(session)
    return parent(
        "key_management",
        "Key management",
        [
            _master_key(rows, masters),
            parent("key_ring", "Key ring", [_opens(row, masters) for row in rows] or [_unused("key_ring", "Key ring")]),
            parent("signatures", "Signatures", [_signs(session, masters, purpose) for purpose in _SIGNING]),
            parent("key_set", "Key set", _key_set(session, now)),
            _random_source(),
            _round_trip(session, masters),
            _ages(rows, now),
        ],
    )


_SIGNING = (KeyPurpose.IDENTITY, KeyPurpose.HTTP, KeyPurpose.TOKEN)


def _master_key(rows: Sequence[KeyRow], masters: Masters) -> HealthNode:
    def look() -> str:
        master = next(iter(masters.values()))
        text = seal(_SAMPLE, master=master, version=1, table="health", row="sample", column="sample")
        open_sealed(text, masters=masters, table="health", row="sample", column="sample")
        return f"{master.name} seals; {len(masters)} configured"

    seen = [row for row in rows if ring.holds_identity(masters) or row.purpose != KeyPurpose.IDENTITY]
    under = {row.kid: _sealed_under(row) for row in seen}
    missing = {under[row.kid] for row in seen if under[row.kid] not in ring.masters_of(masters, row.purpose)}
    if missing or not masters:
        return HealthNode(
            "master_key",
            "Master key readable",
            Colour.RED,
            found="Not configured: " + (", ".join(sorted(missing)) or "any master key"),
            cause="Keys of the ring are sealed under a master key this process was not given.",
            fix="Give it as a previous master key, then rewrap the ring.",
        )
    node = _tried("master_key", "Master key readable", look)
    stale = sum(under[row.kid] != next(iter(ring.masters_of(masters, row.purpose))) for row in seen)
    if node.colour is Colour.GREEN and stale:
        return HealthNode(
            node.name,
            node.title,
            Colour.YELLOW,
            found=f"{stale} keys are still sealed under another master key than theirs",
            cause="A master key was replaced, or the identity was given its own, and the ring was not rewrapped.",
            fix="Rewrap the ring, then drop the earlier master key.",
        )
    return node


def _opens(row: KeyRow, masters: Masters) -> HealthNode:
    title = f"{row.purpose} key {row.kid} ({row.state})"
    if row.state in {KeyState.RETIRED, KeyState.COMPROMISED} and row.purpose != KeyPurpose.DATA:
        return _unused(f"key_{row.kid}", title)
    if not _looks_at(row.purpose, masters):
        return _elsewhere(f"key_{row.kid}", title)

    def look() -> str:
        if row.purpose == KeyPurpose.DATA:
            return f"{len(ring.open_secret(row, masters)) * 8} bits"
        opened = ring.open_private(row, masters)
        return "Opens" if opened.kid == row.kid else _wrong("It opens to another key than its id names")

    return _tried(f"key_{row.kid}", title, look)


def _signs(session: Session, masters: Masters, purpose: KeyPurpose) -> HealthNode:
    title = f"The active {purpose} key signs and verifies"
    row = store.active(session, purpose)
    if row is None:
        return _unused(f"sign_{purpose}", title)
    if not _looks_at(purpose, masters):
        return _elsewhere(f"sign_{purpose}", title)

    def look() -> str:
        key = ring.open_private(row, masters)
        public = published(key.public, purpose, KeyState.ACTIVE)
        if public.jwk != row.public_jwk:
            _wrong("The stored public half is not that of the private one")
        key.public.verify(key.sign(_SAMPLE), _SAMPLE)
        return "Signs and verifies"

    return _tried(f"sign_{purpose}", title, look)


def _key_set(session: Session, now: datetime) -> list[HealthNode]:
    row = store.key_set(session)
    if row is None:
        return [_unused("published", "Key set published equals key set stored"), _unused("expiry", "Next expiry")]
    return [
        _tried("published", "Key set published equals key set stored", lambda: _compared(session, row, now)),
        _expiry(row, now),
    ]


def _compared(session: Session, row: KeySetRow, now: datetime) -> str:
    statement = SignedStatement.model_validate(row.statement)
    pinned = ring.identity_thumbprint(session)
    found = read_key_set(statement, pinned_jkt=pinned, minimum_sequence=row.sequence, now=int(now.timestamp()))
    record = instance.require(session)
    if (found.issuer, found.instance_id) != (record.issuer, record.instance_id):
        _wrong("It is made out for another instance")
    listed = {(entry.kid, entry.state) for entry in found.keys if entry.purpose is not KeyPurpose.IDENTITY}
    if listed != {(entry.kid, entry.state) for entry in publication.entries(session)}:
        _wrong("It lists other keys than the ring holds in " + ", ".join(PUBLISHED_STATES))
    return f"Sequence {found.sequence}, {len(found.keys)} keys"


def _expiry(row: KeySetRow, now: datetime) -> HealthNode:
    found = f"The key set expires at {row.expires_at:%Y-%m-%d %H:%M} UTC"
    cause, fix = "It is renewed by the serving process, which holds the identity.", "Look at its log."
    if row.expires_at <= now:
        return HealthNode("expiry", "Next expiry", Colour.RED, found, cause, fix)
    if row.expires_at - now <= KEY_SET_RENEWAL - RENEWAL_LATE:
        return HealthNode("expiry", "Next expiry", Colour.YELLOW, found, cause, fix)
    return HealthNode("expiry", "Next expiry", Colour.GREEN, found)


def _random_source() -> HealthNode:
    def look() -> str:
        drawn = {os.urandom(KEY_BYTES) for _ in range(8)}
        return "Eight draws differ" if len(drawn) == 8 else _wrong("It repeats itself")

    return _tried("random_source", "Random source", look)


def _round_trip(session: Session, masters: Masters) -> HealthNode:
    title = "Encrypt and decrypt round trip"
    row = store.active(session, KeyPurpose.DATA)
    if row is None:
        return _unused("round_trip", title)

    def look() -> str:
        key = MasterKey(row.kid, ring.open_secret(row, masters))
        text = seal(_SAMPLE, master=key, version=1, table="health", row="sample", column="sample")
        opened = open_sealed(text, masters={key.name: key}, table="health", row="sample", column="sample")
        return "What was sealed opens again" if opened == _SAMPLE else _wrong("It opens to something else")

    return _tried("round_trip", title, look)


def _ages(rows: Sequence[KeyRow], now: datetime) -> HealthNode:
    title = "Age of the active keys"
    active = [row for row in rows if row.state in VERIFYING_STATES and row.activated_at is not None]
    if not active:
        return _unused("age", title)
    old = sorted({row.purpose for row in active if row.state == KeyState.ACTIVE and _is_old(row, now)})
    if old:
        return HealthNode(
            "age",
            title,
            Colour.YELLOW,
            found=f"Older than {KEY_AGE.days} days: {', '.join(old)}",
            cause="They have been in use for a long time.",
            fix="Rotate them.",
        )
    return HealthNode("age", title, Colour.GREEN, f"None is older than {KEY_AGE.days} days")


def _is_old(row: KeyRow, now: datetime) -> bool:
    return row.purpose != KeyPurpose.IDENTITY and row.activated_at is not None and now - row.activated_at > KEY_AGE


def _tried(name: str, title: str, look: Callable[[], str]) -> HealthNode:
    try:
        return HealthNode(name, title, Colour.GREEN, look())
    except ExchangeError as error:
        return _failed(name, title, error)
    except ValueError:  # what is stored does not even have the form of what it should be
        return _failed(name, title, ExchangeError("What is stored is damaged"))


def _failed(name: str, title: str, error: ExchangeError) -> HealthNode:
    return HealthNode(
        name,
        title,
        Colour.RED,
        found=error.detail,
        cause=error.cause or "The stored key, or the master key that seals it, is not the right one.",
        fix=error.fix or "Restore master key and database of the same time, or give the key up.",
    )


def _sealed_under(row: KeyRow) -> str:
    try:
        return sealed_under(row.private_sealed)
    except EnvelopeMalformed:
        return f"(that of {row.kid} cannot be read)"


def _looks_at(purpose: str, masters: Masters) -> bool:
    return purpose != KeyPurpose.IDENTITY or ring.holds_identity(masters)


def _elsewhere(name: str, title: str) -> HealthNode:
    """A worker does not hold the identity; the serving process refuses to start where it does not open."""
    return HealthNode(name, title, Colour.GREY, "Opened by the serving process only")


def _unused(name: str, title: str) -> HealthNode:
    return HealthNode(name, title, Colour.GREY, "Not in use")


def _wrong(what: str) -> str:
    raise ExchangeError(what, code="key_ring_damaged")
