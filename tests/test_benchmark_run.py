import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots.benchmark_run import Outcome, Plan, is_done, run_all
from mots.cli import main
from mots.datasets import discover
from mots.formats import kitti_mots, kitti_step
from mots.formats import saved_detections as saved
from mots.labels import FrameLabels
from mots.settings import load
from mots.world import World, WorldSettings

FRAMES = 12
SIZE = WorldSettings(height=90, width=160, walkers=6, vehicles=2)


def make(root: Path, names: tuple[str, ...] = ("0000", "0001")) -> Path:
    """Toy worlds in the layout of KITTI MOTS, their noisy detections beside it, and a sequence map."""
    for number, name in enumerate(names):
        world, table = World(8 + number, SIZE), kitti_mots.IdTable()
        images, text = root / f"training/image_02/{name}", ""
        images.mkdir(parents=True)
        (root / "detections").mkdir(exist_ok=True)
        with saved.create(root / f"detections/{name}.npz", 10.0, {}) as writer:
            for k, (image, truth) in enumerate(world.frames(FRAMES)):
                Image.fromarray(image).save(images / f"{k:06d}.png")
                text += kitti_mots.lines(wanted(truth), table)
                writer.write(k, k / 10, world.detections(k))
        (root / "instances_txt").mkdir(exist_ok=True)
        (root / f"instances_txt/{name}.txt").write_text(text)
    (root / "x.seqmap").write_text("".join(f"{name} empty 000000 {FRAMES - 1:06d}\n" for name in names))
    return root


def wanted(truth: FrameLabels) -> FrameLabels:
    """People and cars."""
    return truth.take(np.flatnonzero(np.isin(truth.classes, (0, 2))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("kitti"))


def arguments(root: Path, output: Path, *more: str) -> list[str]:
    split = ["--benchmark", "kitti-mots", "--split", str(root / "x.seqmap")]
    return [
        "run",
        "--root",
        str(root),
        *split,
        "--detections",
        str(root / "detections"),
        "--output",
        str(output),
        *more,
    ]


def files(output: Path) -> dict[str, bytes]:
    """The results, by name."""
    return {
        str(file.relative_to(output)): file.read_bytes()
        for folder in ("data", "tracks")
        for file in sorted((output / folder).iterdir())
    }


def test_a_split_is_run_scored_skipped_validated_and_packed(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(made, tmp_path / "o")) == 0
    said = capsys.readouterr().out
    assert "0000: 12 frames" in said
    assert "combined" in said
    scores = json.loads((tmp_path / "o/scores.json").read_text())
    assert set(scores["sequences"]) == {"0000", "0001"}
    assert scores["combined"]["pedestrian"]["HOTA"] > 0.3
    assert set(files(tmp_path / "o")) == {f"data/000{k}.txt" for k in (0, 1)} | {f"tracks/000{k}.csv" for k in (0, 1)}
    manifest = json.loads((tmp_path / "o/manifest/0000.json").read_text())
    assert manifest["frames"] == FRAMES
    assert manifest["seconds"] > 0
    assert manifest["by"]["versions"]["mots-engine"]
    assert not (tmp_path / "o/.work/0000").exists()
    before = files(tmp_path / "o")
    assert main(arguments(made, tmp_path / "o")) == 0
    assert capsys.readouterr().out.count("done before") == 2
    assert files(tmp_path / "o") == before
    split = str(made / "x.seqmap")
    assert main(["validate", str(tmp_path / "o/data"), "--split", split]) == 0
    assert main(["submit", str(tmp_path / "o/data"), "--split", split, "--output", str(tmp_path / "up.zip")]) == 0
    again = ["score", str(made), str(tmp_path / "up.zip"), "--split", split, "--json", str(tmp_path / "s.json")]
    assert main(again) == 0
    assert json.loads((tmp_path / "s.json").read_text()) == scores


def test_a_change_of_what_made_it_or_of_the_file_runs_it_again(made: Path, tmp_path: Path) -> None:
    sequences = discover(made, None, None, ["0000"])
    plan = Plan(tmp_path / "o", load("kitti-mots"), detections=made / "detections")
    assert [outcome.state for outcome in run_all(sequences, plan)] == ["done"]
    (sequence,) = sequences
    assert is_done(sequence, plan)
    assert not is_done(sequence, Plan(plan.output, plan.settings, True, plan.detections))
    other = load("kitti-mots", changes={"tracker.lifecycle.memory": 3.0})
    assert not is_done(sequence, Plan(plan.output, other, detections=plan.detections))
    file = tmp_path / "o/data/0000.txt"
    kept = file.read_bytes()
    file.write_bytes(kept[:-1])
    assert not is_done(sequence, plan)
    assert [outcome.state for outcome in run_all(sequences, plan)] == ["done"]
    assert file.read_bytes() == kept


def test_two_jobs_and_an_offline_run(made: Path, tmp_path: Path) -> None:
    assert main(arguments(made, tmp_path / "one", "--quiet")) == 0
    assert main(arguments(made, tmp_path / "two", "--quiet", "--jobs", "2")) == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert main(arguments(made, tmp_path / "off", "--quiet", "--jobs", "2", "--offline")) == 0
    assert files(tmp_path / "off") != files(tmp_path / "one")


def test_killed_at_any_moment_and_started_again_it_leaves_the_same_files(made: Path, tmp_path: Path) -> None:
    assert main(arguments(made, tmp_path / "whole", "--quiet")) == 0
    expected = files(tmp_path / "whole")
    command = [sys.executable, "-m", "mots", *arguments(made, tmp_path / "cut", "--quiet")]
    for pause in (0.5, 1.2, 2.0, 2.8):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name, content in (files(tmp_path / "cut") if (tmp_path / "cut/tracks").is_dir() else {}).items():
            assert content == expected[name]  # what is there is whole
    subprocess.run(command, check=True)
    assert files(tmp_path / "cut") == expected


def test_one_bad_sequence_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path / "kitti", ("0000", "0001", "0002"))
    (root / "detections/0001.npz").write_bytes(b"no detections")
    assert main(arguments(root, tmp_path / "o")) == 1
    said = capsys.readouterr()
    assert "0001: failed: " in said.err
    assert "1 sequence failed: 0001" in said.err
    assert set(json.loads((tmp_path / "o/scores.json").read_text())["sequences"]) == {"0000", "0002"}
    shutil.copy(root / "detections/0000.npz", root / "detections/0001.npz")
    assert main(arguments(root, tmp_path / "o")) == 0
    assert capsys.readouterr().out.count("done before") == 2


def test_a_sequence_of_too_few_frames_fails(made: Path, tmp_path: Path) -> None:
    sequences = [*discover(made, None, None, ["0000"])]
    longer = [type(each)(each.name, each.source, each.truth, FRAMES + 1) for each in sequences]
    found: list[Outcome] = []
    run_all(longer, Plan(tmp_path, load("kitti-mots"), detections=made / "detections"), tell=found.append)
    assert found[0].state == "failed"
    assert "12 frames where 13 are due" in found[0].message


def test_kitti_step_is_written_over_semantic_maps_and_scored(made: Path, tmp_path: Path) -> None:
    for name in ("0000", "0001"):
        (tmp_path / f"semantic/{name}").mkdir(parents=True)
        (made / f"panoptic_maps/val/{name}").mkdir(parents=True, exist_ok=True)
        for k in range(FRAMES):
            road = np.zeros((90, 160), np.uint8)
            Image.fromarray(road).save(tmp_path / f"semantic/{name}/{k:06d}.png")
            kitti_step.write(made / f"panoptic_maps/val/{name}/{k:06d}.png", road.astype(np.uint32))
    step = [word if word != "kitti-mots" else "kitti-step" for word in arguments(made, tmp_path / "o", "--quiet")]
    assert main([*step, "--semantic", str(tmp_path / "semantic")]) == 0
    codes = kitti_step.read(tmp_path / "o/panoptic/0000/000005.png")
    assert set(np.unique(codes >> 16).tolist()) <= {0, 11, 13}
    scores = json.loads((tmp_path / "o/scores.json").read_text())
    assert 0 < scores["combined"]["all"]["SQ"] < 1
    assert (
        main(["validate", str(tmp_path / "o/panoptic"), "--benchmark", "kitti-step", "--split", str(made / "x.seqmap")])
        == 0
    )
    assert main(arguments(made, tmp_path / "o2", "--semantic", str(tmp_path))) == 2
