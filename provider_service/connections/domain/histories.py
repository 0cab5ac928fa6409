"""Which history of a peer goes on, and what comparing marks after a restore shows: values and pure decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from shared.wire.connection import Heartbeat, LaneMark, Marks
from shared.wire.errors import Conflict
from shared.wire.version import MARK_LEAP

WORDS: Final = 4
"""How many of a peer's last words are remembered: a batch may be older than the heartbeats that overtook it."""

LANES_SHOWN: Final = 50
"""Lanes a report names; the figures count all."""


class Parted(Exception):
    """A request does not continue the peer's history as it is known here; nothing of it may take effect."""


class Verdict(StrEnum):
    """What came of asking the pinned address."""

    KEPT = "kept"
    """The history known here answers there."""
    SWITCHED = "switched"
    """Another one does, and goes on from now."""


@dataclass(slots=True)
class Contest:
    """Two histories of a peer in one epoch: who called, and what was decided. Kept as JSON; times as text."""

    history: str
    since: str
    seen_at: str
    previous: str = ""
    number: int = 0
    count: int = 0
    """How often the other history called."""
    silences: int = 0
    """How often the pinned address did not answer."""
    paused: bool = False
    """The connection pauses for this, and not for an operator."""
    verdict: str | None = None
    decided_at: str | None = None
    refused: list[str] = field(default_factory=list)
    """Words of histories that were decided against."""

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """What comparing marks has shown, in messages; told from this side."""

    lanes_compared: int = 0
    received_again: int = 0
    """Lost here, and sent again by the peer."""
    received_lost: int = 0
    """Lost here, and kept by nobody."""
    sent_again: int = 0
    """Lost by the peer, and sent again from here."""
    sent_lost: int = 0
    """Lost by the peer, and not kept here."""
    sent_forgotten: int = 0
    """Sent from here and forgotten; the peer has them, and their numbers are not used again."""
    lanes: list[str] = field(default_factory=list)
    """Some of the lanes in which something was lost."""

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "Tally":
        """Return what was counted so far."""
        return cls(**{name: stored[name] for name in cls.__slots__ if name in stored}) if stored else cls()

    def count(
        self,
        ours: Sequence[LaneMark],
        theirs: Sequence[LaneMark],
        again: Mapping[str, int],
        kept: Mapping[str, int],
        forgotten: Mapping[str, int],
    ) -> None:
        """Add a page. ``again``: how many go out again of each lane; ``kept``: from which sequence on.

        What the peer cannot send again either is taken off when it is passed over.
        """
        mine, other = ({mark.lane: mark for mark in marks} for marks in (ours, theirs))
        names = sorted({*mine, *other})
        self.lanes_compared += len(names)
        for name in names:
            us, them = (marks.get(name, LaneMark(lane=name)) for marks in (mine, other))
            lost = [
                max(0, them.sent - us.received),
                again.get(name, 0),
                kept.get(name, 0) - 1 - them.received if name in kept else 0,
                forgotten.get(name, 0),
            ]
            self._add(lost)
            if any(lost) and len(self.lanes) < LANES_SHOWN:
                self.lanes.append(name)

    def _add(self, lost: Sequence[int]) -> None:
        self.received_again += lost[0]
        self.sent_again += lost[1]
        self.sent_lost += lost[2]
        self.sent_forgotten += lost[3]

    def to_json(self, now: datetime, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what is stored."""
        started = before["started_at"] if before else now.isoformat()
        return {**asdict(self), "started_at": started, "finished_at": None, "problem": None}


def words(stored: str) -> list[str]:
    """Return the words of a peer's history, the newest first."""
    return stored.split()


def with_word(stored: str, word: str) -> str:
    """Return the words with a newer one before them, unless it is known."""
    known = words(stored)
    return stored if not word or word in known else " ".join([word, *known][:WORDS])


def without(known: Sequence[str], *others: str) -> list[str]:
    """Return the words but those of another history; the newest stays, as it was heard from one only."""
    return [word for place, word in enumerate(known) if place == 0 or word not in others]


def continues(known: Sequence[str], beat: Heartbeat, number: int, sent: int) -> bool:
    """Tell whether a heartbeat follows from what is known; ``number`` and ``sent`` are those heard last.

    Numbers and marks count for who carries no words: late ones may be lower without any second history.
    """
    if known:
        return known[0] in {beat.history, beat.previous}
    return bool(beat.history) or (beat.number > number and beat.sent >= sent)


def who_answers(known: Sequence[str], contest: Contest | None, answer: Heartbeat, number: int) -> Verdict:
    """Say which history answers at the pinned address. ``contest``: the one that is in doubt, if any."""
    if not answer.history:
        return Verdict.SWITCHED if known or answer.number < number else Verdict.KEPT
    told = {answer.history, answer.previous}
    suspect = contest.history if contest else ""
    if not known or (known[0] in told and suspect != answer.history):
        return Verdict.KEPT
    late = contest is None and answer.history in known
    return Verdict.KEPT if late else Verdict.SWITCHED


def require_reconciling(*, reconciling: bool, peer_restored: bool) -> None:
    """Raise `Conflict` (code ``marks_unasked``) where no side was restored: marks are compared once an epoch."""
    if not reconciling and not peer_restored:
        raise Conflict(
            "There is nothing to compare",
            code="marks_unasked",
            cause="Neither side has begun a new epoch since the marks were compared last.",
            fix="Declare the restore first.",
        )


def require_page(ours: Marks, theirs: Marks) -> None:
    """Raise `Conflict` (code ``marks_mismatch``) unless the answer is about a part of the page that was told."""
    names = [mark.lane for mark in theirs.lanes]
    ends = theirs.upto
    inside = all(ours.after < name and (ends is None or name <= ends) for name in names)
    shorter = ours.upto is None or (ends is not None and ends <= ours.upto)
    if not (inside and shorter and names == sorted(set(names)) and (ends is None or ends > ours.after)):
        raise Conflict(
            "The peer's marks are not those of the lanes it was asked for",
            code="marks_mismatch",
            cause="A page is answered by the lanes between its two names, each once, in the order of their bytes.",
            fix="It is tried again by itself; if it lasts, ask the peer's operator.",
        )


def require_plausible(ours: Sequence[LaneMark], theirs: Sequence[LaneMark], *, restored: bool) -> None:
    """Raise `Conflict` for marks that cannot be: ``marks_absurd``; ``marks_unknown`` unless this side was restored."""
    sent = {mark.lane: mark.sent for mark in ours}
    for mark in theirs:
        beyond = max(mark.known, mark.received) - sent.get(mark.lane, 0)
        if mark.received > mark.known or beyond > MARK_LEAP or mark.kept > mark.sent + 1:
            raise Conflict(
                f"The marks of lane {mark.lane} cannot be true",
                code="marks_absurd",
                cause=f"They contradict each other, or lie {MARK_LEAP} messages beyond what this side remembers.",
                fix="Ask the peer's operator; end the connection and register anew if they insist.",
            )
        if beyond > 0 and not restored:
            raise Conflict(
                f"The peer says to have messages of lane {mark.lane} that this side never sent",
                code="marks_unknown",
                cause="Either the peer errs, or this side was set back to an earlier state without saying so.",
                fix="If this instance was brought back from a backup or a snapshot, declare it restored.",
            )
