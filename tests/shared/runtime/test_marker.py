"""The marker outside the database: agree, missing, disagree."""

from pathlib import Path

import pytest

from shared.runtime.marker import FILE_NAME, Marker, MarkerState, compare, read_marker, write_marker
from shared.wire.errors import Conflict


def test_a_directory_without_a_marker_says_so(tmp_path: Path) -> None:
    assert compare(tmp_path, instance_id="one", epoch=1) is MarkerState.MISSING


def test_the_marker_agrees_with_the_database_it_was_written_for(tmp_path: Path) -> None:
    write_marker(tmp_path / "data", Marker("one", 3))
    assert compare(tmp_path / "data", instance_id="one", epoch=3) is MarkerState.AGREE


@pytest.mark.parametrize(("instance_id", "epoch"), [("two", 3), ("one", 2), ("one", 4)])
def test_another_instance_or_epoch_disagrees(tmp_path: Path, instance_id: str, epoch: int) -> None:
    write_marker(tmp_path, Marker("one", 3))
    assert compare(tmp_path, instance_id=instance_id, epoch=epoch) is MarkerState.DISAGREE


def test_writing_again_replaces_the_marker_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_marker(tmp_path, Marker("one", 1))
    write_marker(tmp_path, Marker("one", 2))
    assert read_marker(tmp_path) == Marker("one", 2)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_damaged_marker_is_never_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(Conflict) as refusal:
        read_marker(tmp_path)
    assert refusal.value.code == "marker_damaged"
