import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import WorldDetector

from mots.cli import main
from mots.detection import saved_detections as saved
from mots.errors import MotsError
from mots.evaluation import tuning
from mots.evaluation.tuning import RANGES, Range, Search, parse_range, tune, with_numbers
from mots.formats import mots_text
from mots.pipeline.pipeline import Pipeline, track
from mots.pipeline.record import save_detections
from mots.settings import Settings, load
from mots.toy.demo import WorldSource
from mots.toy.world import World, WorldSettings
from mots.trackers.motion import STILL


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detections and truth of two short worlds."""
    root = tmp_path_factory.mktemp("tuning")
    for number, name in enumerate(("a", "b")):
        world = World(40 + number, WorldSettings(height=96, width=160, walkers=5, vehicles=2))
        table = mots_text.IdTable()
        (root / "truth").mkdir(exist_ok=True)
        (root / "found").mkdir(exist_ok=True)
        with saved.DetectionWriter(root / f"found/{name}.npz", 25.0, {}) as writer:
            for k in range(30):
                writer.write(k, k / 25, world.detections(k))
        text = "".join(mots_text.lines(world.truth(k), table) for k in range(30))
        (root / f"truth/{name}.txt").write_text(text)
    return root


def test_settings_are_set_by_name_also_in_stages() -> None:
    settings = with_numbers(
        Settings(), {"tracker.lifecycle.memory": 3.5, "tracker.stages.lost.limit": 0.4, "tracker.appearance.views": 2.7}
    )
    assert settings.tracker.lifecycle.memory == 3.5
    assert [s.limit for s in settings.tracker.stages if s.name == "lost"] == [0.4]
    assert settings.tracker.stages[0] == Settings().tracker.stages[0]
    assert settings.tracker.appearance.views == 3
    for name in ("tracker.lifecycle.memry", "tracker.stages.gone.limit", "classes", "tracker.stages.lost", "tracker"):
        with pytest.raises(MotsError, match=f"'{name}'"):
            with_numbers(Settings(), {name: 1.0})
    assert with_numbers(Settings(), {name: each.low for name, each in RANGES.items()}) != Settings()


def test_ranges_are_read() -> None:
    assert parse_range("tracker.gate=5:20") == ("tracker.gate", Range(5.0, 20.0))
    for text in ("tracker.gate", "tracker.gate=5", "tracker.gate=5:x", "tracker.gate=5:4"):
        with pytest.raises(MotsError, match="wanted NAME=LOW:HIGH"):
            parse_range(text)


def test_a_search_goes_on_where_it_stopped_and_never_gets_worse(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the tune extra is not installed")
    ranges = {"tracker.lifecycle.new_score": Range(0.2, 0.9), "tracker.stages.recent.limit": Range(0.1, 0.95)}
    arguments = (data / "found", data / "truth", tmp_path / "out", load("kitti-mots"), ranges, "kitti-mots", "IDF1")
    _, first = tune(Search(*arguments, trials=3))
    rows = list(csv.DictReader((tmp_path / "out/trials.csv").read_text().splitlines()))
    assert len(rows) == 3
    assert float(rows[0]["tracker.lifecycle.new_score"]) == Settings().tracker.lifecycle.new_score
    best, second = tune(Search(*arguments, trials=6, jobs=2))
    rows = list(csv.DictReader((tmp_path / "out/trials.csv").read_text().splitlines()))
    assert len(rows) >= 6
    assert second >= first >= float(rows[0]["best by IDF1"])
    assert second == max(float(row["best by IDF1"]) for row in rows)
    assert load("default", tmp_path / "out/best.toml") == best


def test_the_command_says_what_it_found_and_what_is_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna", reason="the tune extra is not installed")
    one = [str(data / "found/a.npz"), str(data / "truth/a.txt"), "--output", str(tmp_path / "out")]
    assert main(["tune", *one, "--trials", "2", "--metric", "sMOTSA", "--benchmark", "kitti-mots"]) == 0
    assert capsys.readouterr().out.startswith("sMOTSA 0.")
    for arguments, message in (
        ([*one, "--metric", "HOTTA"], "unknown metric 'HOTTA'"),
        ([*one, "--search", "tracker.gaate=1:2"], "unknown setting 'tracker.gaate': did you mean tracker.gate?"),
        ([str(tmp_path / "none"), str(data / "truth")], "no saved detections here"),
        ([str(data / "found"), str(tmp_path)], "no truth of sequence a"),
    ):
        assert main(["tune", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_tune_scores_the_ids_of_track_with_a_panning_camera_and_all_classes(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    world = World(21, WorldSettings(height=180, width=320, walkers=10, vehicles=6, pan=0.4, pan_period=4.0))
    settings = load("default", changes={"classes": "person,car"})
    everything = load("default", changes={"classes": "all"})
    save_detections(
        Pipeline(WorldSource(world, 60), everything, detector=WorldDetector(world)), tmp_path / "d.npz", quiet=True
    )
    assert any(not np.array_equal(each.motion, STILL) for each in saved.read(tmp_path / "d.npz"))
    # A class that is detected and not tracked must not take part.
    assert any(np.isin(each.detections.classes, (5, 7)).any() for each in saved.read(tmp_path / "d.npz"))

    def ids(frames: object) -> list[tuple[int, list[int], list[int]]]:
        return [(each.frame, each.ids.tolist(), each.classes.tolist()) for each in frames]  # type: ignore[attr-defined]

    live = ids(track(WorldSource(world, 60), settings=settings, detector=WorldDetector(world)))
    tuned = ids(tuning.tracked(tmp_path / "d.npz", settings))
    assert tuned == live
    assert {number for _, _, classes in live for number in classes} == {0, 2}
    fixed = load("default", changes={"classes": "person,car", "camera.enabled": False})
    assert ids(tuning.tracked(tmp_path / "d.npz", fixed)) != live  # so the saved motion is in use


@pytest.mark.parametrize("cut", [1, 5, 50])
def test_a_journal_that_a_power_cut_has_torn_goes_on(
    cut: int, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tune", str(data / "found/a.npz"), str(data / "truth/a.txt"), "--output", str(tmp_path / "o")]
    assert main([*words, "--trials", "2"]) == 0
    journal = tmp_path / "o/trials.journal"
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert main([*words, "--trials", "3"]) == 0
    assert "cut back to its last whole line: 1 of " in capsys.readouterr().err
    assert len((tmp_path / "o/trials.csv").read_text().splitlines()) == 1 + 3


def test_another_search_in_one_folder_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna", reason="the tune extra is not installed")
    a = ["tune", str(data / "found/a.npz"), str(data / "truth/a.txt"), "--output", str(tmp_path / "o"), "--trials", "1"]
    b = ["tune", str(data / "found/b.npz"), str(data / "truth/b.txt"), *a[3:]]
    assert main(a) == 0
    assert main(a) == 0
    capsys.readouterr()
    for words, what in (
        (b, "detections and truth"),
        ([*a, "--search", "tracker.lifecycle.memory=1:2"], "ranges"),
        ([*a, "--preset", "traffic"], "settings"),
        ([*a, "--benchmark", "mots20"], "benchmark"),
    ):
        assert main(words) == 2
        assert f"holds another search, of other {what}" in capsys.readouterr().err
    assert main([*a, "--settings", str(tmp_path / "o/best.toml")]) == 2
    assert "is what is read" in capsys.readouterr().err
    for text in ("tracker.lifecycle.memory=1:inf", "tracker.lifecycle.memory=nan:2"):
        assert main([*a[:3], "--output", str(tmp_path / "p"), "--search", text]) == 2
        assert "wanted NAME=LOW:HIGH" in capsys.readouterr().err


def test_damaged_detections_are_told_before_the_search(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.npz").write_bytes((data / "found/a.npz").read_bytes()[:200])
    words = [
        "tune",
        str(tmp_path / "a.npz"),
        str(data / "truth/a.txt"),
        "--output",
        str(tmp_path / "o"),
        "--trials",
        "1",
    ]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "a.npz: " in said
    assert said.count("\n") == 1
    shutil.copytree(data / "found", tmp_path / "found")
    (tmp_path / "found/a.txt").write_text("")
    assert main(["tune", str(tmp_path / "found"), str(data / "truth"), "--output", str(tmp_path / "o")]) == 2
    assert "holds a twice, as .npz and as .txt" in capsys.readouterr().err
