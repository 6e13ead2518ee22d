import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TOY_FRAMES, result_files, toy_root
from PIL import Image

from mots.batch import schedule
from mots.batch.manifest import chunk_of, is_done, seen_now
from mots.batch.plan import Outcome, Plan, Task
from mots.batch.processes import Processes
from mots.batch.schedule import chunks, opened, run_batch
from mots.batch.tasks import do
from mots.benchmarks.layouts import SequenceFiles, discover
from mots.benchmarks.registry import benchmark_named
from mots.cli import main
from mots.detection.saved_detections import DetectionWriter
from mots.formats import kitti_step
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.video.writer import VideoWriter

FRAMES = TOY_FRAMES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_root(tmp_path_factory.mktemp("kitti"))


def arguments(root: Path, output: Path, *more: str) -> list[str]:
    split = ["--benchmark", "kitti-mots", "--split", str(root / "x.seqmap")]
    return [
        "batch",
        "--root",
        str(root),
        *split,
        "--detections",
        str(root / "detections"),
        "--output",
        str(output),
        *more,
    ]


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
    assert set(result_files(tmp_path / "o")) == {f"data/000{k}.txt" for k in (0, 1)} | {
        f"tracks/000{k}.csv" for k in (0, 1)
    }
    manifest = json.loads((tmp_path / "o/manifest/0000.json").read_text())
    assert manifest["frames"] == FRAMES
    assert manifest["seconds"] > 0
    assert manifest["by"]["versions"]["mots-engine"]
    assert not (tmp_path / "o/.work/0000").exists()
    before = result_files(tmp_path / "o")
    assert main(arguments(made, tmp_path / "o")) == 0
    assert capsys.readouterr().out.count("done before") == 2
    assert result_files(tmp_path / "o") == before
    split = str(made / "x.seqmap")
    assert main(["validate", str(tmp_path / "o/data"), "--split", split]) == 0
    assert main(["submit", str(tmp_path / "o/data"), "--split", split, "--output", str(tmp_path / "up.zip")]) == 0
    again = ["score", str(made), str(tmp_path / "up.zip"), "--split", split, "--json", str(tmp_path / "s.json")]
    assert main(again) == 0
    assert json.loads((tmp_path / "s.json").read_text()) == scores


def test_a_change_of_what_made_it_or_of_the_file_runs_it_again(made: Path, tmp_path: Path) -> None:
    sequences = discover(made, None, None, ["0000"])
    plan = Plan(tmp_path / "o", load("kitti-mots"), detections=made / "detections")
    assert [outcome.state for outcome in run_batch(sequences, plan)] == ["done"]
    (sequence,) = sequences
    assert is_done(sequence, plan)
    assert not is_done(sequence, Plan(plan.output, plan.settings, True, plan.detections))
    other = load("kitti-mots", changes={"tracker.lifecycle.memory": 3.0})
    assert not is_done(sequence, Plan(plan.output, other, detections=plan.detections))
    file = tmp_path / "o/data/0000.txt"
    kept = file.read_bytes()
    file.write_bytes(kept[:-1])
    assert not is_done(sequence, plan)
    assert [outcome.state for outcome in run_batch(sequences, plan)] == ["done"]
    assert file.read_bytes() == kept


def test_two_jobs_and_an_offline_run(made: Path, tmp_path: Path) -> None:
    assert main(arguments(made, tmp_path / "one", "--quiet")) == 0
    assert main(arguments(made, tmp_path / "two", "--quiet", "--jobs", "2")) == 0
    assert result_files(tmp_path / "one") == result_files(tmp_path / "two")
    assert main(arguments(made, tmp_path / "off", "--quiet", "--jobs", "2", "--offline")) == 0
    assert result_files(tmp_path / "off").keys() == result_files(tmp_path / "one").keys()
    for folder, offline in (("one", False), ("off", True)):
        assert json.loads((tmp_path / folder / "manifest/0000.json").read_bytes())["by"]["offline"] is offline


def test_killed_at_any_moment_and_started_again_it_leaves_the_same_files(made: Path, tmp_path: Path) -> None:
    assert main(arguments(made, tmp_path / "whole", "--quiet")) == 0
    expected = result_files(tmp_path / "whole")
    command = [sys.executable, "-m", "mots", *arguments(made, tmp_path / "cut", "--quiet")]
    for pause in (0.5, 1.2, 2.0, 2.8):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name, content in (result_files(tmp_path / "cut") if (tmp_path / "cut/tracks").is_dir() else {}).items():
            assert content == expected[name]  # what is there is whole
    subprocess.run(command, check=True)
    assert result_files(tmp_path / "cut") == expected


def test_a_long_sequence_in_chunks_gives_the_same_files(made: Path, tmp_path: Path) -> None:
    for more in ([], ["--offline"]):
        whole, cut = tmp_path / f"whole{len(more)}", tmp_path / f"cut{len(more)}"
        assert main(arguments(made, whole, "--quiet", *more)) == 0
        assert main(arguments(made, cut, "--quiet", "--jobs", "2", "--chunk-frames", "5", *more)) == 0
        assert result_files(whole) == result_files(cut)
        assert not (cut / ".work").exists()
        for name in ("0000", "0001"):
            one, two = (json.loads((each / f"manifest/{name}.json").read_text()) for each in (whole, cut))
            assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_chunks_that_are_measured_are_not_measured_again(made: Path, tmp_path: Path) -> None:
    broken = tmp_path / "detections"
    shutil.copytree(made / "detections", broken)
    (sequence,) = discover(made, None, None, ["0000"])
    plan = Plan(tmp_path / "o", load("kitti-mots"), detections=broken, chunk=5)
    parts = chunks(sequence, plan)
    assert [(part.start, part.stop) for part in parts] == [(0, 5), (5, 10), (10, None)]
    assert [do(part, plan).state for part in parts[:2]] == ["measured"] * 2
    before = [chunk_of(part, plan).stat().st_mtime_ns for part in parts[:2]]
    told: list[Outcome] = []
    run_batch([sequence], plan, Once(plan, fail=parts[2]), told.append)
    assert [each.state for each in told] == ["failed"]
    assert [chunk_of(part, plan).stat().st_mtime_ns for part in parts[:2]] == before  # kept for the next time
    chunk_of(parts[0], plan).write_bytes(b"damaged")
    told.clear()
    run_batch([sequence], plan, tell=told.append)
    assert [(each.state, each.message[:7]) for each in told] == [
        ("measured", "chunk 1"),
        ("done", "12 fram"),
    ]
    assert not (plan.output / ".work").exists()


class Once(Processes):
    """An engine in which one task fails."""

    def __init__(self, plan: Plan, fail: Task) -> None:
        super().__init__(plan, 1)
        self.failing, self.failed = fail, False

    def start(self, task: Task) -> None:
        self.failed = task == self.failing
        super().start(task)

    def wait(self) -> list[tuple[Task, Outcome]]:
        ended = super().wait()
        return [(task, Outcome("0000", "failed", "struck")) for task, _ in ended] if self.failed else ended


def test_a_video_in_chunks_gives_the_same_files(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "street.mp4", 25) as writer:
        for k, (image, _) in enumerate(World(7).frames(9)):
            writer.write(image, k / 25)
    video = ["run", "--root", str(tmp_path / "street.mp4"), "--weights", "demo", "--output"]
    assert main([*video, str(tmp_path / "whole"), "--quiet"]) == 0
    assert main([*video, str(tmp_path / "cut"), "--quiet", "--chunk-frames", "4"]) == 0
    assert result_files(tmp_path / "whole") == result_files(tmp_path / "cut")
    assert (tmp_path / "cut/data/street.txt").stat().st_size > 0


def test_one_bad_sequence_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = toy_root(tmp_path / "kitti", ("0000", "0001", "0002"))
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
    run_batch(longer, Plan(tmp_path, load("kitti-mots"), detections=made / "detections"), tell=found.append)
    assert found[0].state == "failed"
    assert "expected 13 frames but found 12" in found[0].message


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


def pictures(folder: Path, numbers: range, grey: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k in numbers:
        Image.fromarray(np.full((90, 160, 3), grey + k, np.uint8)).save(folder / f"{k:06d}.bmp")


def test_pictures_are_the_same_only_if_their_contents_are(made: Path, tmp_path: Path) -> None:
    pictures(tmp_path / "set/0000", range(5), 10)
    sequences = discover(tmp_path / "set", None)
    plan = Plan(tmp_path / "o", load(changes={"camera.enabled": False}), detections=made / "detections")
    (sequence,) = sequences
    assert [outcome.state for outcome in run_batch(sequences, plan)] == ["done"]
    for file in sequence.source.iterdir():  # touched, and copied over itself: the contents are the same
        os.utime(file, (1, 1))
        file.write_bytes(file.read_bytes())
    assert is_done(sequence, plan)
    times = {file: file.stat() for file in sequence.source.iterdir()}
    pictures(sequence.source, range(5), 200)
    for file, stat in times.items():  # other pictures, with the sizes and the times of the first
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert file.stat().st_size == stat.st_size
    assert not is_done(sequence, plan)


def test_what_was_measured_of_pictures_that_are_gone_is_not_joined(made: Path, tmp_path: Path) -> None:
    pictures(tmp_path / "set/0000", range(12), 10)
    plan = Plan(tmp_path / "o", load(changes={"camera.enabled": False}), detections=made / "detections", chunk=4)
    (sequence,) = discover(tmp_path / "set", None)
    for task in chunks(sequence, plan):
        assert do(task, plan).state == "measured"
    for k in range(8, 12):
        (tmp_path / f"set/0000/{k:06d}.bmp").unlink()
    assert [outcome.state for outcome in run_batch([sequence], plan)] == ["done"]
    frames = {int(line.split()[0]) for line in (tmp_path / "o/data/0000.txt").read_text().splitlines()}
    assert max(frames) <= 7
    whole = Plan(tmp_path / "w", plan.settings, detections=plan.detections)
    assert [outcome.state for outcome in run_batch([sequence], whole)] == ["done"]
    assert result_files(tmp_path / "o") == result_files(tmp_path / "w")


def test_a_wrong_number_of_frames_is_found_before_anything_is_tracked(made: Path, tmp_path: Path) -> None:
    (tmp_path / "x.seqmap").write_text(f"0000 empty 000000 {FRAMES:06d}\n")
    (sequence,) = discover(made, benchmark_named("kitti-mots"), str(tmp_path / "x.seqmap"))
    started: list[Task] = []

    class Watched(Processes):
        def start(self, task: Task) -> None:
            started.append(task)
            super().start(task)

    plan = Plan(tmp_path / "o", load("kitti-mots"), detections=made / "detections")
    (outcome,) = run_batch([sequence], plan, Watched(plan, 1))
    assert (outcome.state, started) == ("failed", [])
    assert f"expected {FRAMES + 1} frames but found {FRAMES}" in outcome.message


def test_a_second_batch_in_one_folder_is_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o").mkdir()
    code = (
        "import sys, time; from pathlib import Path; from mots.files import only_user\n"
        "with only_user(Path(sys.argv[1]), ''): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "o/.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        assert main(arguments(made, tmp_path / "o", "--quiet")) == 2
        assert "another mots batch works in this folder" in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "o").iterdir()] == [".lock"]
        first.kill()
    assert main(arguments(made, tmp_path / "o", "--quiet")) == 0


def alive(mark: str) -> list[int]:
    """Processes with this text in their environment that are still at work."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes() and "State:\tZ" not in (place / "status").read_text():
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_process_that_started_them(number: signal.Signals, made: Path, tmp_path: Path) -> None:
    mark = f"MOTS_TEST={tmp_path}"
    environment = {**os.environ, "MOTS_TEST": str(tmp_path)}
    root = tmp_path / "set"
    pictures(root / "walk", range(200), 5)
    command = [sys.executable, "-m", "mots", "batch", "--root", str(root), "--weights", "demo", "--quiet"]
    command += ["--output", str(tmp_path / "o")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 90
        while time.monotonic() < end and process.poll() is None and not list((tmp_path / "o/.work").glob("*/*")):
            time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert b"Traceback" not in said
    end = time.monotonic() + 20
    while time.monotonic() < end and alive(mark):
        time.sleep(0.1)
    assert alive(mark) == []


def test_a_benchmark_knows_the_rate_of_its_sequences_and_the_user_knows_better(tmp_path: Path) -> None:
    for name in ("0002", "0005"):
        pictures(tmp_path / f"images/{name}", range(1, 4), 10)
    found = {each.name: each for each in discover(tmp_path, benchmark_named("mots20"))}
    assert {name: each.frame_rate for name, each in found.items()} == {"MOTS20-02": None, "MOTS20-05": 14.0}
    plan = Plan(tmp_path / "o", load("mots20"))
    assert [opened(found[name], plan).frame_rate for name in ("MOTS20-02", "MOTS20-05")] == [30.0, 14.0]
    explicit = Plan(tmp_path / "o", load("mots20", changes={"frame_rate": 25.0}))
    assert opened(found["MOTS20-05"], explicit).frame_rate == 25.0


def saved(path: Path, count: int) -> Path:
    world = World(3, WorldSettings(height=90, width=160))
    path.parent.mkdir(parents=True, exist_ok=True)
    with DetectionWriter(path, 25.0, {}) as writer:
        for k in range(count):
            writer.write(k, k / 25, world.detections(k))
    return path


def filmed(path: Path, count: int) -> Path:
    world = World(3, WorldSettings(height=90, width=160))
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 25.0) as writer:
        for k in range(count):
            writer.write(world.frame(k)[0], k / 25)
    return path


def test_a_batch_writes_over_nothing_that_it_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = filmed(tmp_path / "d/data/cam.mp4", 6)
    saved(tmp_path / "found/cam.npz", 6)
    (video.parent / "cam.txt").write_text("")  # its truth
    words = ["batch", "--root", str(video.parent), "--detections", str(tmp_path / "found"), "--quiet"]
    assert main([*words, "--output", str(tmp_path / "d")]) == 1
    assert "cam.txt is what is read" in capsys.readouterr().err
    assert (video.parent / "cam.txt").read_text() == ""
    text = saved(tmp_path / "o/data/cam.txt", 6)
    before = text.read_bytes()
    assert main([*words[:3], "--detections", str(text.parent), "--quiet", "--output", str(tmp_path / "o")]) == 1
    assert text.read_bytes() == before


def test_a_batch_of_other_videos_does_not_replace_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for site, count in (("a", 6), ("b", 5)):
        filmed(tmp_path / site / "cam.mp4", count)
        saved(tmp_path / f"found-{site}/cam.npz", count)
    words = [
        ["batch", "--root", str(tmp_path / s), "--detections", str(tmp_path / f"found-{s}"), "--quiet"] for s in "ab"
    ]
    assert main([*words[0], "--output", str(tmp_path / "o")]) == 0
    before = (tmp_path / "o/data/cam.txt").read_bytes()
    assert main([*words[1], "--output", str(tmp_path / "o")]) == 1
    assert "holds results of" in capsys.readouterr().err
    assert (tmp_path / "o/data/cam.txt").read_bytes() == before
    (tmp_path / "a").rename(tmp_path / "moved")  # the same video elsewhere is the same video
    words[0][2] = str(tmp_path / "moved")
    assert main([*words[0], "--output", str(tmp_path / "o")]) == 0


def test_a_file_that_cannot_be_read_fails_its_sequence_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        filmed(tmp_path / f"v/{name}.mp4", 5)
        saved(tmp_path / f"found/{name}.npz", 5)
    (tmp_path / "o/data/b.txt/in the way").mkdir(parents=True)

    def refused(sequence: SequenceFiles, *more: Any) -> Any:
        if sequence.name == "a":
            raise PermissionError(13, "Permission denied", str(sequence.source))
        return seen_now(sequence, *more)

    monkeypatch.setattr(schedule, "seen_now", refused)
    words = ["batch", "--root", str(tmp_path / "v"), "--detections", str(tmp_path / "found"), "--output"]
    assert main([*words, str(tmp_path / "o"), "--quiet"]) == 1
    said = capsys.readouterr().err
    assert f"a: failed: {tmp_path / 'v/a.mp4'}: Permission denied" in said
    assert "Traceback" not in said
    assert "b: failed: " in said
    assert main([*words, str(tmp_path / "p"), "--quiet"]) == 1
    assert (tmp_path / "p/data/b.txt").is_file()


def test_missing_weights_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        filmed(tmp_path / f"v/{name}.mp4", 3)
    assert main(["batch", "--root", str(tmp_path / "v"), "--weights", "none.pt", "--output", str(tmp_path / "o")]) == 2
    assert capsys.readouterr().err.count("no weights 'none.pt'") == 1
    assert not (tmp_path / "o").exists()


def test_a_batch_replaces_no_file_that_no_batch_has_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filmed(tmp_path / "v/a.mp4", 4)
    saved(tmp_path / "found/a.npz", 4)
    (tmp_path / "o/data").mkdir(parents=True)
    (tmp_path / "o/data/a.txt").write_text("mine")
    words = ["batch", "--root", str(tmp_path / "v"), "--detections", str(tmp_path / "found"), "--quiet", "--output"]
    assert main([*words, str(tmp_path / "o")]) == 1
    assert "exists, and no batch has made it" in capsys.readouterr().err
    assert (tmp_path / "o/data/a.txt").read_text() == "mine"
