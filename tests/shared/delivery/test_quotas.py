"""What one peer may ask: counted by each process and by all together, refused by name, and given back by time."""

import pytest
from sqlalchemy.orm import Session

from shared.delivery import outbox, peers, usage
from shared.delivery.inbox import receive
from shared.delivery.quotas import CONTROL_PER_MINUTE, HOUR_MS, MINUTE_MS, SHARE_MS, NewLanes, Quotas
from shared.delivery.usage import Pending, Totals
from shared.wire.discovery import QuotaLimits
from shared.wire.errors import TooMany
from shared.wire.problems import Problem
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, Effects, kinds, message, queue, take

HOUR = NOW - NOW % HOUR_MS


def limited(**limits: int) -> Quotas:
    return Quotas(QuotaLimits(**limits))


def refused(quotas: Quotas, now_ms: int = NOW, *, octets: int = 0, control: bool = False) -> TooMany:
    with pytest.raises(TooMany) as refusal:
        quotas.request(PEER, octets, now_ms, control=control)
    assert refusal.value.code == "quota_exceeded"
    return refusal.value


def share(session: Session, quotas: Quotas, now_ms: int) -> None:
    """What a request does when it is time."""
    assert quotas.due(PEER, now_ms)
    pending = quotas.pending(PEER, now_ms)
    quotas.shared(PEER, pending, usage.add(session, PEER, pending))


def test_requests_are_granted_up_to_the_minutes_number_and_then_as_time_gives_them_back() -> None:
    quotas = limited(requests_per_minute=60)
    for _ in range(60):
        quotas.request(PEER, 0, NOW, control=False)
    refusal = refused(quotas)
    assert (refusal.retry_after, refusal.extra) == (1, {"quota": "requests", "limit": 60, "window_seconds": 60})
    quotas.request(OTHER_PEER, 0, NOW, control=False)
    quotas.request(PEER, 0, NOW + 1_000, control=False)
    refused(quotas, NOW + 1_000)
    for _ in range(60):
        quotas.request(PEER, 0, NOW + 1_000 + MINUTE_MS, control=False)
    refused(quotas, NOW + 1_000 + MINUTE_MS)


def test_a_flood_of_messages_leaves_calls_about_the_connection_and_the_other_way_round() -> None:
    quotas = limited(requests_per_minute=1)
    for _ in range(CONTROL_PER_MINUTE):
        quotas.request(PEER, 0, NOW, control=True)
    assert refused(quotas, control=True).extra["quota"] == "control_requests"
    quotas.request(PEER, 0, NOW, control=False)
    assert refused(quotas).extra["quota"] == "requests"


def test_a_batch_larger_than_the_quota_passes_and_is_paid_back() -> None:
    quotas = limited(messages_per_minute=60)
    quotas.messages(PEER, 100, NOW)
    with pytest.raises(TooMany) as refusal:
        quotas.messages(PEER, 1, NOW)
    assert (refusal.value.extra["quota"], refusal.value.retry_after) == ("messages", 41)
    with pytest.raises(TooMany):
        quotas.messages(PEER, 1, NOW + 40_000)
    quotas.messages(PEER, 100, NOW + 41_000)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    quotas = limited(requests_per_minute=1)
    quotas.request(PEER, 0, NOW, control=False)
    refused(quotas, NOW - 30_000)
    refused(quotas, NOW + 30_000)
    quotas.request(PEER, 0, NOW + MINUTE_MS, control=False)


def test_octets_are_counted_by_the_hour_and_free_again_in_the_next() -> None:
    quotas = limited(bytes_per_hour=1000)
    quotas.request(PEER, 999, HOUR, control=False)
    quotas.request(PEER, 5000, HOUR, control=False)
    refusal = refused(quotas, HOUR + HOUR_MS - 90_000, octets=1)
    assert (refusal.extra, refusal.retry_after) == ({"quota": "bytes", "limit": 1000, "window_seconds": 3600}, 90)
    quotas.request(PEER, 1, HOUR + HOUR_MS, control=False)


def test_processes_add_up_what_they_count(session: Session) -> None:
    one, other = limited(bytes_per_hour=1000), limited(bytes_per_hour=1000)
    for quotas in (one, other):
        share(session, quotas, HOUR)
        quotas.request(PEER, 600, HOUR, control=False)
        assert not quotas.due(PEER, HOUR + SHARE_MS - 1)
    share(session, one, HOUR + SHARE_MS)
    share(session, other, HOUR + SHARE_MS)
    refused(other, HOUR + SHARE_MS)
    share(session, one, HOUR + 2 * SHARE_MS)
    refused(one, HOUR + 2 * SHARE_MS)
    share(session, one, HOUR + 3 * SHARE_MS)
    used = usage.used(session, PEER, HOUR + 3 * SHARE_MS)
    assert (used.octets, used.refused, used.last_refused, used.last_refused_at) == (
        1200, 1, "bytes", HOUR + 2 * SHARE_MS
    )  # fmt: skip


def test_a_process_that_starts_knows_what_was_used_before_it(session: Session) -> None:
    usage.add(session, PEER, Pending(HOUR, 1000, 0, 0, "", 0))
    quotas = limited(bytes_per_hour=1000)
    share(session, quotas, HOUR + 1)
    refused(quotas, HOUR + 1)


def test_a_new_hour_begins_at_nothing_and_a_late_process_cannot_disturb_it(session: Session) -> None:
    assert usage.used(session, PEER, HOUR) == usage.Usage()
    usage.add(session, PEER, Pending(HOUR, 10, 1, 1, "bytes", HOUR))
    assert usage.add(session, PEER, Pending(HOUR, 5, 2, 0, "", 0)) == Totals(15, 3)
    assert usage.add(session, PEER, Pending(HOUR + HOUR_MS, 7, 0, 0, "", 0)) == Totals(7, 0)
    usage.add(session, PEER, Pending(HOUR, 100, 100, 0, "", 0))
    used = usage.used(session, PEER, HOUR + HOUR_MS)
    assert (used.octets, used.new_lanes, used.refused, used.last_refused) == (7, 0, 0, "bytes")
    assert usage.used(session, PEER, HOUR + 2 * HOUR_MS).octets == 0


def test_what_is_counted_while_it_is_being_shared_is_not_lost(session: Session) -> None:
    quotas = limited(bytes_per_hour=1000)
    quotas.request(PEER, 400, HOUR, control=False)
    pending = quotas.pending(PEER, HOUR)
    quotas.request(PEER, 600, HOUR, control=False)
    quotas.shared(PEER, pending, usage.add(session, PEER, pending))
    refused(quotas, HOUR)
    quotas.shared(PEER, Pending(HOUR - HOUR_MS, 1000, 0, 0, "", 0), Totals(0, 0))
    refused(quotas, HOUR)


def test_messages_of_one_lane_too_many_are_deferred_and_nothing_of_them_is_stored(
    session: Session, effects: Effects
) -> None:
    allowed = NewLanes(limit=3, left=2)
    batch = [message(lane, 1) for lane in "abcd"] + [message("a", 2)]
    handlers = {"note": effects}
    received = receive(session, connection_id=PEER, messages=batch, handlers=handlers, now_ms=NOW, new_lanes=allowed)
    assert kinds(received) == ["applied", "applied", "deferred", "deferred", "applied"]
    problem = received.outcomes[2].problem
    assert problem is not None
    assert (problem.status, problem.code, problem.to_wire()["quota"]) == (429, "quota_exceeded", "new_lanes")
    assert allowed.made == 2
    later = NewLanes(limit=3, left=3)
    again = receive(session, connection_id=PEER, messages=batch, handlers=handlers, now_ms=NOW, new_lanes=later)
    assert kinds(again) == ["duplicate", "duplicate", "applied", "applied", "duplicate"]
    assert later.made == 2


def test_lanes_are_counted_once_they_are_made() -> None:
    quotas = limited(new_lanes_per_hour=10)
    first = quotas.new_lanes(PEER, NOW)
    assert (first.admit(7), quotas.new_lanes(PEER, NOW).left) == (7, 10)
    quotas.made(PEER, first, NOW)
    assert (quotas.new_lanes(PEER, NOW).left, quotas.new_lanes(PEER, NOW).admit(7)) == (3, 3)
    assert quotas.new_lanes(PEER, NOW + HOUR_MS).left == 10


def test_a_peer_that_asked_us_to_wait_gets_its_time_whatever_it_says_meanwhile(session: Session) -> None:
    queue(session, "a")
    problem = Problem(code="quota_exceeded", status=429, title="Too many")
    assert outbox.fail(session, take(session), problem, NOW, 1_000) == NOW + 1_000_000
    assert not peers.contact(session, PEER, NOW + 10_000)
    assert outbox.claim(session, now_ms=NOW + 999_999) is None
    assert take(session, NOW + 1_000_000)
