from pathlib import Path

import pytest

from mots.benchmarks.registry import BENCHMARKS, benchmark_named, seqmap, split_lengths
from mots.errors import MotsError


def test_kitti_lengths_are_those_of_its_sequence_maps(shared: Path) -> None:
    splits = BENCHMARKS["kitti-mots"].splits
    folder = shared / "data/kitti_mots"
    assert seqmap(folder / "val.seqmap") == splits["val"]
    assert seqmap(folder / "test.seqmap") == splits["test"]
    assert seqmap(folder / "fulltrain.seqmap") == {**splits["train"], **splits["val"]}
    assert BENCHMARKS["kitti-mots"].lengths() == {**splits["train"], **splits["val"]}


def test_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.seqmap").write_text("0002 empty 000000 000232\n\n0006 empty\n")
    with pytest.raises(MotsError, match=r"x\.seqmap:3: expected .*, found '0006 empty'"):
        seqmap(tmp_path / "x.seqmap")
    with pytest.raises(MotsError, match="the sequence map cannot be read"):
        seqmap(tmp_path / "no.seqmap")
    with pytest.raises(MotsError, match="unknown benchmark 'x': there are kitti-mots, mots20, kitti-step, bdd-mots"):
        benchmark_named("x")


@pytest.mark.parametrize(
    ("content", "benchmark", "lengths"),
    [
        (b"0002 empty 000001 000010\n", "mots20", {"MOTS20-02": 10}),  # mots_tools counts from 1
        (b"0002 empty 000000 000009\n", "mots20", {"MOTS20-02": 10}),
        (b"0002 empty 000000 000232\n", "kitti-mots", {"0002": 233}),
        (b"0002 empty 000001 000232\n", "kitti-mots", {"0002": 233}),  # as TrackEval reads it
        (b"name\nMOTS20-02\nMOTS20-05\n", "mots20", {"MOTS20-02": 600, "MOTS20-05": 837}),
        (b"name\nmine\n", "mots20", {"mine": 0}),
        (b"\xef\xbb\xbf0002 empty 000000 000009\r\n\r\n", "kitti-mots", {"0002": 10}),
    ],
)
def test_the_kits_own_maps_are_read(content: bytes, benchmark: str, lengths: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "x.seqmap").write_bytes(content)
    assert split_lengths(benchmark_named(benchmark), str(tmp_path / "x.seqmap")) == lengths


@pytest.mark.parametrize(
    "line",
    ["../x empty 0 9", "/etc empty 0 9", "a/b empty 0 9", "\x1b[31m empty 0 9", "0002 empty 9 x", "2 empty 0 1e9"],
)
def test_a_map_names_sequences_and_no_paths(line: str, tmp_path: Path) -> None:
    (tmp_path / "x.seqmap").write_text(f"0001 empty 0 9\n{line}\n")
    with pytest.raises(MotsError, match=r"x\.seqmap:2: "):
        seqmap(tmp_path / "x.seqmap")


def test_mots20_has_its_own_names_and_knows_the_short_ones() -> None:
    bench = benchmark_named("mots20")
    assert [bench.own_name(name) for name in ("0002", "MOTS20-02", "0003", "walk")] == ["MOTS20-02"] * 2 + [
        "0003",
        "walk",
    ]
    assert benchmark_named("kitti-mots").own_name("0002") == "0002"
    with pytest.raises(MotsError, match="unknown split 'trian': mots20 has train, test, or name a file"):
        split_lengths(bench, "trian")
