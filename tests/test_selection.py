from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mots
from mots.cli import main
from mots.errors import InputError
from mots.trackers.detections import Detections
from mots.video.selection import seconds_of, select
from mots.video.writer import VideoWriter


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Forty frames, ten a second."""
    with VideoWriter(tmp_path / "clip.mp4", 10.0) as writer:
        for k in range(40):
            writer.write(np.full((48, 64, 3), 5 * k, np.uint8), k / 10)
    return tmp_path / "clip.mp4"


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({"start": 1.0, "end": 1.5}, [10, 11, 12, 13, 14]),
        ({"start": "0:03.65"}, [37, 38, 39]),
        ({"end": "0:00:00.3"}, [0, 1, 2]),
        ({"every": 12}, [0, 12, 24, 36]),
        ({"start": 0.5, "every": 10}, [5, 15, 25, 35]),
        ({"max_frames": 3}, [0, 1, 2]),
        ({"start": 1, "end": 3, "every": 5, "max_frames": 3}, [10, 15, 20]),
        ({"start": 100}, []),
    ],
)
def test_frames_keep_their_numbers_and_times(chosen: dict[str, Any], numbers: list[int], clip: Path) -> None:
    source = mots.select(clip, **chosen)
    for _ in range(2):  # it can be read again, as offline tracking does
        frames = list(source)
        assert [frame.number for frame in frames] == numbers
        assert [frame.time for frame in frames] == pytest.approx([number / 10 for number in numbers], abs=0.002)
    assert source.length == len(numbers)
    assert source.frame_rate == pytest.approx(10 / chosen.get("every", 1))


class Nothing:
    names: dict[int, str] = {}  # noqa: RUF012
    coarse = False

    def detect(self, images: Sequence[np.ndarray], classes: Sequence[int] = ()) -> list[Detections]:
        return [Detections.empty(image.shape[:2]) for image in images]


def test_a_selection_is_tracked_as_any_source(clip: Path) -> None:
    for offline in (False, True):
        frames = list(mots.track(mots.select(clip, start=1, end=1.3), detector=Nothing(), offline=offline))
        assert [frame.frame for frame in frames] == [10, 11, 12]
        assert frames[0].image.shape == (48, 64, 3)


def test_the_command_takes_a_part(clip: Path, tmp_path: Path) -> None:
    words = ["detect", str(clip), "--weights", "demo", "--output", str(tmp_path / "d.npz"), "--quiet"]
    assert main([*words, "--start", "0:01", "--end", "2", "--every", "5"]) == 0
    saved = list(mots.detection.saved_detections.read(tmp_path / "d.npz"))
    assert [each.frame for each in saved] == [10, 15]
    assert [each.time for each in saved] == pytest.approx([1.0, 1.5], abs=0.002)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"start": "soon"}, "start is 'soon': wanted seconds, or a time as 1:30"),
        ({"end": -1.0}, "end is -1.0: wanted seconds"),
        ({"end": float("nan")}, "end is nan"),
        ({"start": 5, "end": 5}, "the end must come after the start"),
        ({"every": 0}, "every is 0"),
        ({"max_frames": 0}, "max_frames is 0"),
    ],
)
def test_parts_without_sense_are_refused(chosen: dict[str, Any], message: str, clip: Path) -> None:
    with pytest.raises(InputError, match=message):
        mots.select(clip, **chosen)


def test_saved_detections_are_not_cut() -> None:
    with pytest.raises(InputError, match="saved detections cannot be cut"):
        mots.select("d.npz", start=1)


def test_times_are_read_as_people_write_them() -> None:
    times = {"90": 90.0, "1:30": 90.0, "0:01:30.5": 90.5, "2:00:00": 7200.0, "90:00": 5400.0, "7.25": 7.25}
    assert {text: seconds_of(text, "start") for text in times} == times


def test_the_frame_after_the_last_one_is_not_waited_for() -> None:
    def images() -> Iterator[np.ndarray]:
        for _ in range(3):
            yield np.zeros((8, 8, 3), np.uint8)
        raise RuntimeError("this frame was not asked for")

    assert [frame.number for frame in select(images(), max_frames=3)] == [0, 1, 2]
