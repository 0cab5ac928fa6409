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
INSTANTS = [round(random.Random(SEED + number).uniform(0.3, 8.0), 2) for number in range(10)]
RUN_SECONDS = 180
EVENTS = "400"


def start(home: Path) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "DEMO_EXIT": "1",
        "DEMO_EVENTS": EVENTS,
        "DEMO_PORT": "0",  # another test's demo may be running beside this one
        "DEMO_HOME": str(home),
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


@pytest.mark.parametrize("seconds", INSTANTS, ids=[f"after-{seconds}-s" for seconds in INSTANTS])
def test_a_killed_demo_plays_to_its_end_when_started_again(seconds: float, tmp_path: Path) -> None:
    home = tmp_path / "demo"
    first = start(home)
    try:
        first.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    again = start(home)
    told, story = again.communicate(timeout=RUN_SECONDS)
    assert again.returncode == 0, story[-3000:]
    facts = json.loads(told.splitlines()[-1])
    assert facts["registration"] == "Closed Complete"
    assert facts["connection"] == "Onboarded"
    assert facts["records_sent"] == facts["records_applied"] >= int(EVENTS)
    assert not list(home.glob("*.pid"))
