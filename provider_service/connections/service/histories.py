"""Two histories of one peer in one epoch: a copy runs beside it, or it was set back without saying so.

Every side carries a random word in its heartbeats until one with it is answered, and makes a new one then; so two
copies part with their first answered heartbeat. Who does not continue the words known here is asked for at the pinned
address, by a heartbeat of ours: whoever answers there goes on (design: protocol.md, *Clones and restores*).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM, Actor
from provider_service.connections import domain
from provider_service.connections.domain.histories import (
    WORDS,
    Contest,
    Parted,
    Verdict,
    continues,
    who_answers,
    with_word,
    without,
    words,
)
from provider_service.connections.service.lifecycle import get, let_flow, milliseconds, moved, noted
from provider_service.connections.tables import Connection
from shared.delivery import peers
from shared.lifecycle.connection import Move
from shared.runtime.database import notify
from shared.wire.connection import Heartbeat
from shared.wire.errors import Conflict, ExchangeError
from shared.wire.states import ConnectionState, DeliveryMode

SILENCES = 3
"""Unanswered questions to the pinned address after which the connection pauses."""


SHARED = 2
"""Words of the history known here that count while another one calls."""


def require_continued(row: Connection, beat: Heartbeat) -> None:
    """Raise `Parted` for a heartbeat that does not continue the history known here; ``row`` is locked."""
    if beat.epoch == row.peer_epoch and not continues(words(row.peer_histories), beat, row.peer_number, row.peer_sent):
        raise Parted


def contest(
    session: Session, *, connection_id: str, history: str, previous: str = "", number: int = 0, now: datetime
) -> ExchangeError:
    """Note that another history calls, have the pinned address asked, and return the refusal of the call."""
    row = get(session, connection_id, lock=True)
    known = _contest(row)
    if known is not None and {history, previous} & {*known.refused}:
        known.count, known.seen_at = known.count + 1, now.isoformat()
        row.contest = known.to_json()
        session.flush()
        return _refused()
    if known is None or known.verdict is not None:
        known = _new_contest(history, now, known.refused if known else ())
        noted(session, row, "connection.history_contested", SYSTEM, now, after={"word": history, "number": number})
    # What both histories still share tells nobody apart: only the newest words count from now on.
    row.peer_histories = " ".join(without(words(row.peer_histories), history, previous)[:SHARED])
    known.history, known.previous, known.number = history, previous, number
    known.count, known.seen_at = known.count + 1, now.isoformat()
    if domain.called(DeliveryMode(row.delivery)):
        row.heartbeat_due_at = now
        notify(session, "worker")
    else:
        _pause(session, row, known, now)
    row.contest = known.to_json()
    session.flush()
    return _doubted()


def in_doubt(row: Connection) -> bool:
    """Tell whether it is open which history of the peer goes on."""
    known = _contest(row)
    return known is not None and known.verdict is None


def take_words(row: Connection, beat: Heartbeat) -> None:
    """Remember the words of a heartbeat or an answer that continues the history known here."""
    row.peer_histories = with_word(row.peer_histories, beat.history)
    row.peer_number = max(row.peer_number, beat.number)
    row.peer_sent, row.peer_received = beat.sent, beat.received


def judge_answer(session: Session, row: Connection, answer: Heartbeat, now: datetime) -> None:
    """Take in which history answers at the pinned address: it is the one that goes on."""
    known = _contest(row)
    pending = known if known is not None and known.verdict is None else None
    verdict = who_answers(words(row.peer_histories), pending, answer, row.peer_number)
    if verdict is Verdict.SWITCHED:
        pending = pending or _new_contest(answer.history, now)
        pending.history, pending.previous, pending.number = answer.history, answer.previous, answer.number
    if pending is not None:
        _decide(session, row, pending, verdict, SYSTEM, now)
    take_words(row, answer)


def note_unanswered(session: Session, row: Connection, now: datetime) -> None:
    """The pinned address could not be asked; after a few times the connection pauses until it can, or a person says."""
    contest = _contest(row)
    if contest is None or contest.verdict is not None:
        return
    contest.silences += 1
    if contest.silences >= SILENCES:
        _pause(session, row, contest, now)
    row.contest = contest.to_json()


def decide(
    session: Session, *, connection_id: str, decision: Literal["keep", "switch"], actor: Actor, now: datetime
) -> Connection:
    """Say which history goes on; raise `Conflict` (code ``history_not_contested``) where none is in doubt."""
    row = get(session, connection_id, lock=True)
    contest = _contest(row)
    if contest is None or contest.verdict is not None:
        raise Conflict(
            "No two histories of this peer are waiting for a decision",
            code="history_not_contested",
            fix="Nothing to do.",
        )
    _decide(session, row, contest, Verdict.SWITCHED if decision == "switch" else Verdict.KEPT, actor, now)
    return row


def forget(session: Session, row: Connection, now: datetime) -> None:
    """A new epoch has begun: what was said before tells nothing about it."""
    contest = _contest(row)
    if contest is not None and contest.verdict is None:
        _decide(session, row, contest, Verdict.SWITCHED, SYSTEM, now)
    row.peer_histories, row.contest, row.peer_number = "", None, 0
    row.peer_sent = row.peer_received = 0


def _decide(session: Session, row: Connection, contest: Contest, verdict: Verdict, actor: Actor, now: datetime) -> None:
    contest.verdict, contest.decided_at = verdict.value, now.isoformat()
    told = [word for word in (contest.history, contest.previous) if word]
    if verdict is Verdict.KEPT:
        contest.refused = [*contest.refused, *told][-2 * WORDS :]
    else:
        contest.refused = without(words(row.peer_histories), *told)
        row.peer_histories, row.peer_number = " ".join(told), max(contest.number - 1, 0)
    paused, contest.paused = contest.paused, False
    row.contest = contest.to_json()
    if paused and ConnectionState(row.state) is ConnectionState.PAUSED:
        moved(session, row, Move.RESUME, actor, now, reason="It is decided which history of the peer goes on")
        let_flow(session, row)
        peers.wake(session, row.id, milliseconds(now))
        notify(session, "worker")
    noted(session, row, "connection.history_decided", actor, now, after={"verdict": verdict.value})


def _pause(session: Session, row: Connection, contest: Contest, now: datetime) -> None:
    if ConnectionState(row.state) is ConnectionState.ACTIVE:
        contest.paused = True
        moved(
            session, row, Move.PAUSE, SYSTEM, now, reason="Two histories of the peer, and nobody to ask which goes on"
        )
        let_flow(session, row)


def _contest(row: Connection) -> Contest | None:
    return None if row.contest is None else Contest(**row.contest)


def _new_contest(history: str, now: datetime, refused: Sequence[str] = ()) -> Contest:
    return Contest(history=history, since=now.isoformat(), seen_at=now.isoformat(), refused=list(refused))


def _doubted() -> Conflict:
    return Conflict(
        "Two histories of this instance are calling in one epoch",
        code="history_contested",
        cause="What this call says does not follow from what was heard before: a copy is running, or a backup was "
        "brought back without being declared. The pinned address is asked which one goes on.",
        fix="If this is the copy, stop it or declare it a copy; if it was restored, declare that. Else it goes on by "
        "itself.",
        retry_after=10,
    )


def _refused() -> Conflict:
    return Conflict(
        "Another history of this instance goes on",
        code="history_refused",
        cause="Two histories of one epoch were calling; at the pinned address the other one answers.",
        fix="Stop this instance, or declare it: a copy, or the one that was restored.",
    )
