from pathlib import Path

import av
import numpy as np
import pytest

from mots.errors import MotsError
from mots.labels import FrameLabels
from mots.rendering.annotator import Annotator
from mots.toy.world import World, WorldSettings
from mots.video.writer import VideoWriter

pytest.importorskip("cv2", reason="OpenCV is not installed")


def test_masks_are_drawn_in_their_identitys_colour_and_nothing_given_changes() -> None:
    world = World(1, WorldSettings(height=180, width=320))
    annotator = Annotator(25.0)
    colours: dict[int, list[np.ndarray]] = {}
    for k in range(0, 10, 3):
        image, truth = world.frame(k)
        before = image.copy()
        drawn = annotator.draw(image, truth)
        assert (image == before).all()
        assert drawn.shape == image.shape
        assert drawn.dtype == np.uint8
        change = drawn.astype(int) - image
        for i, identity in enumerate(truth.ids.tolist()):
            x1, y1, x2, y2 = truth.masks.boxes[i]
            crop = truth.masks.crop(i)
            if crop.sum() < 400:
                continue
            assert (np.abs(change[y1:y2, x1:x2][crop]).max(axis=1) > 8).mean() > 0.6
            # Half the picture and half the colour: what was added tells the colour.
            added = drawn[y1:y2, x1:x2][crop] - 0.45 * image[y1:y2, x1:x2][crop]
            colours.setdefault(identity, []).append(np.median(added, axis=0))
    assert colours
    for values in colours.values():
        assert np.ptp(values, axis=0).max() < 25


def test_a_frame_without_objects_stays_as_it_is() -> None:
    image = np.full((40, 60, 3), 99, np.uint8)
    assert (Annotator(10.0).draw(image, FrameLabels.empty(0, 0.0, (40, 60))) == image).all()


def test_video_is_h264_that_browsers_play_with_even_sides_and_its_own_times(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    times = [0.0, 0.04, 0.2, 0.24]
    with VideoWriter(path, 25.0) as writer:
        for k, time in enumerate(times):
            writer.write(np.full((45, 63, 3), 40 * k, np.uint8), time)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index comes first: a browser need not wait for the end
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        frames = list(container.decode(stream))
    assert [(f.height, f.width) for f in frames] == [(46, 64)] * 4
    assert [f.time for f in frames] == pytest.approx(times, abs=1e-3)
    assert [f.to_ndarray(format="rgb24").mean() for f in frames] == pytest.approx([0, 40, 80, 120], abs=4)


def cut_off(writer: VideoWriter) -> None:
    with writer:
        for k in range(5):
            writer.write(np.zeros((40, 60, 3), np.uint8), k / 10)
        raise KeyboardInterrupt


def test_an_interrupted_video_plays_up_to_there(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cut_off(VideoWriter(tmp_path / "v.mp4", 10.0))
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert len(list(container.decode(video=0))) == 5


def test_a_video_without_frames_leaves_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MotsError, match="cannot be written"):
        VideoWriter(tmp_path / "no/v.mp4", 10.0)
