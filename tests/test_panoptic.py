from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots.errors import MotsError
from mots.formats import kitti_step
from mots.formats.panoptic import PanopticFolder, PanopticFrame
from mots.labels import FrameLabels
from mots.trackers.masks import Masks


def labels(*ids: int) -> FrameLabels:
    """A person, a car and a bus side by side in a 4 x 9 frame."""
    images = np.zeros((3, 4, 9), np.bool_)
    for i in range(3):
        images[i, 1:3, 3 * i : 3 * i + 2] = True
    empty = Masks.empty((4, 9))
    number = np.array(ids or (7, 300, 9), np.int64)
    return FrameLabels(5, 0.5, number, np.array([0, 2, 5]), np.ones(3, np.float32), Masks.from_images(images), empty)


def test_objects_lie_over_the_map_and_the_rest_is_void_without_one() -> None:
    alone = PanopticFrame.from_objects(labels())
    assert (alone.frame, alone.codes[1, 0], alone.codes[2, 4]) == (5, 11 << 16 | 7, 13 << 16 | 300)
    assert alone.codes[1, 6] == alone.codes[0, 0] == 255 << 16  # the bus is no thing of KITTI-STEP
    road = np.full((4, 9), 0, np.uint8)
    road[0] = 11  # a crowd without ids
    over = PanopticFrame.from_objects(labels(), road)
    assert over.codes[1, 0] == 11 << 16 | 7
    assert over.codes[1, 6] == 0
    assert over.codes[0, 0] == 11 << 16
    assert (road[1:] == 0).all()


def test_what_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="id 65536"):
        PanopticFrame.from_objects(labels(65536, 2, 3))
    with pytest.raises(ValueError, match="a semantic map of"):
        PanopticFrame.from_objects(labels(), np.zeros((4, 8), np.uint8))


def test_a_folder_of_frames(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    Image.fromarray(np.full((4, 9), 8, np.uint8)).save(tmp_path / "maps/000005.png")
    with PanopticFolder(tmp_path / "out", tmp_path / "maps") as folder:
        folder.write(labels())
    codes = kitti_step.read(tmp_path / "out/000005.png")
    assert (codes == PanopticFrame.from_objects(labels(), np.full((4, 9), 8, np.uint8)).codes).all()
    Image.fromarray(np.zeros((4, 9, 3), np.uint8)).save(tmp_path / "maps/000005.png")
    with pytest.raises(MotsError, match=r"000005\.png: expected one channel of 8 bits with train ids"):
        folder.write(labels())
    (tmp_path / "maps/000005.png").unlink()
    with pytest.raises(MotsError, match="the semantic map cannot be read"):
        folder.write(labels())
