from pathlib import Path

import pytest

from mots.benchmarks.registry import BENCHMARKS, benchmark_named, seqmap
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
