"""The marker outside the database: tells a start that the database is the one this directory belongs to.

A copied or restored database disagrees with the marker of the directory it is started in, or finds none; the instance
then stays muted until the operator says what happened (design: protocol.md, *Clones and restores*).
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from shared.wire.errors import Conflict

FILE_NAME = "instance.json"


class MarkerState(StrEnum):
    """How marker and database stand to each other."""

    AGREE = "agree"
    MISSING = "missing"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class Marker:
    """Which instance, in which of its histories."""

    instance_id: str
    epoch: int


def read_marker(data_dir: Path) -> Marker | None:
    """Return the marker of a data directory, or None where there is none; raise `Conflict` for one that is damaged."""
    try:
        raw = (data_dir / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        value = json.loads(raw)
        return Marker(instance_id=str(value["instance_id"]), epoch=int(value["epoch"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Conflict(
            f"{data_dir / FILE_NAME} is damaged",
            code="marker_damaged",
            fix="Restore the file, or remove it and say whether this instance is a copy or a restore",
        ) from error


def write_marker(data_dir: Path, marker: Marker) -> None:
    """Replace the marker in one step, so that a crash leaves the old or the new one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=FILE_NAME, dir=data_dir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(marker), file)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(data_dir / FILE_NAME)
    directory = os.open(data_dir, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def remove_marker(data_dir: Path) -> None:
    """Take the marker away, so that nothing acts as the instance until an operator has said what happened."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def compare(data_dir: Path, *, instance_id: str, epoch: int) -> MarkerState:
    """Say how the marker of ``data_dir`` stands to what the database holds."""
    marker = read_marker(data_dir)
    if marker is None:
        return MarkerState.MISSING
    return MarkerState.AGREE if marker == Marker(instance_id, epoch) else MarkerState.DISAGREE
