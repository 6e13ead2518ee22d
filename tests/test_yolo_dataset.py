import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import TOY_FRAMES, toy_root
from PIL import Image

from mots.cli import main
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.errors import MotsError
from mots.formats import mots_text
from mots.trackers.masks import Masks
from mots.training.training_frames import frames, splits

cv2 = pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two toy sequences; in the first, frame 3 has an ignore region."""
    root = toy_root(tmp_path_factory.mktemp("kitti"), ("0000", "0001", "0002"))
    region = np.zeros((1, 90, 160), bool)
    region[0, 10:40, 100:150] = True
    (mask,) = rle.encode(runs_of(Masks.from_images(region)))
    with (root / "instances_txt/0000.txt").open("a") as file:
        file.write(f"3 10000 10 90 160 {mask.decode()}\n")
    return root


def command(root: Path, output: Path, *more: str) -> list[str]:
    return ["dataset", "yolo", "--benchmark", "kitti-mots", "--root", str(root), "--output", str(output), *more]


def test_pictures_labels_and_their_table(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(root, tmp_path / "y")) == 0
    assert f"{3 * TOY_FRAMES} pictures (1 with ignore regions painted over)" in capsys.readouterr().out
    table = (tmp_path / "y/data.yaml").read_text()
    assert f"path: {tmp_path / 'y'}" in table
    assert "0: person\n  1: car\n" in table
    # 0002 is of the benchmark's own split val
    names = {split: sorted(p.stem for p in (tmp_path / f"y/images/{split}").iterdir()) for split in ("train", "val")}
    assert {name[:4] for name in names["train"]} == {"0000", "0001"}
    assert {name[:4] for name in names["val"]} == {"0002"}
    for split, found in names.items():
        assert sorted(p.stem for p in (tmp_path / f"y/labels/{split}").iterdir()) == found
    linked = tmp_path / "y/images/train/0000_000002.png"
    assert linked.is_symlink()
    assert linked.resolve() == (root / "training/image_02/0000/000002.png").resolve()


def test_polygons_are_the_truth(root: Path, tmp_path: Path) -> None:
    assert main(command(root, tmp_path / "y")) == 0
    seen = 0
    for truth in mots_text.read(root / "instances_txt/0001.txt"):
        rows = (tmp_path / f"y/labels/train/0001_{truth.frame:06d}.txt").read_text().splitlines()
        assert len(rows) == len(truth)
        for row, i in zip(rows, range(len(truth)), strict=True):
            number, *shares = row.split()
            assert int(number) == {0: 0, 2: 1}[int(truth.classes[i])]
            points = np.array(shares, float).reshape(-1, 2) * (160, 90)
            assert points.min() >= 0 and points[:, 0].max() <= 160 and points[:, 1].max() <= 90  # noqa: PT018
            canvas = np.zeros((90, 160), np.uint8)
            cv2.fillPoly(canvas, [points.astype(np.int32)], 1)
            mask = truth.masks.image(i)
            seen += 1
            assert (canvas.astype(bool) & mask).sum() / (canvas.astype(bool) | mask).sum() > 0.8
    assert seen > 10


def test_ignore_regions_are_painted_over_and_nothing_else(root: Path, tmp_path: Path) -> None:
    assert main(command(root, tmp_path / "y")) == 0
    painted = np.asarray(Image.open(tmp_path / "y/images/train/0000_000003.jpg")).astype(int)
    image = np.asarray(Image.open(root / "training/image_02/0000/000003.png")).astype(int)
    assert np.abs(painted[14:36, 104:146] - 114).max() < 12
    rest = np.abs(painted - image)
    rest[8:42, 98:152] = 0
    assert rest.mean() < 4


def test_classes_that_are_not_learnt_are_painted_over(root: Path, tmp_path: Path) -> None:
    assert main(command(root, tmp_path / "y", "--classes", "person", "--every", "4")) == 0
    assert "0: person\n" in (tmp_path / "y/data.yaml").read_text()
    assert "car" not in (tmp_path / "y/data.yaml").read_text()
    labels = [p.read_text() for p in (tmp_path / "y/labels/train").iterdir()]
    assert len(labels) == 2 * TOY_FRAMES // 4
    assert {row.split()[0] for text in labels for row in text.splitlines()} == {"0"}


def test_what_is_held_out_can_be_chosen(root: Path) -> None:
    from mots.benchmarks.layouts import discover

    found = discover(root, None)
    train, val = splits(found, [], ["0000"])
    assert [each.name for each in train] == ["0001", "0002"]
    assert [each.name for each in val] == ["0000"]
    assert [each.name for each in splits(found, [], [])[1]] == ["0002"]
    with pytest.raises(MotsError, match="no sequence '0009' to validate with"):
        splits(found, [], ["0009"])
    with pytest.raises(MotsError, match="no sequence is left for training"):
        splits(found[:1], [], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--every", "0"], "--every 0"),
        (["--benchmark", "kitti-step"], "wanted one with masks of objects, such as kitti-mots or mots20"),
        (["--classes", "persn"], "did you mean person"),
        (["--root", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_mistakes_are_named(
    change: list[str], message: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(root, tmp_path / "y", *change)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "y").exists()


def test_truth_of_another_size_is_named_and_nothing_is_left(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = toy_root(tmp_path / "kitti", ("0000", "0001"))
    for picture in (other / "training/image_02/0001").iterdir():
        Image.new("RGB", (80, 60)).save(picture)
    with pytest.raises(MotsError, match="is 90 x 160, its image 60 x 80"):
        list(frames(next(each for each in splits_of(other) if each.name == "0001")))
    assert main(command(other, tmp_path / "y")) == 2
    assert "0001.txt: frame 0" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kitti"]


def splits_of(root: Path) -> list:  # type: ignore[type-arg]
    from mots.benchmarks.layouts import discover

    return discover(root, None)


@pytest.mark.parametrize("kind", ["yolo", "reid"])
def test_no_folder_but_an_own_one_is_replaced(
    kind: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = ["--every", "1", "--height", "8"]
    shutil.copytree(root, tmp_path / "ds", symlinks=True)
    before = sorted(str(path) for path in (tmp_path / "ds").rglob("*"))
    words = ["dataset", kind, "--benchmark", "kitti-mots", "--root", str(tmp_path / "ds"), *every, "--overwrite"]
    for output in (tmp_path / "ds", tmp_path, tmp_path / "ds/training/image_02/0000"):
        assert main([*words, "--output", str(output)]) == 2
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "photos/holiday.jpg")
    assert main([*words, "--output", str(tmp_path / "photos")]) == 2
    assert "a folder without" in capsys.readouterr().err
    assert (tmp_path / "photos/holiday.jpg").is_file()
    assert sorted(str(path) for path in (tmp_path / "ds").rglob("*")) == before
    assert main([*words, "--output", str(tmp_path / "own")]) == 0
    assert main([*words, "--output", str(tmp_path / "own")]) == 0


def test_truth_of_other_frame_numbers_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "ds", symlinks=True)
    truth = tmp_path / "ds/instances_txt/0000.txt"
    lines = [line.split(" ", 1) for line in truth.read_text().splitlines()]
    truth.write_text("".join(f"{int(frame) + 10_000} {rest}\n" for frame, rest in lines))
    assert main(command(tmp_path / "ds", tmp_path / "y")) == 2
    assert "have no image in" in capsys.readouterr().err
    truth.write_text("".join(f"{frame} {rest}\n" for frame, rest in lines) + f"900 {lines[0][1]}\n")
    assert main(command(tmp_path / "ds", tmp_path / "y")) == 0
    assert f"1 of {TOY_FRAMES + 1} frames, as 900, have no image" in capsys.readouterr().err
    (tmp_path / "ds/instances_txt/0001.txt").unlink()
    assert main(command(tmp_path / "ds", tmp_path / "z")) == 0
    assert "left out: no truth of 0001 beside it" in capsys.readouterr().err


def test_classes_beyond_coco_and_all_classes(root: Path, tmp_path: Path) -> None:
    assert main(command(root, tmp_path / "y", "--classes", "person,rider")) == 0
    assert "0: person\n  1: rider\n" in (tmp_path / "y/data.yaml").read_text()
    assert main(command(root, tmp_path / "z", "--classes", "all")) == 0
    table = (tmp_path / "z/data.yaml").read_text()
    assert "  0: person\n" in table
    assert "  79: toothbrush\n" in table


def test_frames_that_annotating_was_unsure_of_are_left_out(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "set")
    table = tmp_path / "set/instances_txt/0001.confidence.csv"
    table.write_text("frame,time_s,confidence,objects,keyframe\n0,0,1.0,1,1\n1,0.1,0.4,1,0\n2,0.2,0.6,2,0\n")
    everything = command(tmp_path / "set", tmp_path / "all")
    assert main(everything) == 0
    assert main(command(tmp_path / "set", tmp_path / "sure", "--least-confidence", "0.6")) == 0
    assert f"{3 * TOY_FRAMES - 1} pictures" in capsys.readouterr().out
    assert not (tmp_path / "sure/labels/train/0001_000001.txt").exists()
    assert (tmp_path / "sure/labels/train/0001_000002.txt").exists()
    table.write_text("frame\n0\n")
    assert main(command(tmp_path / "set", tmp_path / "bad", "--least-confidence", "0.6")) == 2
    assert "0001.confidence.csv: not a table of frames' confidence" in capsys.readouterr().err
    assert main(command(tmp_path / "set", tmp_path / "bad", "--least-confidence", "7")) == 2
