import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import random_images
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mots.cli.entry import main
from mots.errors import FormatError, InputError
from mots.evaluation.scoring import score
from mots.labels import FrameLabels
from mots.metrics import vos
from mots.metrics.vos import TOLERANCE, boundary_f, j_and_f, outline
from mots.trackers.masks import Masks

SIZE = (30, 40)


def frame(number: int, places: dict[int, int]) -> FrameLabels:
    """Objects (id to column) of 10 x 10 pixels."""
    n = len(places)
    masks = Masks.from_crops(SIZE, [(x, 5) for x in places.values()], [np.ones((10, 10))] * n)
    ids = np.array(list(places), np.int64)
    return FrameLabels(number, 0.0, ids, np.zeros(n, np.int64), np.ones(n, np.float32), masks, Masks.empty(SIZE))


def f_by_definition(truth: np.ndarray, result: np.ndarray, radius: int) -> float:
    """Every pixel of one outline against every pixel of the other."""
    own, given_ = (list(zip(*np.nonzero(outline(mask)), strict=True)) for mask in (truth, result))
    if not own or not given_:
        return float(not own and not given_)

    def near(these: list[tuple[int, int]], those: list[tuple[int, int]]) -> float:
        return sum(any(math.dist(p, q) <= radius for q in those) for p in these) / len(these)

    precision, recall = near(given_, own), near(own, given_)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_outlines_and_their_f_are_those_of_the_definition(seed: int, radius: int) -> None:
    a, b = random_images(np.random.default_rng(seed), 2, (9, 12), 0.8)
    assert boundary_f(a, b, radius) == pytest.approx(f_by_definition(a, b, radius))
    trackeval = pytest.importorskip("trackeval", reason="the dev extra is not installed")
    for mask in (a, b):
        assert (outline(mask) == trackeval.metrics.JAndF._seg2bmap(mask)).all()


def test_perfect_results_score_one_whatever_their_ids() -> None:
    truth = [frame(k, {1: 2 + k, 2: 20}) for k in range(4)]
    results = [frame(k, {8: 20, 9: 2 + k}) for k in range(4)]
    scores = j_and_f(truth, results)
    assert [(s.object, s.hypothesis, s.j_and_f) for s in scores] == [(1, 9, 1), (2, 8, 1)]


def test_missing_and_invented_frames_count_as_zero_and_absence_as_one() -> None:
    truth = [frame(0, {1: 5}), frame(1, {1: 5}), frame(2, {}), frame(3, {})]
    results = [frame(0, {7: 5}), frame(1, {}), frame(2, {7: 5}), frame(3, {})]
    (score,) = j_and_f(truth, results)
    assert score.j.tolist() == score.f.tolist() == [1, 0, 0, 1]
    assert score.j_and_f == 0.5


def test_a_shift_costs_j_what_it_overlaps_and_f_little() -> None:
    (score,) = j_and_f([frame(0, {1: 5})], [frame(0, {1: 6})])
    assert score.j.item() == pytest.approx(90 / 110)
    assert math.ceil(TOLERANCE * math.hypot(*SIZE)) == 1
    assert score.f.item() == pytest.approx(1)


def test_each_hypothesis_serves_one_object() -> None:
    truth = [frame(k, {1: 2, 2: 20}) for k in range(3)]
    scores = j_and_f(truth, [frame(k, {7: 2}) for k in range(3)])
    assert [(s.object, s.hypothesis) for s in scores] == [(1, 7), (2, 0)]
    assert scores[1].j_and_f == 0


def test_clips_of_other_frames_are_refused_and_empty_ones_are_not() -> None:
    with pytest.raises(ValueError, match="not of the same frames"):
        j_and_f([frame(0, {1: 5})], [frame(1, {1: 5})])
    assert j_and_f([], []) == []


def davis_toolkit(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, recall and decay written once more, by the toolkit's description."""
    ids = np.round(np.linspace(1, len(values), 5) + 1e-10) - 1
    ids = ids.astype(np.uint8)
    bins = [values[ids[i] : ids[i + 1] + 1] for i in range(4)]
    return float(np.nanmean(values)), float(np.nanmean(values > 0.5)), float(np.nanmean(bins[0]) - np.nanmean(bins[3]))


def test_statistics_are_those_of_the_davis_toolkit(rng: np.random.Generator) -> None:
    for length in (1, 2, 3, 4, 5, 17, 78, 100):
        values = rng.random(length)
        assert vos.statistics(values) == pytest.approx(davis_toolkit(values), abs=1e-12)


def test_davis_folders_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object that is right, one that is half right in half of the frames, with void and a missing object."""
    for side in ("truth", "results"):
        (tmp_path / side / "clip").mkdir(parents=True)
    for k in range(10):
        own = np.zeros((40, 60), np.uint8)
        own[5:15, 5:25], own[20:30, 10:30] = 1, 2
        own[:2] = 255
        given = own.copy()
        if k >= 5:
            given[20:30, 20:30] = 0
        given[:2] = 0
        for side, image in (("truth", own), ("results", given)):
            Image.fromarray(image).save(tmp_path / side / f"clip/{k:05d}.png")
    scores = score(tmp_path / "truth", tmp_path / "results", benchmark="davis").to_dict()
    found = scores["combined"]["object"]
    # Frames 1 to 8 count; object 2 has an IoU of 0.5 in four of them, which is not above 0.5.
    assert found["J-Mean"] == pytest.approx((1 + (4 + 4 * 0.5) / 8) / 2)
    assert found["J-Recall"] == pytest.approx((1 + 0.5) / 2)
    assert found["J-Decay"] == pytest.approx((0 + 0.5) / 2)
    assert found["J&F"] == pytest.approx((found["J-Mean"] + found["F-Mean"]) / 2)
    assert 0 < found["F-Decay"] < 0.3
    own = scores["objects"]["clip"]
    assert own["1"]["J-Mean"] == own["1"]["F-Mean"] == 1.0
    assert own["2"]["J-Mean"] == pytest.approx((4 + 4 * 0.5) / 8)
    assert own["1"]["T"] == pytest.approx(0, abs=1e-9)
    assert own["2"]["T"] > 0.001  # its outline changes once
    assert found["T"] == pytest.approx((own["1"]["T"] + own["2"]["T"]) / 2)
    command = ["score", str(tmp_path / "truth"), str(tmp_path / "results"), "--benchmark", "davis"]
    assert main([*command, "--plot", str(tmp_path / "plots")]) == 0
    assert "J&F" in capsys.readouterr().out
    assert (tmp_path / "plots/frames_clip_object.png").is_file()
    (tmp_path / "results/clip/00004.png").unlink()
    assert main(["score", str(tmp_path / "truth"), str(tmp_path / "results"), "--benchmark", "davis"]) == 2
    assert "frame 00004 is missing" in capsys.readouterr().err
    with pytest.raises(InputError, match="folders of its pictures"):
        score([], [], benchmark="davis")


def test_youtube_vos_is_scored_by_seen_and_unseen_categories(tmp_path: Path) -> None:
    """Every fifth frame is annotated; object 1 is there from the start, object 2 from frame 10 on."""
    frames = [f"{k:05d}" for k in range(0, 30, 5)]
    for side in ("truth", "results"):
        (tmp_path / side / "Annotations/clip").mkdir(parents=True)
    for place, name in enumerate(frames):
        own = np.zeros((40, 60), np.uint8)
        own[5:15, 5:25] = 1
        if place >= 2:
            own[20:30, 10:30] = 2
        given = own.copy()
        given[20:30, 20:30] = 0  # half of object 2, in its first frame too, which does not count
        for side, image in (("truth", own), ("results", given)):
            Image.fromarray(image).save(tmp_path / side / f"Annotations/clip/{name}.png")
    objects = {"1": {"category": "cat", "frames": frames}, "2": {"category": "yak", "frames": frames[2:]}}
    (tmp_path / "truth/meta.json").write_text(json.dumps({"videos": {"clip": {"objects": objects}}}))
    training = {"videos": {"other": {"objects": {"1": {"category": "cat", "frames": ["00000"]}}}}}
    (tmp_path / "training.json").write_text(json.dumps(training))
    paths = (tmp_path / "truth", tmp_path / "results")
    both = score(*paths, benchmark="youtube-vos", split=str(tmp_path / "training.json"))
    assert set(both.sequences["clip"]) == {"seen", "unseen"}
    seen, unseen = (both.combined[name] for name in ("seen", "unseen"))
    assert seen.numbers()["J-Mean"] == 1.0
    assert [len(each.j) for each in seen.curves] == [5]
    assert unseen.numbers()["J-Mean"] == pytest.approx(0.5)
    assert [each.frames for each in unseen.curves] == [tuple(frames[3:])]
    alone = score(*paths, benchmark="youtube-vos")
    assert set(alone.sequences["clip"]) == {"seen"}
    assert alone.combined["seen"].numbers()["J-Mean"] == pytest.approx(0.75)
    (tmp_path / "results/Annotations/clip/00020.png").unlink()
    with pytest.raises(FormatError, match="frame 00020 is missing"):
        score(*paths, benchmark="youtube-vos")
    (tmp_path / "truth/meta.json").write_text('{"videos": []}')
    with pytest.raises(FormatError, match=r"not a meta\.json of YouTube-VOS"):
        score(*paths, benchmark="youtube-vos")
