import json
from pathlib import Path

import numpy as np
import pytest
from oracles import stq_by_definition
from PIL import Image

from mots.cli import main
from mots.errors import MotsError
from mots.evaluation.scoring import score
from mots.formats import kitti_step

CODES = [0, 1 << 16, 255 << 16, 11 << 16, 11 << 16 | 1, 11 << 16 | 300, 13 << 16 | 2]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Truth and results of two small sequences."""
    rng = np.random.default_rng(3)
    for name in ("0002", "0006"):
        for side in ("truth", "results"):
            (tmp_path / side / name).mkdir(parents=True)
        for k in range(3):
            truth = rng.choice(CODES, (4, 6))
            result = np.where(rng.random((4, 6)) < 0.7, truth, rng.choice(CODES, (4, 6)))
            kitti_step.write(tmp_path / "truth" / name / f"{k:06d}.png", truth)
            kitti_step.write(tmp_path / "results" / name / f"{k:06d}.png", result)
    return tmp_path / "truth", tmp_path / "results"


def test_files_hold_codes_as_the_benchmark_does(tmp_path: Path) -> None:
    codes = np.array([[11 << 16 | 300, 255 << 16]])
    kitti_step.write(tmp_path / "0.png", codes)
    assert np.asarray(Image.open(tmp_path / "0.png")).tolist() == [[[11, 1, 44], [255, 0, 0]]]
    assert (kitti_step.read(tmp_path / "0.png") == codes).all()
    with pytest.raises(ValueError, match="24 bits"):
        kitti_step.write(tmp_path / "0.png", np.array([[1 << 24]]))


def codes(path: Path) -> np.ndarray:
    return kitti_step.read(path).astype(np.int64)


def test_sequences_score_by_the_definition(folders: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["score", *map(str, folders), "--benchmark", "kitti-step", "--json", str(tmp_path / "s.json")]
    assert main([*arguments, "--quiet"]) == 0
    found = json.loads((tmp_path / "s.json").read_text())
    for name in ("0002", "0006"):
        frames = [
            (codes(folders[0] / name / f"{k:06d}.png"), codes(folders[1] / name / f"{k:06d}.png")) for k in range(3)
        ]
        numbers = found["sequences"][name]["all"]
        assert (numbers["AQ"], numbers["SQ"]) == pytest.approx(stq_by_definition(frames))
        assert numbers["Frames"] == 3
    assert found["combined"]["all"]["Frames"] == 6
    assert 0 < found["combined"]["all"]["STQ"] < 1


def test_the_table_shows_stq(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *map(str, folders), "--benchmark", "kitti-step"]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("STQ", "AQ", "SQ", "0002", "combined"))


def test_faults_are_named(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    picture = results / "0006/000001.png"
    good = picture.read_bytes()
    for spoil, message in (
        (lambda: picture.write_bytes(good[:40]), "cannot be read as a PNG"),
        (lambda: Image.new("L", (6, 4)).save(picture), "expected three channels of 8 bits, found a picture of mode L"),
        (lambda: kitti_step.write(picture, np.zeros((5, 6), np.int64)), "5 x 6 pixels where the truth has 4 x 6"),
        (lambda: kitti_step.write(picture, np.full((4, 6), 40 << 16)), "semantic class 40"),
        (lambda: picture.rename(results / "0006/000009.png"), "frame 1 is missing"),
        (lambda: (results / "0006/000009.png").rename(results / "0006/x.png"), "a frame's name is its number"),
    ):
        spoil()
        with pytest.raises(MotsError, match=message):
            score(truth, results, benchmark="kitti-step")
    with pytest.raises(MotsError, match="the truth of sequence 0007 is missing"):
        score(truth, results, benchmark="kitti-step", split="val", sequences=["0007"])
    with pytest.raises(MotsError, match="no such folder"):
        score(truth, results / "no", benchmark="kitti-step")
