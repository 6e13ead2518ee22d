import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import files_of_at_most

from mots.errors import InputError
from mots.files import FrameFile, check_target, new_folder, only_user, read_file, write_whole


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


PNG = frozenset({".png"})


def write_folder(path: Path, names: list[str], error: type[BaseException] | None = None) -> None:
    with new_folder(path, PNG) as folder:
        for name in names:
            (folder / name).write_text(name)
        if error is not None:
            raise error


def names_in(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_is_the_old_one_or_the_new_one(at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not at_once:  # as on a system that cannot exchange two names
        monkeypatch.setattr(sys, "platform", "win32")
    write_folder(tmp_path / "t", ["1.png", "2.png"])
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "t", ["3.png"], KeyboardInterrupt)
    assert (names_in(tmp_path / "t"), names_in(tmp_path)) == (["1.png", "2.png"], ["t"])
    write_folder(tmp_path / "t", ["3.png"])
    assert (names_in(tmp_path / "t"), names_in(tmp_path)) == (["3.png"], ["t"])


def test_a_folder_with_somebody_s_files_is_not_replaced(tmp_path: Path) -> None:
    write_folder(tmp_path / "t", ["1.png"])
    (tmp_path / "t/notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files, as notes\.md"):
        write_folder(tmp_path / "t", ["3.png"])
    assert names_in(tmp_path / "t") == ["1.png", "notes.md"]
    with pytest.raises(InputError, match="a file where a folder is to be written"):
        write_folder(tmp_path / "t/notes.md", ["3.png"])


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mots.files import only_user\n"
        "with only_user(Path(sys.argv[1]), 'taken'): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=r"^taken$"), only_user(tmp_path / "lock", "taken"):
            pass
        process.kill()
    with only_user(tmp_path / "lock", "taken"):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a file"):
            read_file(path)


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("x")
    (tmp_path / "in/a.json").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "in/a.txt")
    source, file = tmp_path / "in", tmp_path / "in/a.txt"
    for path, sources, message in (
        (file, [file], "is what is read"),
        (tmp_path / "link.txt", [file], "is what is read"),
        (source, [source], "is what is read"),
        (source, [file], "holds .*which is read"),
        (tmp_path, [None, source / "deep"], "holds .*which is read"),
        (file, [source], "lies in .*which is read"),
        (source / "new.txt", [source], "lies in .*which is read"),
        (source / "plots", [source], "lies in .*which is read"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            check_target(path, True, sources, ("json",))
        assert caught.value.parameters == ("json",)
    for path, sources in (
        (file, [tmp_path / "none", None]),
        (source / "a.json", [source]),
        (source / "new.json", [source]),
        (tmp_path / "new.txt", [source]),
    ):
        check_target(path, True, sources)
    (tmp_path / "k.zip.part").write_text("good")
    with pytest.raises(InputError, match=r"is written as .*first, which is read"):
        check_target(tmp_path / "k.zip", True, [tmp_path / "k.zip.part"])
    with pytest.raises(InputError, match="exists: choose another folder or replace it") as caught:
        check_target(file, False, [])
    assert caught.value.parameters == ("output", "overwrite")


def test_temporary_names_take_nobody_s_file(tmp_path: Path) -> None:
    for name in ("a.txt.part", ".a.txt.part"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part/keep").write_text("mine")
    write_whole(tmp_path / "a.txt", b"new")
    with new_folder(tmp_path / "out", frozenset({".txt"})) as folder:
        (folder / "x.txt").write_text("x")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert [(tmp_path / name).read_text() for name in ("a.txt.part", ".a.txt.part", ".out.part/keep")] == ["mine"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a.txt.part", ".out.part", "a.txt", "a.txt.part", "out",
    ]  # fmt: skip
    if os.name != "nt":
        mask = os.umask(0)
        os.umask(mask)
        assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask
        assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~mask
