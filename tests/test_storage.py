"""Archives, JSON and arrays of strangers: what is good is read, and what is not is one sentence with the file's
name."""

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mots.errors import FormatError
from mots.storage import archive, json_file, seqinfo
from mots.storage.array_file import ArrayFile


def packed(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as each:
        warnings.simplefilter("ignore")  # of a name twice
        for name, content in members:
            each.writestr(name, content)
    return path


def changed(path: Path, offset: tuple[int, int], value: int) -> Path:
    """A byte of the local and of the central header of the first member, or'ed with a value."""
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\3\4") + offset[0]] |= value
    content[content.index(b"PK\1\2") + offset[1]] |= value
    path.write_bytes(content)
    return path


def test_a_good_archive_is_read_and_junk_is_passed_over(tmp_path: Path) -> None:
    path = packed(tmp_path / "r.zip", ("0002.txt", b"abc"), ("__MACOSX/._0002.txt", b"\0"), ("a/Thumbs.db", b"\0"))
    assert archive.members(path) == ["0002.txt"]
    assert archive.read_member(path, "0002.txt") == b"abc"


def test_an_archive_that_is_kept_open_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "r.zip", *((f"{k}.txt", b"%d" % k) for k in range(50)))
    lists: list[Path] = []
    opened = zipfile.ZipFile.__init__

    def noted(self: zipfile.ZipFile, file: Any, *more: Any, **named: Any) -> None:
        lists.append(file)
        opened(self, file, *more, **named)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", noted)
    with archive.kept_open(path):
        assert [archive.read_member(path, f"{k}.txt") for k in range(50)] == [b"%d" % k for k in range(50)]
        with archive.kept_open(path):  # again, inside
            assert archive.read_member(path, "7.txt") == b"7"
        assert archive.read_member(path, "8.txt") == b"8"
        with pytest.raises(FormatError, match="holds no 'x'"):
            archive.read_member(path, "x")
    assert len(lists) == 1
    assert archive.read_member(path, "9.txt") == b"9"
    assert len(lists) == 2
    for other in (tmp_path, tmp_path / "none.zip"):
        with archive.kept_open(other):
            pass


BAD: dict[str, Any] = {
    "encrypted": lambda path: changed(packed(path, ("a.txt", b"x")), (6, 8), 1),
    "no archive": lambda path: path.write_bytes(b"not a zip") and path,
    "empty": lambda path: path if path.write_bytes(b"") == 0 else None,
    "a name twice": lambda path: packed(path, ("a.txt", b"x"), ("a.txt", b"y")),
    "a name that climbs": lambda path: packed(path, ("../a.txt", b"x")),
    "an absolute name": lambda path: packed(path, ("/a.txt", b"x")),
    "a name for the terminal": lambda path: packed(path, ("\x1b[31ma.txt", b"x")),
    "a bomb": lambda path: packed(path, ("a.txt", b"\n" * (64 << 20))),
    "cut off": lambda path: path.write_bytes(packed(path, ("a.txt", b"x" * 500)).read_bytes()[:-30]) and path,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_one_sentence(name: str, tmp_path: Path) -> None:
    path = BAD[name](tmp_path / "bad.zip")
    with pytest.raises(FormatError, match=r"bad\.zip") as caught:
        archive.members(path)
    assert str(caught.value).isprintable()


def test_a_damaged_member_is_one_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "bad.zip", ("a.txt", bytes(range(256)) * 40))
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"bad\.zip/a\.txt: cannot be read"):
        archive.read_member(path, "a.txt")
    unknown = changed(
        packed(tmp_path / "odd.zip", ("a.txt", b"x" * 99), method=zipfile.ZIP_STORED), (8, 10), 9
    )  # Deflate64
    with pytest.raises(FormatError, match=r"odd\.zip/a\.txt: cannot be read"):
        archive.read_member(unknown, "a.txt")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: json_file.whole("x", "p: frame"), "p: frame: 'x' where a whole number from 0 to 2147483647 is due"),
        (lambda: json_file.whole(1e400, "p"), "inf where"),
        (lambda: json_file.whole(2**31, "p"), "2147483648 where"),
        (lambda: json_file.whole(True, "p"), "True where"),
        (lambda: json_file.whole(1.5, "p"), "1.5 where"),
        (lambda: json_file.number("1", "p"), "'1' where a number"),
        (lambda: json_file.text(None, "p"), "None where a text"),
        (lambda: list(json_file.items({}, "p")), "{} where a list"),
        (lambda: json_file.item([], "id", "p"), r"\[\] where an object with 'id'"),
        (lambda: json_file.item({}, "id", "p"), "p: no 'id'"),
        (lambda: json_file.size_of(50_000, 50_000, "p"), "more than 2147483647 pixels"),
        (lambda: json_file.size_of(0, 5, "p"), "height: 0 where a whole number from 1"),
    ],
)
def test_json_of_another_type_is_named(call: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        call()


def test_json_of_the_right_type_is_taken() -> None:
    assert [json_file.whole(value, "p") for value in (7, 7.0, "7", " 7 ")] == [7] * 4
    assert json_file.size_of(40_000, 50_000, "p") == (40_000, 50_000)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff\xfe", b"", b"{'a': 1}"])
def test_what_is_no_json_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.json: not JSON"):
        json_file.load(tmp_path / "x.json")


def npz(path: Path, header: bytes, content: bytes = b"") -> Path:
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    return packed(path, ("a.npy", magic + content))


def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(12.0).reshape(3, 4),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array("text"),
    }
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    with ArrayFile(tmp_path / "x.npz") as opened:
        assert opened.names == {"a", "b", "c"}
        for name, array in arrays.items():
            read = opened.read(name)
            assert read.dtype == array.dtype
            assert (read == array).all()


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
        b"{'descr': '<f8', 'shape': (1,)}\n",
        b"__import__('os').abort()\n",
    ],
)
def test_an_array_that_cannot_be_is_one_sentence(header: bytes, tmp_path: Path) -> None:
    with (
        ArrayFile(npz(tmp_path / "x.npz", header, bytes(16))) as opened,
        pytest.raises(FormatError, match=r"x\.npz: array 'a'"),
    ):
        opened.read("a")


def test_no_object_of_python_is_made(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([json.JSONDecoder], object), allow_pickle=True)
    packed(tmp_path / "x.npz", ("a.npy", content.getvalue()))
    with ArrayFile(tmp_path / "x.npz") as opened, pytest.raises(FormatError, match="is not what follows"):
        opened.read("a")


def test_seqinfo_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "seqinfo.ini"
    file.write_text("\ufeff[Sequence]\nname=a%b\nseqLength=12\n", encoding="utf-8")
    assert (seqinfo.value(file, "seqLength"), seqinfo.value(file, "name")) == ("12", "a%b")
    assert seqinfo.value(file, "frameRate") is None
    for content, message in (
        (b"seqLength=12\n", "no section headers"),
        (b"[Other]\nseqLength=12\n", r"no section \[Sequence\]"),
        (b"[Sequence]\nseqLength=1\nseqLength=2\n", "already exists"),
        (b"\xff\xfe\0", "section"),
    ):
        file.write_bytes(content)
        with pytest.raises(FormatError, match=rf"seqinfo\.ini: .*{message}") as caught:
            seqinfo.value(file, "seqLength")
        assert "\n" not in str(caught.value)
