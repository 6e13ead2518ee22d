from pathlib import Path

import pytest

from mots.benchmarks.layouts import discover
from mots.benchmarks.registry import benchmark_named
from mots.errors import MotsError, MotsWarning

KITTI, MOTS20, STEP = (benchmark_named(name) for name in ("kitti-mots", "mots20", "kitti-step"))


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("image", "truth"),
    [
        ("training/image_02/0002/000000.png", "instances_txt/0002.txt"),
        ("training/image_02/0002/000000.png", "training/label_02/0002.txt"),
        ("training/image_02/0002/000000.png", "instances/0002/000000.png"),
        ("train/images/0002/000001.jpg", "train/instances_txt/0002.txt"),
        ("train/MOTS20-02/img1/000001.jpg", "train/MOTS20-02/gt/gt.txt"),
        ("0002/images/000001.jpg", "0002/instances.txt"),
        ("0002/000001.jpg", "0002.txt"),
        ("train/0002.mp4", "train/instances_txt/0002.txt"),
    ],
)
def test_the_layouts_of_the_data_sets_are_known(image: str, truth: str, tmp_path: Path) -> None:
    touch(tmp_path, image, truth)
    (tmp_path / "x.seqmap").write_text("0002 empty 000000 000009\n")
    (found,) = discover(tmp_path, MOTS20, str(tmp_path / "x.seqmap"))
    place = tmp_path / image
    assert found.source == (place if place.suffix == ".mp4" else place.parent)
    assert found.truth == (tmp_path / truth if truth.endswith(".txt") else (tmp_path / truth).parent)
    assert (found.name, found.frames) == ("MOTS20-02", 10)


def test_step_s_truth_is_a_folder_of_its_pngs(tmp_path: Path) -> None:
    touch(tmp_path, "training/image_02/0002/000000.png", "panoptic_maps/val/0002/000000.png", "instances_txt/0002.txt")
    (tmp_path / "x.seqmap").write_text("0002 empty 000000 000009\n")
    (found,) = discover(tmp_path, STEP, str(tmp_path / "x.seqmap"))
    assert found.truth == tmp_path / "panoptic_maps/val/0002"


def test_without_a_split_all_that_is_there_is_taken(tmp_path: Path) -> None:
    touch(tmp_path, "match.mp4", "walk/1.jpg", "walk/2.jpg", "notes.txt", "empty/readme.md")
    found = discover(tmp_path, None)
    assert [each.name for each in found] == ["match", "walk"]
    assert [each.truth for each in found] == [None, None]
    assert [each.name for each in discover(tmp_path, None, None, ["walk"])] == ["walk"]


def test_the_splits_look_where_they_lie(tmp_path: Path) -> None:
    touch(tmp_path, "training/image_02/0002/000000.png", "testing/image_02/0002/000000.png")
    names = {split: f"{split}ing" for split in ("test",)}
    with pytest.raises(MotsError, match="no images of sequence 0000; looked for testing/image_02/0000, "):
        discover(tmp_path, KITTI, "test")
    (found,) = discover(tmp_path, KITTI, "test", ["0002"])
    assert found.source == tmp_path / f"{names['test']}/image_02/0002"
    (found,) = discover(tmp_path, KITTI, "val", ["0002"])
    assert found.source == tmp_path / "training/image_02/0002"


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(MotsError, match="no such folder"):
        discover(tmp_path / "no", None)
    with pytest.raises(MotsError, match="no sequences: wanted folders of images, or videos"):
        discover(tmp_path, None)
    with pytest.raises(MotsError, match="a split needs a benchmark"):
        discover(tmp_path, None, "val")
    with pytest.raises(MotsError, match="no sequence '9': there are walk"):
        discover(touch(tmp_path, "walk/1.jpg"), None, None, ["9"])


def test_two_places_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "cam.mp4", "cam.avi", "other.mp4", "walk/img1/1.jpg", "walk/cover.jpg")
    with pytest.raises(MotsError, match=r"sequence cam twice, as cam\.avi and as cam\.mp4"):
        discover(tmp_path, None)
    assert [each.name for each in discover(tmp_path, None, None, ["other", "walk"])] == ["other", "walk"]
    touch(tmp_path / "deep", "train/a.mp4", "test/a.mp4")
    with pytest.raises(MotsError, match=r"sequence a twice, as train/a\.mp4 and as test/a\.mp4"):
        discover(tmp_path / "deep", None)


def test_what_cannot_be_a_sequence_is_left_out_and_told(tmp_path: Path) -> None:
    touch(tmp_path, "good.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / ("n" * 210 + ".mp4")).write_bytes(b"x")
    with pytest.warns(MotsWarning) as said:
        assert [each.name for each in discover(tmp_path, None)] == ["good"]
    texts = sorted(str(each.message) for each in said)
    assert any("gone.mp4: left out: the link leads nowhere" in text for text in texts)
    assert any("it is left out: rename it" in text for text in texts)
    with pytest.raises(MotsError, match="one video, and no other sequence"):
        discover(tmp_path / "good.mp4", None, None, ["zzz"])
