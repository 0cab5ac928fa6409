"""The demonstration, killed at any instant, plays to its end when it is started again."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEED = 20_261_121
CHAPTERS = [0, 0, 1, 2, 3, 3, 4, 4, 5, 6]
"""The chapter each of the ten is killed in; 0 is before the curtain, 4 the exchange."""
LONGEST = [1.5, 0.2, 0.5, 1.0, 1.2, 1.0, 0.1]
"""Seconds into each chapter, at most: shorter than it lasts on a quick machine."""
INSTANTS = [
    (chapter, round(random.Random(SEED + number).uniform(0.0, LONGEST[chapter]), 2))
    for number, chapter in enumerate(CHAPTERS)
]
WITHOUT_DATA = {0, 3}
"""Chapters whose demonstration does not find the public event log, and says so."""
RUN_SECONDS = 600
EVENTS = {4: 6_000}
"""Events of the exchange by chapter: all of them where the exchange is what is killed, otherwise"""
FEW_EVENTS = 600


def start(home: Path, events: int, data: str) -> "subprocess.Popen[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DEMO_")},
        "DEMO_EXIT": "1",
        "DEMO_PORT": "0",  # another test's demo may be running beside this one
        "DEMO_HOME": str(home),
        "DEMO_EVENTS": str(events),
        "DEMO_DATA": data,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_in(demo: "subprocess.Popen[str]", chapter: int, seconds: float) -> None:
    """Let the story come to its chapter, and kill it some seconds later, wherever it then is."""
    assert demo.stderr is not None
    if chapter:
        assert any(f" {chapter}  " in line for line in demo.stderr), f"chapter {chapter} never began"
    try:
        demo.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        demo.send_signal(signal.SIGKILL)
    demo.communicate()


@pytest.mark.one_of(3)
@pytest.mark.parametrize(
    ("chapter", "seconds"), INSTANTS, ids=[f"chapter-{one}-after-{two}-s" for one, two in INSTANTS]
)
def test_a_killed_demo_plays_to_its_end_when_started_again(chapter: int, seconds: float, tmp_path: Path) -> None:
    home, events = tmp_path / "demo", EVENTS.get(chapter, FEW_EVENTS)
    data = str(tmp_path / "absent") if chapter in WITHOUT_DATA else ""
    first = start(home, events, data)
    kill_in(first, chapter, seconds)
    assert chapter == len(LONGEST) - 1 or first.returncode == -signal.SIGKILL
    again = start(home, events, data)
    told, story = again.communicate(timeout=RUN_SECONDS)
    assert again.returncode == 0, story[-3000:]
    assert ("made-up incidents cross" in " ".join(story.split())) == bool(data)
    facts = json.loads(told.splitlines()[-1])
    assert facts["registration"] == "Closed Complete"
    assert facts["connection"] == "Onboarded"
    assert facts["records_sent"] == facts["records_applied"] >= events
    assert facts["self_registrations"] == {"submitted": 4, "approved": 3, "rejected": 1}
    assert facts["directory_users"] == 7
    assert not list(home.glob("*.pid"))
