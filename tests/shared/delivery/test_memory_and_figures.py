"""Nonces, what may be forgotten, and the figures an operator sees."""

import hypothesis.strategies as st
import pytest
import rfc8785
from hypothesis import given, settings
from sqlalchemy.orm import Session

from shared.delivery import figures, hashing, nonces, outbox, purge, retry
from shared.delivery.figures import DAY_MS
from shared.wire.messages import Outcome
from shared.wire.states import OutcomeKind
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, Effects, kinds, message, queue, receive, take, verdicts

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), _VALUES))
def test_the_quick_form_equals_rfc_8785(value: dict[str, object]) -> None:
    assert hashing.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("data", [{"n": 2**60}, {"n": 2**60, "x": 0.5}])
def test_integers_beyond_rfc_8785_still_tell_messages_apart(data: dict[str, object]) -> None:
    assert hashing.content_hash(message("a", 1, **data)) != hashing.content_hash(message("a", 1, **{**data, "n": 2}))


def test_names_beyond_the_basic_plane_sort_by_utf_16() -> None:
    value = {"\ufb33": 1, "\U0001f600": 2}
    assert hashing.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(("draw", "pause"), [(0.0, 800), (0.5, 1_000), (1.0, 1_200)])
def test_a_pause_is_jittered_by_a_fifth(draw: float, pause: int) -> None:
    assert retry.pause_ms(1, random=lambda: draw) == pause


def test_a_negative_retry_after_means_now() -> None:
    assert retry.pause_ms(1, random=lambda: 0.0, retry_after_s=-5) == 0


def test_a_nonce_counts_once_a_key(session: Session) -> None:
    nonces.remember(session, "key", "nonce", NOW // 1000)
    nonces.remember(session, "other key", "nonce", NOW // 1000)
    with pytest.raises(nonces.NonceSeen) as refusal:
        nonces.remember(session, "key", "nonce", NOW // 1000 + 60)
    assert refusal.value.code == "nonce_seen"


def test_a_nonce_is_kept_seventy_seconds_past_its_expiry(session: Session) -> None:
    nonces.remember(session, "key", "nonce", NOW // 1000)
    nonces.purge_nonces(session, NOW + 70_000)
    with pytest.raises(nonces.NonceSeen):
        nonces.remember(session, "key", "nonce", NOW // 1000)
    nonces.purge_nonces(session, NOW + 71_000)
    nonces.remember(session, "key", "nonce", NOW // 1000)


def test_after_ninety_days_the_lane_still_answers_duplicate(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1), message("a", 3))
    assert purge.purge_inbox(session, PEER, NOW + 90 * DAY_MS) == 0
    assert purge.purge_inbox(session, PEER, NOW + 90 * DAY_MS + 1) == 1
    received = receive(session, effects, message("a", 1), message("a", 3))
    assert kinds(received) == ["duplicate", "duplicate"]
    assert [outcome.stored for outcome in received.outcomes] == [None, OutcomeKind.HELD]
    assert effects.applied == [("a", 1)]


def test_only_settled_messages_are_forgotten_and_never_a_held_one(session: Session) -> None:
    held, *_ = queue(session, "a", "b", "c")
    claim = take(session, limit=2)
    outcomes = [Outcome(id=held, outcome=OutcomeKind.HELD), *verdicts(claim)[1:]]
    outbox.settle(session, claim, outcomes, NOW)
    assert purge.purge_outbox(session, PEER, NOW + 90 * DAY_MS) == 0
    assert purge.purge_outbox(session, PEER, NOW + 90 * DAY_MS + 1, rows=1) == 1
    assert purge.purge_outbox(session, PEER, NOW + 90 * DAY_MS + 1) == 0
    assert outbox.settle_held(session, PEER, held, OutcomeKind.APPLIED, problem=None) is not None
    assert [item.lane for item in take(session).items] == ["c"]


def test_figures_count_both_directions(session: Session, effects: Effects) -> None:
    queue(session, "a", now_ms=NOW - 2 * DAY_MS)
    outbox.settle(session, claim := take(session), verdicts(claim), NOW - 2 * DAY_MS)
    queue(session, "a", "b", "c")
    outbox.settle(session, claim := take(session, limit=2), verdicts(claim), NOW)
    receive(session, effects, message("a", 1), message("a", 3), message("b", 1, **{"break": 1}))
    seen = figures.figures(session, PEER, NOW)
    assert seen is not None
    assert (seen.queued, seen.oldest_unsent_at) == (1, NOW)
    assert (seen.sent_in_24_h, seen.received_in_24_h, seen.held, seen.quarantined) == (2, 3, 2, 1)
    assert (seen.paused, seen.closed, seen.last_exchange_at, seen.problem) == (False, False, NOW, None)
    assert figures.figures(session, OTHER_PEER, NOW) is None


def test_what_is_undelivered_for_fourteen_days_needs_attention_and_is_kept(session: Session) -> None:
    (oldest, _) = queue(session, "a", "b")
    assert figures.needs_attention(session, NOW + 14 * DAY_MS - 1) == []
    (overdue,) = figures.needs_attention(session, NOW + 14 * DAY_MS)
    assert (overdue.connection_id, overdue.message_id, overdue.lane, overdue.queued) == (PEER, oldest, "a", 2)
    assert figures.needs_attention(session, NOW + 14 * DAY_MS, connection_id=OTHER_PEER) == []
    assert take(session, NOW + 14 * DAY_MS).items[0].id == oldest


def test_marks_grow_with_what_was_sequenced_and_consumed(session: Session, effects: Effects) -> None:
    before = figures.marks(session, PEER)
    assert (before["sent"], before["received"]) == (0, 0)
    queue(session, "a", "b")
    receive(session, effects, message("a", 1), message("a", 2, refuse=True), message("a", 4))
    after = figures.marks(session, PEER)
    assert (after["sent"], after["received"]) == (2, 2)
    assert after["digest"] != before["digest"]
