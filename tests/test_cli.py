import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots import __version__
from mots.cli import entry, main
from mots.detection import saved_detections as saved
from mots.formats import mots_text
from mots.settings import PRESETS
from mots.toy.world import World, WorldSettings

WORLD = World(8, WorldSettings(height=90, width=160, walkers=6, vehicles=2))


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    """Forty frames of a world's noisy detections."""
    path = tmp_path / "street.npz"
    with saved.DetectionWriter(path, 25.0, {}) as writer:
        for k in range(40):
            writer.write(k, k / 25, WORLD.detections(k))
    return path


def command(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "mots", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_tracking_detections_leaves_a_folder_of_results(
    detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(detections), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("40 frames, ")
    assert "40/40" in printed.err
    assert "tracks alive" in printed.err
    frames = list(mots_text.read(tmp_path / "out/street.txt"))
    assert len(frames) > 20
    assert len((tmp_path / "out/tracks.csv").read_text().splitlines()) > 3
    assert main(["track", str(detections), "--output", str(tmp_path / "out"), "--quiet", "--overwrite"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_default_folder_is_named_after_the_source(
    detections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["track", "street.npz", "--quiet"]) == 0
    assert (tmp_path / "runs/street/street.txt").is_file()


def test_results_are_not_replaced_silently(
    detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["track", str(detections), "--output", str(tmp_path / "out"), "--quiet"]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert capsys.readouterr().err.endswith("choose another folder or replace it (--output, --overwrite)\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["track"], "no SOURCE"),
        (["track", "no.mp4"], "no.mp4: no such file or folder"),
        (["track", "street.npz", "--classes", "persn"], "unknown class 'persn': did you mean person"),
        (["track", "street.npz", "--preset", "x"], "unknown preset 'x'"),
        (["track", "street.npz", "--set", "tracker.gat=3"], "did you mean tracker.gate"),
        (["track", "street.npz", "--set", "gate"], "--set gate: wanted NAME=VALUE"),
        (["track", "street.npz", "--settings", "no.toml"], "no.toml: No such file"),
        (
            ["track", "street.npz", "--video"],
            "give them as the source (--video, --detections)",
        ),
        (["track", "street.npz", "--output", "street.npz/x"], "cannot be written"),
        (["track", "walk", "--weights", "folder/no.pt"], "no weights 'folder/no.pt'"),
        (["track", "walk", "--detections", "no.npz"], "no.npz: no such file"),
        (["detect", "walk", "--output", "d.txt", "--format", "npz", "--weights", "demo"], "end in .npz"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], message: str, detections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk").mkdir()
    Image.fromarray(np.zeros((90, 160, 3), np.uint8)).save(tmp_path / "walk/0.png")
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("mots: error: ")
    assert message in printed


def test_what_argparse_refuses_has_status_2_too() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["track", "x", "--conf", "high"])
    assert caught.value.code == 2


def test_settings_in_force_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "--preset", "kitti-mots", "--conf", "0.33", "--print-settings"]) == 0
    printed = capsys.readouterr().out
    assert "conf = 0.33\n" in printed
    assert "default_rate = 10.0\n" in printed
    (tmp_path / "s.toml").write_text(printed)
    assert main(["track", "--settings", str(tmp_path / "s.toml"), "--print-settings"]) == 0
    assert capsys.readouterr().out == printed


def test_a_changed_setting_and_all_classes(
    detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["track", str(detections), "--output", str(tmp_path / "out"), "--classes", "all", "--overwrite"]
    assert main(arguments) == 0
    everything = capsys.readouterr().out
    assert main([*arguments, "--set", "tracker.lifecycle.new_score=0.95"]) == 0
    assert capsys.readouterr().out != everything


def test_version_and_help_answer() -> None:
    assert command("--version").stdout == f"mots {__version__}\n"
    for words in (["--help"], ["track", "--help"], ["detect", "--help"], ["demo", "--help"]):
        done = command(*words)
        assert done.returncode == 0
        assert done.stdout.startswith("usage: mots")
    helped = command("track", "--help").stdout
    flags = "--output --weights --classes --conf --imgsz --device --detections --preset --settings --video --quiet"
    assert all(flag in helped for flag in [*flags.split(), "--overwrite"])
    assert "default" in PRESETS


def test_the_help_lists_each_command_once_by_purpose_on_one_line() -> None:
    lines = command("--help").stdout.splitlines()
    begin = next(place for place, line in enumerate(lines) if line == "track:")
    listed = [line.split()[0] for line in lines[begin:] if line.startswith("  ")]
    names = [name for group in entry.build_parser().groups for name, _ in group[1]]
    assert listed == names
    assert len(set(listed)) == len(listed) == sum(len(modules) for modules in entry.COMMANDS.values())
    assert all(len(line) <= 80 for line in lines[begin:])
    assert [line for line in lines[begin:] if line.endswith(":")] == [
        "track:", "look and count:", "score and submit:", "convert:", "label and train:",
    ]  # fmt: skip


def test_help_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, runpy; sys.argv = ['mots', '--help']\n"
        "try: runpy.run_module('mots')\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'rich', 'av', 'scipy') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).endswith("[]\n")


def test_ctrl_c_leaves_valid_results_and_status_130(tmp_path: Path) -> None:
    path, found = tmp_path / "long.npz", [WORLD.detections(k) for k in range(40)]
    with saved.DetectionWriter(path, 25.0, {}) as writer:
        for k in range(4000):
            writer.write(k, k / 25, found[k % 40])
    process = subprocess.Popen(
        [sys.executable, "-m", "mots", "track", str(path), "--output", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "out/long.txt.part"
    for _ in range(600):
        if part.is_file() and part.stat().st_size > 2000:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert printed.rstrip().endswith("mots: stopped; what was done so far is written")
    assert "Traceback" not in printed
    frames = list(mots_text.read(tmp_path / "out/long.txt"))
    assert 0 < len(frames) < 4000
    assert (tmp_path / "out/tracks.csv").is_file()
    assert not part.exists()


def test_a_corrupt_image_is_a_warning_and_the_run_goes_on(tmp_path: Path, detections: Path) -> None:
    (tmp_path / "walk").mkdir()
    for k in range(12):
        Image.fromarray(np.zeros((90, 160, 3), np.uint8)).save(tmp_path / f"walk/{k:06d}.png")
    (tmp_path / "walk/000005.png").write_bytes(b"broken")
    done = command("track", "walk", "--detections", "street.npz", "--output", "out", "--quiet", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("mots: warning: walk/000005.png: frame 5 is skipped")
    assert len(done.stderr.splitlines()) == 2  # the second: detections of more frames than there are
    assert 5 not in {frame.frame for frame in mots_text.read(tmp_path / "out/walk.txt")}


def test_images_of_two_sizes_end_the_run_with_the_frames_before_on_disk(tmp_path: Path, detections: Path) -> None:
    (tmp_path / "walk").mkdir()
    for k in range(12):
        size = (90, 160, 3) if k < 10 else (50, 50, 3)
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / f"walk/{k:06d}.png")
    done = command("track", "walk", "--detections", "street.npz", "--output", "out", "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert "walk/000010.png: an image of 50 x 50 among ones of 90 x 160" in done.stderr
    assert "Traceback" not in done.stderr
    assert [frame.frame for frame in mots_text.read(tmp_path / "out/walk.txt")][-1] == 9


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--frames", "0"],
        ["demo", "--seed", "-1"],
        ["score", "a", "b", "--jobs", "0"],
        ["tune", "a", "b", "--trials", "none"],
        ["dataset", "yolo", "--root", "a", "--output", "b", "--height", "0"],
        ["track", "a", "--nothing"],
        ["fly"],
        [],
    ],
)
def test_a_flag_without_sense_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mots: error: ")
    assert line.endswith("--help)")


def test_a_full_standard_output_is_one_line(detections: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mots", "track", str(detections), "--output", str(tmp_path / "o")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_utf_8_is_written_with_a_mark(detections: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/bad\xff.npz"
    with open(odd, "wb") as file:
        file.write(detections.read_bytes())
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"mots", b"track", odd, b"--output", os.fsencode(tmp_path / "o")],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["bad_.txt", "tracks.csv"]
