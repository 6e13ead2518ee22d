from pathlib import Path

import pytest
from conftest import files_of_at_most

from mots.files import FrameFile, write_whole


def test_a_file_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "x.txt")
    file.append(b"one\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt.part"]
    file.append(b"two\n")
    file.close()
    assert (tmp_path / "x.txt").read_bytes() == b"one\ntwo\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_a_frame_that_does_not_fit_leaves_the_ones_before(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "x.txt")
    file.append(b"a" * 600)
    with files_of_at_most(700), pytest.raises(OSError, match="File too large"):
        file.append(b"b" * 200)
    file.append(b"c" * 50)
    file.close()
    assert (tmp_path / "x.txt").read_bytes() == b"a" * 600 + b"c" * 50


def test_what_is_discarded_leaves_the_file_before(tmp_path: Path) -> None:
    write_whole(tmp_path / "x.txt", b"first")
    file = FrameFile(tmp_path / "x.txt")
    file.append(b"second")
    file.discard()
    with files_of_at_most(700), pytest.raises(OSError, match="File too large"):
        write_whole(tmp_path / "x.txt", b"x" * 1400)
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]
    assert (tmp_path / "x.txt").read_bytes() == b"first"
