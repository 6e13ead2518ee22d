import zipfile
from pathlib import Path

import numpy as np
import pytest

from mots.benchmarks import submission
from mots.benchmarks.submission import submit
from mots.benchmarks.validation import validate
from mots.cli import main
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.errors import MotsError
from mots.formats import kitti_step
from mots.trackers.masks import Masks

LINE = "{} 2001 2 6 8 " + rle.encode(runs_of(Masks.from_images(np.ones((1, 6, 8), np.bool_))))[0].decode() + "\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of two sequences, and the sequence map that asks for them."""
    (tmp_path / "x.seqmap").write_text("0000 empty 000000 000004\n0001 empty 000000 000002\n")
    (tmp_path / "r").mkdir()
    (tmp_path / "r/0000.txt").write_text(LINE.format(0) + LINE.format(4))
    (tmp_path / "r/0001.txt").write_text("")
    (tmp_path / "r/0002.txt").write_text(LINE.format(99))
    return tmp_path


def test_the_text_files_lie_at_the_root_and_only_those_of_the_split(results: Path) -> None:
    said = submit(results / "r", results / "out/up.zip", split=str(results / "x.seqmap"))
    assert said.startswith("2 files, ")
    with zipfile.ZipFile(results / "out/up.zip") as archive:
        assert archive.namelist() == ["0000.txt", "0001.txt"]
        assert archive.read("0000.txt") == (results / "r/0000.txt").read_bytes()
    first = (results / "out/up.zip").read_bytes()
    submit(results / "r", results / "out/up.zip", split=str(results / "x.seqmap"))
    assert (results / "out/up.zip").read_bytes() == first
    # An archive that was packed is good, and packs to itself.
    submit(results / "out/up.zip", results / "again.zip", split=str(results / "x.seqmap"))
    assert (results / "again.zip").read_bytes() == first


def test_what_a_kit_refuses_is_not_packed(results: Path) -> None:
    (results / "r/0000.txt").write_text(LINE.format(0) + LINE.format(0).replace("2001", "2002") + LINE.format(5))
    with pytest.raises(MotsError, match=r"0000\.txt:3: frame 5: .* \(and 1 more\): nothing was packed; mots validate"):
        submit(results / "r", results / "up.zip", split=str(results / "x.seqmap"))
    (results / "r/0001.txt").unlink()
    with pytest.raises(MotsError, match="sequence 0001 is missing"):
        submit(results / "r", results / "up.zip", split=str(results / "x.seqmap"))
    assert not list(results.glob("up.zip*"))


def test_the_server_s_limit_holds(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(submission.LIMITS, "kitti-mots", 100)
    with pytest.raises(MotsError, match="bytes, and the server takes 100: nothing was packed"):
        submit(results / "r", results / "up.zip", split=str(results / "x.seqmap"))
    assert not list(results.glob("up.zip*"))


def test_kitti_step_is_packed_in_the_layout_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x.seqmap").write_text("0000 empty 000000 000001\n")
    (tmp_path / "r/0000").mkdir(parents=True)
    for frame in (0, 1):
        kitti_step.write(tmp_path / f"r/0000/{frame:06d}.png", np.full((6, 8), 255 << 16, np.uint32))
    split = str(tmp_path / "x.seqmap")
    arguments = ["submit", str(tmp_path / "r"), "--benchmark", "kitti-step", "--split", split, "--output"]
    assert main([*arguments, str(tmp_path / "a.zip")]) == 0
    assert main([*arguments, str(tmp_path / "b.zip"), "--layout", "panoptic/{sequence}_{frame:06d}.png"]) == 0
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["0000/000000.png", "0000/000001.png"]
    assert zipfile.ZipFile(tmp_path / "b.zip").namelist() == ["panoptic/0000_000000.png", "panoptic/0000_000001.png"]


def test_the_command_overwrites_nothing_unasked(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["submit", str(results / "r"), "--split", str(results / "x.seqmap"), "--output", str(results / "u.zip")]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "replace it (--output, --overwrite)" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    assert main([*arguments[:-1], str(results / "u.tar")]) == 2


NAMES = ("01", "06", "07", "12")


def mots20(folder: Path, name: str) -> Path:
    folder.mkdir()
    for number in NAMES:
        (folder / f"{name.format(number)}.txt").write_text(LINE.format(1))
    return folder


@pytest.mark.parametrize("name", ["00{}", "MOTS20-{}"])
def test_mots20_is_packed_under_the_servers_names(name: str, tmp_path: Path) -> None:
    submit(mots20(tmp_path / "r", name), tmp_path / "up.zip", "mots20")
    assert zipfile.ZipFile(tmp_path / "up.zip").namelist() == [f"MOTS20-{number}.txt" for number in NAMES]


def test_an_archive_with_short_names_is_refused_as_the_server_would(tmp_path: Path) -> None:
    folder = mots20(tmp_path / "r", "00{}")
    assert [(fault.rule, fault.refused) for fault in validate(folder, "mots20")] == [("name", False)] * 4
    with zipfile.ZipFile(tmp_path / "short.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    with pytest.raises(MotsError, match=r"the file's name must be the sequence's: MOTS20-\d\d\.txt"):
        submit(tmp_path / "short.zip", tmp_path / "up.zip", "mots20")
    assert not (tmp_path / "up.zip").exists()
