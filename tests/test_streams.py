"""Several sources at once: each gets what it would get alone, in its order, whatever happens to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mots.cli.entry import main
from mots.detection.shared_network import SharedNetwork
from mots.errors import FormatError, InputError
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.record import record_pipeline
from mots.pipeline.streams import record_streams, track_streams
from mots.settings import Settings, load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.video.opening import source_of
from mots.video.writer import VideoWriter


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(changes={"detector.weights": "demo", "classes": "all", "detector.backend": "torch"})


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight short films of different worlds, lengths and two sizes."""
    folder = tmp_path_factory.mktemp("films")
    paths = []
    for k in range(8):
        world = WorldSettings() if k % 2 else WorldSettings(height=240, width=320)
        paths.append(folder / f"film{k}.mp4")
        with VideoWriter(paths[-1], 10) as writer:
            for place, (image, _) in enumerate(World(20 + k, world).frames(4 + k)):
                writer.write(image, place / 10)
    return paths


@pytest.fixture(scope="module")
def alone(
    films: list[Path], settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, bytes]]:
    """The files that each film gives alone, in one thread."""
    folder = tmp_path_factory.mktemp("alone")
    plain = load(changes={"detector.weights": "demo", "classes": "all", "detector.backend": "torch", "ahead": 0})
    for film in films:
        record_pipeline(Pipeline(film, plain), folder / film.stem, table="csv", quiet=True)
    return {film.stem: files(folder / film.stem) for film in films}


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_eight_streams_give_the_files_of_each_alone(
    films: list[Path], settings: Settings, alone: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    done = dict(record_streams(films, tmp_path, settings, table="csv"))
    assert {name: each.frames for name, each in done.items()} == {f"film{k}": 4 + k for k in range(8)}  # type: ignore[union-attr]
    for film in films:
        assert files(tmp_path / film.stem) == alone[film.stem]


def test_frames_of_each_stream_come_in_order(films: list[Path], settings: Settings) -> None:
    seen: dict[str, list[int]] = {}
    for name, frame in track_streams({"left": films[1], "right": films[3]}, settings):
        seen.setdefault(name, []).append(frame.labels.frame)
    assert seen == {"left": list(range(5)), "right": list(range(7))}


def test_a_stream_that_fails_stops_no_other(films: list[Path], settings: Settings, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    whole = films[7].read_bytes()
    cut.write_bytes(whole)
    sizes = tmp_path / "sizes"
    sizes.mkdir()
    from PIL import Image

    for k, side in enumerate((64, 64, 96)):
        Image.new("RGB", (side, 64)).save(sizes / f"{k:06d}.png")
    done = dict(record_streams([films[1], sizes, cut], tmp_path / "out", settings))
    assert isinstance(done["sizes"], (InputError, FormatError))
    assert done["film1"].frames == 5  # type: ignore[union-attr]
    assert done["cut"].frames == 11  # type: ignore[union-attr]
    assert (tmp_path / "out/sizes/sizes.txt").is_file()  # what was tracked before it failed
    with pytest.raises((InputError, FormatError)):
        list(track_streams([films[1], sizes], settings))


def test_two_sources_of_one_name_are_refused(films: list[Path], settings: Settings) -> None:
    with pytest.raises(InputError, match="two sources have the name 'film1'"):
        list(track_streams([films[1], films[1]], settings))
    with pytest.raises(InputError, match="no sources"):
        list(track_streams([], settings))


def test_frames_that_nobody_takes_end_the_threads(films: list[Path], settings: Settings) -> None:
    frames = track_streams(films[:3], settings)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(t.name.startswith("mots ") for t in threading.enumerate()):
        time.sleep(0.05)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("mots ")]


class Slow:
    """A staged detector that notes its batches."""

    names: dict[int, str] = {}  # noqa: RUF012  (an attribute that is read)
    coarse = False

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(self, image: Any) -> Any:
        return image

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        self.batches.append(len(inputs))
        time.sleep(0.05)
        if any(each.max() == 255 for each in inputs):
            raise InputError("white")
        return [int(each.max()) for each in inputs]

    def finish(self, output: Any, size: tuple[int, int], classes: Sequence[int] = ()) -> Detections:
        return Detections.empty(size)


def test_requests_of_one_size_go_through_the_network_together() -> None:
    slow = Slow()
    shared = SharedNetwork(slow)
    answers: dict[int, list[Any]] = {}

    def ask(value: int) -> None:
        answers[value] = shared.infer([np.full((4, 4 + value % 2), value, np.uint8)])

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {value: [value] for value in range(12)}
    assert sum(slow.batches) == 12
    assert max(slow.batches) > 1  # while one batch was at work, the others gathered


def test_what_the_network_raises_reaches_each_that_waits() -> None:
    shared = SharedNetwork(Slow())
    with pytest.raises(InputError, match="white"):
        shared.infer([np.full((4, 4), 255, np.uint8)])
    assert shared.infer([np.full((4, 4), 7, np.uint8)]) == [7]
    assert shared.infer([]) == []


def test_the_command_tracks_several(films: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "track",
        str(films[0]),
        str(films[2]),
        "--weights",
        "demo",
        "--output",
        str(tmp_path / "out"),
        "--backend",
        "torch",
    ]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "film0: 4 frames" in told
    assert "film2: 6 frames" in told
    assert (tmp_path / "out/film2/film2.txt").is_file()
    assert main(words) == 2
    assert "film0" in capsys.readouterr().err
    assert main([*words, "--show"]) == 2
    assert "one SOURCE alone (--show)" in capsys.readouterr().err


def test_each_source_is_opened_once(films: list[Path], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera or a pipe can be opened once only, also as the first of several sources."""
    opened: list[Any] = []

    def noted(source: Any, *rest: Any) -> Any:
        opened.append(source)
        return source_of(source, *rest)

    monkeypatch.setattr("mots.pipeline.pipeline.source_of", noted)
    frames = track_streams(films[:3], settings)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert opened == films[:3]


class Parallel:
    """A detector for two calls at once."""

    most_calls = 2

    def __init__(self) -> None:
        self.expected, self.inside, self.most, self.lock = 0, 0, 0, threading.Lock()

    def expect_calls(self, count: int) -> None:
        self.expected = count

    def prepare(self, image: Any) -> Any:
        return image

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.01)
        with self.lock:
            self.inside -= 1
        return [2 * each for each in inputs]

    def finish(self, output: Any, size: tuple[int, int], classes: Sequence[int] = ()) -> Any:
        return output


@pytest.mark.parametrize(("users", "wanted"), [(1, 1), (2, 2), (8, 2)])
def test_a_network_for_several_calls_is_used_by_so_many_threads(users: int, wanted: int) -> None:
    detector = Parallel()
    shared = SharedNetwork(detector, users)
    assert detector.expected == wanted
    with ThreadPoolExecutor(users) as pool:
        answers = list(pool.map(lambda k: int(shared.infer([np.array([k])])[0][0]), range(40)))
    assert answers == [2 * k for k in range(40)]
    assert detector.most == wanted
