"""`mots.score` by boxes, against TrackEval's MotChallenge2DBox on the same files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import trackeval_answer
from PIL import Image

import mots
from mots.benchmarks.repair import fix
from mots.benchmarks.submission import submit
from mots.cli import main
from mots.errors import FormatError, InputError
from mots.evaluation.scoring import score
from mots.formats import mot_boxes
from mots.formats.faults import Fault
from mots.labels import FrameLabels
from mots.toy.world import World, WorldSettings

KEYS = {
    "CLEAR": {
        "sMOTA": "sMOTA", "MOTA": "MOTA", "MOTP": "MOTP", "TP": "CLR_TP", "FP": "CLR_FP", "FN": "CLR_FN",
        "softTP": "MOTP_sum", "IDS": "IDSW", "Frag": "Frag", "MT": "MT", "PT": "PT", "ML": "ML", "Recall": "CLR_Re",
        "Precision": "CLR_Pr", "F1": "CLR_F1", "FAF": "FP_per_frame", "MODA": "MODA", "MOTAL": "MOTAL",
    },
    "HOTA": {key: key for key in (
        "HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA", "OWTA", "HOTA(0)", "LocA(0)", "HOTALocA(0)"
    )},
    "Identity": {key: key for key in ("IDF1", "IDP", "IDR", "IDTP", "IDFP", "IDFN")},
}  # fmt: skip


def texts(rng: np.random.Generator, frames: int) -> tuple[str, str]:
    """Truth with every class, boxes not to be scored, crowds over one another; results that swap, miss and invent."""
    truth, results = "", ""
    classes = {k: int(rng.choice([1, 1, 1, 1, 2, 3, 6, 7, 8, 12])) for k in range(1, 13)}
    swap = {k: k for k in range(1, 100)}
    place = {k: rng.uniform(0, 60, 2) for k in classes}
    for frame in range(1, frames + 1):
        if rng.random() < 0.2:
            a, b = rng.integers(1, 12, 2).tolist()
            swap[a], swap[b] = swap[b], swap[a]
        for k, class_id in classes.items():
            place[k] += rng.normal(0, 4, 2)
            x, y = place[k]
            w, h = rng.uniform(10, 40, 2)
            if rng.random() < 0.15:
                continue
            truth += f"{frame},{k},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{int(rng.random() < 0.9)},{class_id},1\n"
            if rng.random() < 0.8:
                dx, dy, dw, dh = rng.normal(0, 3, 4)
                results += f"{frame},{swap[k]},{x + dx:.2f},{y + dy:.2f},{max(w + dw, 1):.2f},"
                results += f"{max(h + dh, 1):.2f},1,-1,-1,-1\n"
        if rng.random() < 0.4:
            results += f"{frame},{50 + int(rng.integers(0, 3))},{rng.uniform(0, 60):.2f},5,20,30,1,-1,-1,-1\n"
    return truth, results


def with_trackeval(root: Path, lengths: dict[str, int], benchmark: str) -> dict[str, Any]:
    trackeval = pytest.importorskip("trackeval", reason="the dev extra is not installed")
    kind = trackeval.datasets.MotChallenge2DBox
    config = {
        **kind.get_default_dataset_config(),
        "GT_FOLDER": str(root / "truth"),
        "TRACKERS_FOLDER": str(root / "trackers"),
        "TRACKERS_TO_EVAL": ["ours"],
        "BENCHMARK": benchmark.upper(),
        "SEQ_INFO": dict(lengths),
        "PRINT_CONFIG": False,
        "SKIP_SPLIT_FOL": True,
    }
    found, _ = trackeval_answer(kind, config)
    whole: dict[str, Any] = found["ours"]
    return whole


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(2, 15), min_size=1, max_size=3),
    st.sampled_from(["mot17", "mot20", "dancetrack", "sportsmot"]),
)
def test_every_number_is_trackevals(tmp_path: Path, seed: int, frames: list[int], benchmark: str) -> None:
    rng = np.random.default_rng(seed)
    shutil.rmtree(tmp_path, ignore_errors=True)
    (tmp_path / "trackers/ours/data").mkdir(parents=True)
    lengths = {f"SEQ-{number:02d}": count for number, count in enumerate(frames)}
    for name, count in lengths.items():
        folder = tmp_path / "truth" / name
        (folder / "gt").mkdir(parents=True)
        truth, results = texts(rng, count)
        (folder / "gt/gt.txt").write_text(truth)
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nseqLength={count}\n")
        (tmp_path / f"trackers/ours/data/{name}.txt").write_text(results)
    found = score(tmp_path / "truth", tmp_path / "trackers/ours/data", benchmark=benchmark).to_dict()
    wanted = with_trackeval(tmp_path, lengths, benchmark)
    rows = [(found["sequences"][name], wanted[name]) for name in lengths]
    for ours, theirs in [*rows, (found["combined"], wanted["COMBINED_SEQ"])]:
        for family, names in KEYS.items():
            for own, other in names.items():
                value = float(np.mean(theirs["pedestrian"][family][other]))
                assert ours["pedestrian"][own] == pytest.approx(value, abs=1e-9), (family, own)


def test_masks_are_scored_by_their_tight_boxes(tmp_path: Path, frames: "list[FrameLabels]") -> None:
    truth = "".join(
        f"{f.frame},{i},{x1},{y1},{x2 - x1},{y2 - y1},1,1,1\n"
        for f in frames
        for i, (x1, y1, x2, y2) in zip(f.ids.tolist(), f.masks.boxes.tolist(), strict=True)
    )
    (tmp_path / "s.txt").write_text(truth)
    from_files = score(tmp_path / "s.txt", write_masks(tmp_path, frames), benchmark="mot17").to_dict()["combined"]
    in_memory = score(frames, frames, benchmark="mot17").to_dict()["combined"]
    for numbers in (from_files["pedestrian"], in_memory["pedestrian"]):
        assert (numbers["HOTA"], numbers["MOTA"], numbers["IDF1"]) == pytest.approx((1.0, 1.0, 1.0))
    cars = [f.take(np.zeros(0, np.int64)) if f.frame % 2 else f for f in frames]
    half = score(frames, cars, benchmark="mot17").to_dict()["combined"]["pedestrian"]
    assert half["Recall"] == pytest.approx(0.5)


@pytest.fixture
def frames() -> list[FrameLabels]:
    """Two people over four frames from number 1."""
    found = []
    for number in range(1, 5):
        image = np.zeros((2, 20, 30), np.bool_)
        image[0, 2:9, number : number + 4] = True
        image[1, 5:18, 15 : 20 + number] = True
        masks = mots.Masks.from_images(image)
        ids, people = np.array([1, 2]), np.zeros(2, np.int64)
        ones = np.ones(2, np.float32)
        found.append(FrameLabels(number, number / 10, ids, people, ones, masks, mots.Masks.empty((20, 30))))
    return found


def write_masks(folder: Path, frames: list[FrameLabels]) -> Path:
    from mots.formats.mots_text import IdTable, lines

    table = IdTable()
    path = folder / "own.txt"
    path.write_text("".join(lines(frame, table) for frame in frames))
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4,5", "5 fields"),
        ("1,2,3,4,5,x", "'x' is no number"),
        ("0,2,3,4,5,6", "frame 0: frames count from 1"),
        ("1.5,2,3,4,5,6", "frame 1.5"),
        ("1,2.5,3,4,5,6", "id 2.5"),
        ("1,2,3,4,0,6", "wanted a width and height above 0"),
        ("1,2,nan,4,5,6", "not finite"),
        ("1,2,3,4,5,1e300", "beyond"),
        ("1,7,3,4,5,6", "id 7 stands twice in frame 1: its first line is 1"),
    ],
)
def test_a_broken_line_is_named_and_the_rest_is_read(line: str, message: str) -> None:
    faults: list[Fault] = []
    content = f"1,7,0,0,5,5\n\n{line}\n2,7,0,0,5,5,1,1,1\n".encode()
    table = mot_boxes.parse(content, "x.txt", faults.append)
    assert [(fault.line, message in fault.message) for fault in faults] == [(3, True)]
    assert table.frames.tolist() == [1, 2]
    with pytest.raises(FormatError, match=r"x.txt:3"):
        mot_boxes.parse(content, "x.txt")


def test_results_of_another_class_are_refused_as_trackeval_does(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("1,1,0,0,5,5,1,1,1\n")
    (tmp_path / "r.txt").write_text("1,1,0,0,5,5,1,3,1\n")
    with pytest.raises(FormatError, match=r"r.txt:1: class 3: only pedestrians"):
        score(tmp_path / "t.txt", tmp_path / "r.txt", benchmark="mot17")


def test_the_command_prints_motas_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_text("1,1,0,0,5,5,1,-1,-1,-1\n2,1,0,0,5,5,1,-1,-1,-1\n")
    (tmp_path / "r.txt").write_text("1,1,0,0,5,5\n2,1,0,0,5,5\n")
    assert main(["score", str(tmp_path / "t.txt"), str(tmp_path / "r.txt"), "--benchmark", "mot20"]) == 0
    text = capsys.readouterr().out
    assert "sMOTA" in text
    assert "sMOTSA" not in text


def test_what_checks_masks_takes_no_box_benchmark(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("1,1,0,0,5,5\n")
    with pytest.raises(InputError, match="dancetrack compares boxes"):
        mots.validate(tmp_path / "r.txt", "dancetrack")
    with pytest.raises(InputError, match="mot20 compares boxes"):
        submit(tmp_path, tmp_path / "out.zip", "mot20")
    with pytest.raises(InputError, match="mot17 compares boxes"):
        fix(tmp_path / "r.txt", tmp_path / "fixed", "mot17")


def test_a_folder_of_box_truth_is_tracked_and_scored(tmp_path: Path) -> None:
    world = World(3, WorldSettings(height=90, width=160, walkers=4, vehicles=0, pan=0.0))
    folder = tmp_path / "train/MOT17-02-FRCNN"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (tmp_path / "found").mkdir()
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=12\n")
    rows = []
    with mots.DetectionWriter(tmp_path / "found/MOT17-02-FRCNN.npz", 25.0, {}) as writer:
        for k in range(12):
            image, truth = world.frame(k)
            Image.fromarray(image).save(folder / f"img1/{k + 1:06d}.png")
            writer.write(k + 1, k / 25, world.detections(k), np.eye(2, 3))
            for identity, (x1, y1, x2, y2) in zip(truth.ids.tolist(), truth.masks.boxes.tolist(), strict=True):
                rows.append(f"{k + 1},{identity},{x1},{y1},{x2 - x1},{y2 - y1},1,1,1")
    (folder / "gt/gt.txt").write_text("\n".join(rows))
    options = ["--root", str(tmp_path), "--benchmark", "mot17", "--detections", str(tmp_path / "found"), "--quiet"]
    assert main(["batch", *options, "--output", str(tmp_path / "runs")]) == 0
    numbers = json.loads((tmp_path / "runs/scores.json").read_text())["combined"]["pedestrian"]
    assert numbers["Objects"] == len(rows) > 20
    assert numbers["MOTA"] > 0.5


def test_a_frame_number_beyond_all_reason_takes_no_time_and_no_memory(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("1,1,1,1,10,10,1,1,1\n2000000000,1,1,1,10,10,1,1,1\n")
    numbers = score(tmp_path / "s.txt", tmp_path / "s.txt", benchmark="mot17").combined["pedestrian"].numbers()
    assert (numbers["Frames"], numbers["TP"], numbers["HOTA"]) == (2_000_000_000, 2, 1.0)
