import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_scoring import with_trackeval

from mots.benchmarks.registry import benchmark_named
from mots.benchmarks.repair import fix, repaired
from mots.benchmarks.validation import validate
from mots.cli import main
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.errors import MotsError
from mots.formats import kitti_step
from mots.formats.faults import Fault
from mots.trackers.masks import Masks

FRAMES = 20
SIZE = (60, 90)
BENCH = benchmark_named("kitti-mots")


def good(seed: int) -> list[bytes]:
    """The lines of a good result file: some of four objects in each frame, each in a quarter of its own."""
    rng = np.random.default_rng(seed)
    found = []
    for frame, k in np.argwhere(rng.random((FRAMES, 4)) < 0.7).tolist():
        y, x = 30 * (k // 2) + int(rng.integers(0, 10)), 45 * (k % 2) + int(rng.integers(0, 10))
        encoded = mask(slice(y, y + int(rng.integers(1, 20))), slice(x, x + int(rng.integers(1, 30))))
        found.append(b"%d %d %d 60 90 %b" % (frame, 1001 + k if k < 2 else 1999 + k, 1 if k < 2 else 2, encoded))
    return found


def mask(rows: slice, columns: slice, size: tuple[int, int] = SIZE) -> bytes:
    image = np.zeros((1, *size), np.bool_)
    image[0, rows, columns] = True
    return rle.encode(runs_of(Masks.from_images(image)))[0]


def fields(line: bytes) -> list[bytes]:
    return line.split(b" ")


Break = Callable[[np.random.Generator, list[bytes]], list[bytes]]


def at_one_line(change: Callable[[np.random.Generator, list[bytes]], bytes]) -> Break:
    """A break of one line's fields."""

    def broken(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
        row = int(rng.integers(len(lines)))
        return [*lines[:row], change(rng, fields(lines[row])), *lines[row + 1 :]]

    return broken


def field(place: int, value: bytes) -> Break:
    return at_one_line(lambda rng, parts: b" ".join([*parts[:place], value, *parts[place + 1 :]]))


def doubled(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    row = int(rng.integers(len(lines)))
    return [*lines, lines[row]]


def same_id(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    """One id twice in a frame, across classes, on pixels of its own."""
    parts = fields(lines[int(rng.integers(len(lines)))])
    other = b"1" if parts[2] == b"2" else b"2"
    taken = [rle.decode([fields(line)[5]], SIZE) for line in lines if fields(line)[0] == parts[0]]
    free = np.ones(SIZE[0] * SIZE[1], np.bool_)
    for runs in taken:
        for a, b in zip(runs.starts.tolist(), runs.stops.tolist(), strict=True):
            free[a:b] = False
    image = np.zeros((1, *SIZE), np.bool_)
    pixel = int(rng.choice(np.flatnonzero(free)))
    image[0, pixel % SIZE[0], pixel // SIZE[0]] = True
    encoded = rle.encode(runs_of(Masks.from_images(image)))[0]
    return [*lines, b" ".join([parts[0], parts[1], other, parts[3], parts[4], encoded])]


def overlapping(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    """A new id over the middle of another one's mask."""
    parts = fields(lines[int(rng.integers(len(lines)))])
    runs = rle.decode([parts[5]], SIZE)
    pixel = int(runs.starts[rng.integers(len(runs.starts))])
    y, x = pixel % SIZE[0], pixel // SIZE[0]
    encoded = mask(slice(max(y - 3, 0), y + 2), slice(max(x - 3, 0), x + 2))
    return [*lines, b" ".join([parts[0], b"2999", b"2", parts[3], parts[4], encoded])]


def empty(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    parts = fields(lines[int(rng.integers(len(lines)))])
    return [*lines, b" ".join([parts[0], b"2998", b"2", parts[3], parts[4], mask(slice(0, 0), slice(0, 0))])]


def other_size(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    row = int(rng.integers(1, len(lines)))
    parts = fields(lines[row])
    return [
        *lines[:row],
        b" ".join([*parts[:3], b"61", b"90", mask(slice(0, 5), slice(0, 5), (61, 90))]),
        *lines[row + 1 :],
    ]


# rule: (how it is broken, whether --fix repairs it, whether the kits refuse it)
BREAKS: dict[str, tuple[Break, bool, bool]] = {
    "fields": (at_one_line(lambda rng, parts: b" ".join(parts[: int(rng.integers(1, 6))])), False, True),
    "number": (field(1, b"2o01"), False, True),
    "frame before": (field(0, b"-1"), False, True),
    "frame after": (field(0, b"%d" % FRAMES), False, True),
    "id": (field(1, b"-5"), False, True),
    "class": (field(2, b"4"), False, True),
    "class of ours": (field(2, b"12"), True, True),
    "ignore region": (field(2, b"10"), True, True),
    "size": (other_size, False, True),
    "mask": (at_one_line(lambda rng, parts: b" ".join([*parts[:5], parts[5][:-1] + b"P"])), False, True),
    "mask too long": (at_one_line(lambda rng, parts: b" ".join([*parts[:5], parts[5] + b"9"])), False, True),
    "twice, the same": (doubled, True, True),
    "twice, another": (same_id, False, True),
    "overlap": (overlapping, True, True),
    "empty": (empty, True, False),
    "line end": (lambda rng, lines: [line + b"\r" for line in lines], True, False),
    "blank": (lambda rng, lines: [*lines[:3], b"", *lines[3:]], True, True),
    "spaces": (at_one_line(lambda rng, parts: b"  ".join(parts)), True, True),
    "edges": (at_one_line(lambda rng, parts: b" ".join(parts) + b" "), True, False),
}
RULE = {"twice": "twice", "frame": "frame", "mask": "mask", "class": "class", "ignore": "class"}


def findings(folder: Path, lines: list[bytes]) -> list[Fault]:
    folder.mkdir(exist_ok=True)
    (folder / "0000.txt").write_bytes(b"".join(line + b"\n" for line in lines))
    (folder.parent / "x.seqmap").write_text(f"0000 empty 000000 {FRAMES - 1:06d}\n")
    return validate(folder, "kitti-mots", str(folder.parent / "x.seqmap"))


@pytest.mark.parametrize("name", BREAKS)
def test_each_fault_is_found_and_repaired_where_possible(name: str, tmp_path: Path) -> None:
    change, repairable, refused = BREAKS[name]
    rule = RULE.get(name.replace(",", "").split(" ")[0], name)
    for seed in range(53):  # with all breaks, a thousand broken files
        rng = np.random.default_rng(seed)
        lines = good(seed)
        assert findings(tmp_path / "good", lines) == []
        broken = change(rng, lines)
        found = findings(tmp_path / "broken", broken)
        assert any(fault.rule == rule and fault.refused == refused for fault in found), found
        changes = fix(tmp_path / "broken", tmp_path / "fixed", overwrite=True)
        after = validate(tmp_path / "fixed", "kitti-mots", str(tmp_path / "x.seqmap"))
        assert (after == []) == repairable
        assert bool(changes) == repairable
        assert validate(tmp_path / "broken", "kitti-mots", str(tmp_path / "x.seqmap")) == found  # nothing was changed


@pytest.mark.parametrize("name", [None, "overlap", "twice, the same", "twice, another", "frame after", "frame before"])
def test_trackeval_refuses_them_as_well(name: str | None, tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval", reason="the dev extra is not installed")
    lines = good(1)
    broken = lines if name is None else BREAKS[name][0](np.random.default_rng(0), lines)
    for folder, content in (("truth", lines), ("results", broken)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0000.txt").write_bytes(b"".join(line + b"\n" for line in content))
    try:
        with_trackeval(tmp_path / "truth", tmp_path / "results", {"0000": FRAMES}, "kitti-mots")
    except trackeval.utils.TrackEvalException:
        refused = True
    else:
        refused = False
    assert refused == (name is not None)
    assert refused == any(fault.refused for fault in findings(tmp_path / "own", broken))


def test_a_fault_names_its_place_and_ids(tmp_path: Path) -> None:
    lines = [
        b"0 1001 1 60 90 " + mask(slice(0, 10), slice(0, 10)),
        b"0 2001 2 60 90 " + mask(slice(8, 12), slice(0, 10)),
        b"3 2001 2 60 90 " + mask(slice(8, 12), slice(0, 10)),
        b"3 2001 2 60 90 " + mask(slice(20, 22), slice(0, 10)),
        b"99 2001 2 60 90 " + mask(slice(8, 12), slice(0, 10)),
    ]
    found = {fault.rule: fault for fault in findings(tmp_path / "r", lines)}
    assert set(found) == {"overlap", "twice", "frame"}
    overlap = found["overlap"]
    assert (overlap.line, overlap.frame, overlap.ids, overlap.pixels) == (2, 0, (1001, 2001), 20)
    assert str(overlap).endswith(
        "0000.txt:2: frame 0: ids 1001 and 2001 share 20 pixels: masks of a frame must be disjoint"
    )
    assert (found["twice"].line, found["twice"].frame, found["twice"].ids) == (4, 3, (2001,))
    assert "frames 0 to 19" in str(found["frame"])


def test_overlaps_are_repaired_by_order_and_nothing_else_changes() -> None:
    first, second = mask(slice(0, 10), slice(0, 10)), mask(slice(5, 20), slice(0, 10))
    content = b"0 1001 1 60 90 %b\n0 2001 2 60 90 %b\n1 2001 2 60 90 %b\n" % (first, second, second)
    changes: list[Fault] = []
    fixed = repaired(content, "x.txt", BENCH, changes.append)
    rest = mask(slice(10, 20), slice(0, 10))
    assert fixed == b"0 1001 1 60 90 %b\n0 2001 2 60 90 %b\n1 2001 2 60 90 %b\n" % (first, rest, second)
    assert [(change.line, change.frame, change.ids, change.pixels) for change in changes] == [(2, 0, (2001,), 50)]
    assert repaired(fixed, "x.txt", BENCH, changes.append) == fixed
    assert len(changes) == 1


def test_a_mask_inside_earlier_masks_is_removed() -> None:
    first = mask(slice(0, 10), slice(0, 10))
    content = b"0 1001 1 60 90 %b\n0 2001 2 60 90 %b\n" % (first, mask(slice(2, 4), slice(2, 4)))
    changes: list[Fault] = []
    assert repaired(content, "x.txt", BENCH, changes.append) == b"0 1001 1 60 90 %b\n" % first
    assert "earlier masks have all pixels of id 2001" in str(changes[0])


def test_frames_are_shifted_only_when_told() -> None:
    content = b"1 1001 1 60 90 %b\n" % mask(slice(0, 10), slice(0, 10))
    assert repaired(content, "x.txt", BENCH, lambda change: None) == content
    changes: list[Fault] = []
    assert repaired(content, "x.txt", BENCH, changes.append, shift=-1).startswith(b"0 1001 1")
    assert "frame 1 is now 0" in str(changes[0])


def test_archives_folders_and_splits(tmp_path: Path) -> None:
    content = b"".join(line + b"\n" for line in good(0))
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("results/0002.txt", content)
    (deep,) = validate(tmp_path / "r.zip")
    assert deep.rule == "folder"
    (tmp_path / "r").mkdir()
    with pytest.raises(MotsError, match="no results here"):
        validate(tmp_path / "r")
    (tmp_path / "r/0002.txt").write_bytes(content)
    missing = validate(tmp_path / "r", split="val")
    assert [fault.rule for fault in missing] == ["missing"] * 8
    assert "sequence 0006 is missing: wanted 0006.txt (an empty one is fine)" in str(missing[0])
    (tmp_path / "r/0003.txt").write_bytes(b"what is this?\n")
    assert len(validate(tmp_path / "r", split="val")) == 8  # 0003 is none of val's
    assert len(validate(tmp_path / "r")) == 1


def test_step_folders(tmp_path: Path) -> None:
    codes = np.full((6, 8), 255 << 16, np.uint32)
    for frame in (0, 1, 3):
        (tmp_path / "r/0000").mkdir(parents=True, exist_ok=True)
        kitti_step.write(tmp_path / f"r/0000/{frame:06d}.png", codes)
    (missing,) = validate(tmp_path / "r", "kitti-step")
    assert (missing.rule, missing.frame) == ("missing", 2)
    kitti_step.write(tmp_path / "r/0000/000002.png", codes[:5])
    kitti_step.write(tmp_path / "r/0000/000003.png", np.full((6, 8), 40 << 16, np.uint32))
    (tmp_path / "r/0000/000001.png").write_bytes(b"no picture")
    assert [fault.rule for fault in validate(tmp_path / "r", "kitti-step")] == ["picture", "size", "class"]


def test_the_command_lists_all_and_exits_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng, lines = np.random.default_rng(0), good(0)
    findings(tmp_path / "r", overlapping(rng, empty(rng, lines)))
    split = str(tmp_path / "x.seqmap")
    assert main(["validate", str(tmp_path / "r"), "--split", split, "--json", str(tmp_path / "f.json")]) == 1
    said = capsys.readouterr().out
    assert "must be disjoint" in said
    assert "has no pixels (untidy; not refused)" in said
    listed = json.loads((tmp_path / "f.json").read_text())
    assert {each["rule"] for each in listed} == {"overlap", "empty"}
    assert all(each["line"] > 0 and each["ids"] for each in listed)
    assert main(["validate", str(tmp_path / "r"), "--split", split, "--fix", "--output", str(tmp_path / "m")]) == 0
    said = capsys.readouterr().out
    assert "removed: id 2998 has no pixels" in said
    assert "to earlier masks" in said or "earlier masks have all" in said
    assert f"{tmp_path / 'm'}: good" in said
    assert main(["validate", str(tmp_path / "r"), "--shift-frames", "1"]) == 2


def test_a_repair_never_replaces_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    untidy = b"".join(line + b"\r\n" for line in good(0))
    (folder / "0000.txt").write_bytes(untidy)
    (tmp_path / "link").symlink_to(folder)
    for output in (folder, tmp_path / "link"):
        for more in ([], ["--overwrite"]):
            assert main(["validate", str(folder), "--fix", "--output", str(output), *more]) == 2
            assert "is the original: choose another folder" in capsys.readouterr().err
    assert (folder / "0000.txt").read_bytes() == untidy
    words = ["validate", str(folder), "--fix", "--output", str(tmp_path / "fixed")]
    assert main(words) == 0
    assert main(words) == 2
    assert "exists: choose another folder or replace it (--output, --overwrite)" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_names_and_messages_cannot_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0000.txt").write_bytes(b"0 2001 2 10 10 \x1b[31mx\n")
    assert main(["validate", str(tmp_path)]) == 1
    assert "\x1b" not in capsys.readouterr().out
    (tmp_path / "a\x1b[2Jb.txt").write_bytes(b"")
    assert main(["validate", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "is no name of a sequence" in said
