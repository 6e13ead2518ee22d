import gc
import os
import struct
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mots.errors import MotsError, MotsWarning
from mots.video.frame import Frame, Part
from mots.video.image_files import ImageFiles
from mots.video.opening import SourceSettings, open_source, source_of
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
    with pytest.warns(MotsWarning), pytest.raises(MotsError, match=r"000001\.png: this image cannot be read"):
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


# What headers and names say


def film(
    path: Path, times: list[float], rate: int = 25, codec: str = "libx264", size: tuple[int, int] = (48, 64)
) -> Path:
    """A video of one grey picture for each time (seconds), with its own time stamps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        if codec != "mpeg2video":  # which knows the usual rates only
            stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.max_b_frames = 0
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(k, size), format="rgb24")
            if codec != "mpeg2video":
                frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_without_a_word(path: Path, frame_rate: float | None = None) -> list[Frame]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(open_source(path, frame_rate))


@pytest.mark.parametrize(
    ("name", "codec", "times"),
    [
        ("uneven.webm", "libvpx-vp9", [k / 30 for k in range(10)] + [10 / 30 + k / 5 for k in range(10)]),
        ("slept.mkv", "libx264", [k / 10 for k in range(10)] + [3600 + k / 10 for k in range(10)]),
        ("slow.mp4", "libx264", [20.0 * k for k in range(6)]),
    ],
)
def test_videos_of_an_uneven_or_low_rate_are_whole(name: str, codec: str, times: list[float], tmp_path: Path) -> None:
    frames = read_without_a_word(film(tmp_path / name, times, 30, codec))
    assert [frame.number for frame in frames] == list(range(len(times)))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=0.002)


def test_a_long_sleep_does_not_set_the_frame_rate(tmp_path: Path) -> None:
    times = [k / 10 for k in range(10)] + [3600 + k / 10 for k in range(10)]
    assert open_source(film(tmp_path / "slept.mkv", times, 10)).frame_rate == pytest.approx(10.0)
    assert open_source(film(tmp_path / "slow.mkv", [20.0 * k for k in range(6)], 1)).frame_rate <= 1.0


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
def test_joined_recordings_go_on_where_the_clock_jumps_back(codec: str, tmp_path: Path) -> None:
    parts = [film(tmp_path / f"{k}.ts", [i / 25 for i in range(20)], 25, codec).read_bytes() for k in range(3)]
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    frames = read_without_a_word(tmp_path / "joined.ts")
    assert [frame.number for frame in frames] == list(range(60))
    steps = np.diff([frame.time for frame in frames])
    assert steps == pytest.approx(np.full(59, 1 / 25), abs=0.002)


def test_a_matroska_that_is_cut_off_is_told_as_a_guess(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole = tmp_path / "whole.mkv"
    with av.open(str(whole), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for _ in range(200):
            image = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert len(read_without_a_word(whole)) == 200
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(MotsWarning, match="it may be cut off"):
        assert len(list(open_source(tmp_path / "cut.mkv", 10.0))) < 150
    assert len(list(read_without_a_word(whole, 10.0))) == 200  # with a rate of one's own too
    with pytest.warns(MotsWarning, match="it may be cut off"):
        assert 50 < len(list(open_source(tmp_path / "cut.mkv"))) < 150


@pytest.mark.parametrize("kept", [0.55, 0.9, 0.999])
def test_a_gif_that_is_cut_off_is_told_as_a_guess(kept: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pictures = [Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)) for _ in range(12)]
    whole = tmp_path / "whole.gif"
    pictures[0].save(whole, save_all=True, append_images=pictures[1:], duration=100)
    assert len(read_without_a_word(whole)) == 12
    (tmp_path / "padded.gif").write_bytes(whole.read_bytes() + bytes(300))
    assert len(read_without_a_word(tmp_path / "padded.gif")) == 12
    (tmp_path / "cut.gif").write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
    with pytest.warns(MotsWarning, match=r"cut\.gif: it has no end mark after frame \d+: it may be cut off"):
        assert len(list(open_source(tmp_path / "cut.gif"))) <= 12


def test_a_matroska_that_begins_late_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for k in range(50):
            frame = av.VideoFrame.from_ndarray(picture(k), format="rgb24")
            frame.pts, frame.time_base = 100 + k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = read_without_a_word(path)
    assert len(frames) == 50
    assert frames[0].time == 0.0


MATRICES = {
    # x' = a x + c y, y' = b x + d y; the corner of the frame that is white after it
    "right": ((0, 1, 0, -1, 0, 0, 48, 0, 1), (64, 48), (0, -1)),
    "left": ((0, -1, 0, 1, 0, 0, 0, 64, 1), (64, 48), (-1, 0)),
    "half": ((-1, 0, 0, 0, -1, 0, 64, 48, 1), (48, 64), (-1, -1)),
    "mirrored": ((-1, 0, 0, 0, 1, 0, 64, 0, 1), (48, 64), (0, -1)),
    "mirrored and turned": ((0, 1, 0, 1, 0, 0, 0, 0, 1), (64, 48), (0, 0)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_videos_are_turned_as_players_turn_them(name: str, tmp_path: Path) -> None:
    matrix, size, corner = MATRICES[name]
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        image = np.full((48, 64, 3), 30, np.uint8)
        image[:16, :16] = 240
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4
    begin = place + (40 if content[place] == 0 else 52)
    values = (value << (30 if k % 3 == 2 else 16) for k, value in enumerate(matrix))
    content[begin : begin + 36] = struct.pack(">9i", *values)
    path.write_bytes(content)
    shown = next(iter(open_source(path))).image
    assert shown.shape[:2] == size
    last = {0: slice(8), -1: slice(-8, None)}
    corners = {(y, x): float(shown[last[y], last[x]].mean()) for y in last for x in last}
    assert max(corners, key=lambda each: corners[each]) == corner


def test_the_film_is_read_and_not_its_cover(tmp_path: Path) -> None:
    path = tmp_path / "cover.mkv"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=25)
        cover.height, cover.width, cover.pix_fmt = 30, 20, "yuvj420p"
        movie = container.add_stream("libx264", rate=25)
        movie.height, movie.width, movie.pix_fmt = 48, 64, "yuv420p"
        cover.disposition, movie.disposition = av.stream.Disposition(0), av.stream.Disposition.default
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((30, 20, 3), 200, np.uint8), format="rgb24")))
        for k in range(20):
            container.mux(movie.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        container.mux(cover.encode(None))
        container.mux(movie.encode(None))
    frames = read_without_a_word(path)
    assert [number_of(frame.image) for frame in frames] == list(range(20))


def test_an_explicit_rate_is_obeyed_for_videos_and_images(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", [k / 25 for k in range(5)])
    assert [frame.time for frame in open_source(path, 10.0)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    folder = tmp_path / "MOTS20-05/img1"
    write_images(folder, [1, 2, 3])
    (folder.parent / "seqinfo.ini").write_text("[Sequence]\nname=MOTS20-05\nframeRate=14\nseqLength=3\n")
    assert open_source(folder).frame_rate == 14.0
    assert open_source(folder, 7.0).frame_rate == 7.0
    (folder.parent / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    with pytest.raises(MotsError, match=r"seqinfo\.ini: a frameRate of fast: wanted frames a second"):
        open_source(folder)


def grey_of(values: np.ndarray, path: Path) -> np.ndarray:
    Image.fromarray(values).save(path)
    with pytest.warns(MotsWarning, match="scaled by its own range"):
        image = next(iter(open_source(path))).image
    assert (image[..., 0] == image[..., 2]).all()
    return image[..., 0]


@pytest.mark.parametrize("low", [0, 7000])
def test_deep_grey_uses_the_picture_s_own_range(low: int, tmp_path: Path) -> None:
    ramp = np.linspace(low, low + 2000, 64 * 64).reshape(64, 64)
    wanted = np.rint((ramp - low) / 2000 * 255)
    assert np.abs(grey_of(ramp.astype(np.uint16), tmp_path / "0.png") - wanted).max() <= 1
    floats = (ramp / 1000).astype(np.float32)
    floats[0, 0] = np.nan
    shown = grey_of(floats, tmp_path / "0.tif")
    assert shown[0, 0] == 0
    assert np.abs(shown - wanted).max() <= 1
    assert (grey_of(np.full((8, 8), 500, np.uint16), tmp_path / "flat.png") == 0).all()


def test_deep_grey_is_told_once(tmp_path: Path) -> None:
    for k in range(3):
        Image.fromarray(np.full((8, 8), 500 + k, np.uint16)).save(tmp_path / f"{k}.png")
    with pytest.warns(MotsWarning) as said:
        assert len(list(open_source(tmp_path))) == 3
    assert len(said) == 1


def test_what_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [41, 42])
    (tmp_path / "walk/._frame_000041.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "walk/Thumbs.db").write_bytes(b"x")
    (tmp_path / "walk/frame_000103.png").mkdir()
    os.mkfifo(tmp_path / "walk/frame_000104.png")
    (tmp_path / "walk/frame_000105.png").symlink_to("/dev/zero")
    frames = read_without_a_word(tmp_path / "walk")
    assert [frame.number for frame in frames] == [41, 42]
    assert [frame.time for frame in frames] == pytest.approx([0.0, 1 / 30])


def test_a_picture_without_a_number_among_numbered_ones_is_told(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [1, 2])
    Image.fromarray(picture(9)).save(tmp_path / "walk/cover.png")
    with pytest.warns(MotsWarning, match=r"cover\.png has no number"):
        assert [frame.number for frame in open_source(tmp_path / "walk")] == [0, 1, 2]


def test_pictures_whose_names_begin_differently_are_told(tmp_path: Path) -> None:
    for name in ("a_1", "a_2", "b_1"):
        Image.fromarray(picture(1)).save(tmp_path / f"{name}.png")
    with pytest.warns(MotsWarning, match="names begin with 'a_' and with 'b_': all are one sequence"):
        assert [frame.number for frame in open_source(tmp_path)] == [0, 1, 2]
    assert [frame.number for frame in read_without_a_word(tmp_path / "a_*")] == [1, 2]


def test_a_time_of_day_is_no_frame_number(tmp_path: Path) -> None:
    for name in ("IMG_20240501_130000", "IMG_20240501_125959", "IMG_20240501_130001"):
        Image.fromarray(picture(1)).save(tmp_path / f"{name}.jpg")
    frames = read_without_a_word(tmp_path)
    assert [frame.number for frame in frames] == [0, 1, 2]


def test_a_single_picture_that_is_damaged_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.warns(MotsWarning), pytest.raises(MotsError, match=r"x\.png: this image cannot be read"):
        list(open_source(tmp_path / "x.png"))


def test_a_tiff_of_several_pages_is_a_video_alone_and_one_picture_among_others(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture(k)) for k in range(3)]
    for k in range(2):
        pages[0].save(tmp_path / f"{k}.tif", save_all=True, append_images=pages[1:])
    assert [number_of(frame.image) for frame in open_source(tmp_path / "0.tif")] == [0, 1, 2]
    with pytest.warns(MotsWarning, match="holds several pictures") as said:
        assert [number_of(frame.image) for frame in open_source(tmp_path)] == [0, 0]
    assert len(said) == 1


def test_a_damaged_tiff_of_several_pages_is_one_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pages = [Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)) for _ in range(3)]
    pages[0].save(tmp_path / "whole.tif", save_all=True, append_images=pages[1:])
    content = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "whole.tif").unlink()
    for share in (0.35, 0.6):
        (tmp_path / "1.tif").write_bytes(content[: int(len(content) * share)])
        with pytest.warns(MotsWarning), pytest.raises(MotsError, match=r"1\.tif: "):
            list(open_source(tmp_path / "1.tif"))
    pages[0].save(tmp_path / "2.tif")
    with pytest.warns(MotsWarning, match=r"1\.tif: frame 1 is skipped"):
        assert [frame.number for frame in open_source(tmp_path)] == [2]


def test_flat_deep_grey_with_infinity_warns_of_its_range_only(tmp_path: Path) -> None:
    values = np.full((8, 8), 3.0, np.float32)
    values[0] = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert (grey_of(values, tmp_path / "0.tif") == 0).all()


def test_huge_pictures_are_refused_unless_the_limit_says_otherwise(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [1, 2])
    small = SourceSettings(max_megapixels=0.001)
    with pytest.warns(MotsWarning, match="48 x 64 pixels, and the limit is 0.001 megapixels"), pytest.raises(MotsError):
        list(open_source(tmp_path / "walk", settings=small))
    path = film(tmp_path / "v.mp4", [0.0, 0.1])
    with pytest.raises(MotsError, match=r"frame 0 is 48 x 64, and the limit is 0\.001 megapixels"):
        list(open_source(path, settings=small))


def test_an_animated_picture_is_a_video(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture(k)) for k in range(5)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], duration=200, lossless=True)
    frames = read_without_a_word(tmp_path / "a.webp")
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [(k, k) for k in range(5)]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    part = open_source(tmp_path / "a.webp").between(1, 3)
    cut = list(part)
    assert [frame.number for frame in cut] == [1, 2]
    assert [frame.time for frame in cut] == pytest.approx([0.2, 0.4])
    folder = tmp_path / "walk"
    folder.mkdir()
    (tmp_path / "a.webp").rename(folder / "1.webp")
    with pytest.warns(MotsWarning, match="holds several pictures: the first is used"):
        assert len(list(open_source(folder))) == 1


def test_a_list_of_paths_is_read_in_its_order(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", [1, 2, 3])
    paths = [str(tmp_path / f"walk/frame_{k:06d}.png") for k in (3, 1, 2)]
    assert [(frame.number, number_of(frame.image)) for frame in source_of(paths)] == [(0, 3), (1, 1), (2, 2)]


def test_a_pause_of_days_is_short_in_a_written_video(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        for k, time in enumerate((0.0, 0.1, 3000.0)):
            writer.write(picture(k), time)
        with pytest.warns(MotsWarning, match="66666667 seconds without a frame are 1 in the video"):
            writer.write(picture(3), 3000.0 + 66666667.0)
        writer.write(picture(4), 3000.0 + 66666667.5)
    times = [frame.time for frame in open_source(tmp_path / "v.mp4")]
    assert times == pytest.approx([0.0, 0.1, 3000.0, 3001.0, 3001.5], abs=0.001)


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "notes.mp4", "notes.nfo", "noend"])
def test_a_text_is_no_video(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("these are only words\n" * 200)
    with pytest.raises(MotsError, match=name):
        open_source(tmp_path / name)


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(picture(3), format="rgb24")))
        container.mux(cover.encode(None))
        for k in range(20):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 44100, k * 1024
            container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    with pytest.raises(MotsError, match="no video in this file"):
        open_source(path)


def test_no_decoded_picture_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    """Each holds megabytes, and Python looks for cycles by the number of objects alone."""
    with VideoWriter(tmp_path / "v.mp4", 10) as writer:
        for k in range(30):
            writer.write(np.full((48, 64, 3), 8 * k, np.uint8), k / 10)
    gc.collect()
    gc.disable()
    try:
        assert sum(1 for _ in open_source(tmp_path / "v.mp4")) == 30
        left = sum(type(each).__name__ == "VideoFrame" for each in gc.get_objects())
    finally:
        gc.enable()
    assert left <= 2


def test_a_picture_that_cannot_be_converted_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10) as writer:
        for k in range(6):
            writer.write(np.full((48, 64, 3), 30 * k, np.uint8), k / 10)
    calls = []

    def failing(picture: object, matrices: dict[float, object]) -> np.ndarray:
        calls.append(picture)
        if len(calls) == 3:
            raise av.error.InvalidDataError(1, "damaged")
        return np.zeros((48, 64, 3), np.uint8)

    monkeypatch.setattr("mots.video.video_file.shown_image", failing)
    with pytest.warns(MotsWarning, match="frame 2 is skipped: it cannot be converted"):
        frames = [frame.number for frame in open_source(tmp_path / "v.mp4")]
    assert frames == [0, 1, 3, 4, 5]
