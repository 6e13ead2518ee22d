import subprocess
import sys
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mots.errors import MotsError, MotsWarning
from mots.video.frame import Part
from mots.video.image_files import ImageFiles
from mots.video.opening import open_source
from mots.video.video_file import Video
from mots.video.writer import VideoWriter


def picture(k: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A grey frame that tells its number: brightness 10 + 4 k."""
    return np.full((*size, 3), 10 + 4 * k, np.uint8)


def number_of(image: np.ndarray) -> int:
    return round((float(image.mean()) - 10) / 4)


def write_images(folder: Path, numbers: list[int]) -> None:
    folder.mkdir(parents=True)
    for k in numbers:
        Image.fromarray(picture(k)).save(folder / f"frame_{k:06d}.png")


def write_video(path: Path, count: int, rate: float = 10.0, times: list[float] | None = None) -> Path:
    with VideoWriter(path, rate) as writer:
        for k in range(count):
            writer.write(picture(k), k / rate if times is None else times[k])
    return path


def test_images_come_in_the_order_of_their_numbers_with_times(tmp_path: Path) -> None:
    write_images(tmp_path / "0005/images", [3, 1, 2, 10])
    (tmp_path / "0005/images/notes.txt").write_text("no image")
    source = open_source(tmp_path / "0005/images", 10.0)
    assert (source.name, source.length, source.frame_rate) == ("0005", 4, 10.0)
    frames = list(source)
    assert [f.number for f in frames] == [1, 2, 3, 10]
    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.2, 0.9])
    assert [number_of(f.image) for f in frames] == [1, 2, 3, 10]
    assert frames[0].image.shape == (48, 64, 3)


def test_a_glob_takes_what_matches(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [1, 2, 13])
    assert [f.number for f in open_source(str(tmp_path / "walk/frame_00000*.png"))] == [1, 2]
    with pytest.raises(MotsError, match="no image matches"):
        open_source(str(tmp_path / "walk/*.jpg"))


def test_images_without_numbers_are_counted_from_0(tmp_path: Path) -> None:
    for name in "bac":
        Image.fromarray(picture(ord(name) - 97)).save(tmp_path / f"{name}.png")
    assert [(f.number, number_of(f.image)) for f in open_source(tmp_path)] == [(0, 0), (1, 1), (2, 2)]


def test_a_corrupt_image_is_skipped_with_a_warning_and_keeps_its_time(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [0, 1, 2, 3])
    broken = tmp_path / "walk/frame_000002.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.warns(MotsWarning, match="frame_000002.png: frame 2 is skipped"):
        frames = list(open_source(tmp_path / "walk", 10.0))
    assert [f.number for f in frames] == [0, 1, 3]
    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.3])


def test_images_of_two_sizes_are_refused_where_they_meet(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [0, 1])
    Image.fromarray(picture(2, (20, 30))).save(tmp_path / "walk/frame_000002.png")
    frames = iter(open_source(tmp_path / "walk"))
    assert [next(frames).number, next(frames).number] == [0, 1]
    with pytest.raises(MotsError, match="an image of 20 x 30 among ones of 48 x 64"):
        next(frames)


def test_a_video_gives_its_frames_with_their_own_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 0.5, 0.9, 1.0]
    source = open_source(write_video(tmp_path / "clip.mp4", 6, 10.0, times))
    assert isinstance(source, Video)
    assert (source.name, source.length) == ("clip", 6)
    frames = list(source)
    assert [f.number for f in frames] == list(range(6))
    assert [f.time for f in frames] == pytest.approx(times, abs=1e-3)
    assert [number_of(f.image) for f in frames] == list(range(6))


def test_a_real_video_is_read_to_its_end(shared: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = open_source(shared / "data/videos/vtest.avi")
        numbers = [f.number for f in source]
    assert numbers == list(range(795))
    assert source.length == 795


def test_a_truncated_video_gives_what_it_has_and_then_says_so(shared: Path, tmp_path: Path) -> None:
    whole = (shared / "data/videos/vtest.avi").read_bytes()
    short = tmp_path / "short.avi"
    short.write_bytes(whole[: len(whole) // 3])
    numbers: list[int] = []

    def read() -> None:
        numbers.extend(frame.number for frame in open_source(short))

    ending = r"short\.avi: the video ends after frame \d+ of 795"
    # The warning is of the frame in which the file breaks off.
    with pytest.raises(MotsError, match=ending), pytest.warns(MotsWarning, match="is skipped"):
        read()
    assert len(numbers) > 100
    assert numbers == list(range(len(numbers)))


def test_a_video_without_its_index_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 20)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MotsError, match=r"no video in this file|not a video that can be read"):
        open_source(path)


def test_damage_in_the_middle_of_a_video_is_a_missing_frame(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:  # every frame by itself, so that damage stays where it is
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for k in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    starts = [i for i in range(len(data) - 3) if data[i : i + 3] == b"\xff\xd8\xff"]
    assert len(starts) == 10
    data[starts[4] : starts[4] + 600] = bytes(600)
    path.write_bytes(bytes(data))
    with pytest.warns(MotsWarning, match="frame 4 is skipped"):
        frames = list(open_source(path))
    assert [f.number for f in frames] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.mp4", None, "no such file or folder"),
        ("text.mp4", b"not a video at all", "not a video that can be read"),
        ("empty.avi", b"", "not a video that can be read"),
        ("77", None, "camera 77"),
    ],
)
def test_what_cannot_be_a_source_is_refused_at_once(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MotsError, match=message):
        open_source(name if name == "77" else path)


def test_an_empty_folder_and_a_sound_are_no_sources(tmp_path: Path) -> None:
    with pytest.raises(MotsError, match="no images in this folder"):
        open_source(tmp_path)
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MotsError, match="no video in this file"):
        open_source(sound)


@pytest.mark.parametrize("kind", ["images", "video"])
def test_parts_are_what_the_whole_has_there(kind: str, tmp_path: Path) -> None:
    if kind == "images":
        write_images(tmp_path / "walk", [*range(1, 7), *range(9, 15)])
        source = open_source(tmp_path / "walk", 10.0)
    else:
        source = open_source(write_video(tmp_path / "walk.mp4", 12, times=[k / 10 + 0.01 * (k % 2) for k in range(12)]))
    whole = [(f.number, f.time, number_of(f.image)) for f in source]
    for start, stop in ((0, 5), (5, 9), (9, None), (0, None), (11, 12)):
        part = source.between(start, stop)
        assert [(f.number, f.time, number_of(f.image)) for f in part] == whole[start:stop]
        assert part.length == len(whole[start:stop])
        led = Part(source, start, stop)
        assert [(f.number, f.time, number_of(f.image)) for f in led] == whole[max(start - 1, 0) : stop]
        assert led.first == whole[start][0] == source.number_of(start)
    assert [f.number for f in source] == [number for number, _, _ in whole]


def test_the_frame_before_a_part_is_the_last_that_decodes(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", list(range(12)))
    for k in (4, 7):
        (tmp_path / f"walk/frame_{k:06d}.png").write_bytes(b"broken")
    source = open_source(tmp_path / "walk")
    assert [f.number for f in Part(source, 8, 10)] == [6, 8, 9]  # and nothing is said of 7: the part before does
    with pytest.warns(MotsWarning, match="frame 7 is skipped"):
        assert [f.number for f in Part(source, 5, 8)] == [3, 5, 6]


def test_images_that_are_all_broken_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "000001.png").write_bytes(b"broken")
    with pytest.warns(MotsWarning), pytest.raises(MotsError, match="none of the 1 images"):
        list(open_source(tmp_path))
    with pytest.raises(MotsError, match="frame rate of 0"):
        ImageFiles("x", [tmp_path / "000001.png"], 0.0)


def test_reading_a_long_video_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", 60)
    code = (
        "import resource, sys; from mots.video.opening import open_source\n"
        "for n, f in enumerate(open_source(sys.argv[1])):\n"
        "    if n == 20: first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / first)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.05
