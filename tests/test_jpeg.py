"""JPEGs that OpenCV decodes are what Pillow makes of them, and damaged ones are refused as Pillow refuses them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mots.toy.world import World, WorldSettings
from mots.video import images
from mots.video.images import open_image, read_rgb, rgb_of


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """A picture of the toy world as JPEG."""
    picture, _ = next(iter(World(5, WorldSettings(height=150, width=200)).frames(1)))
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    return jpeg(exif=exif)


def with_thumbnail() -> bytes:
    """Another JPEG, with its own end, lies in the header."""
    whole, small = jpeg(), jpeg(quality=20)
    part = b"Exif\0\0" + small
    return whole[:2] + b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part + whole[2:]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether OpenCV decoded each file that is read."""
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    own, told = images.whole_jpeg, []

    def told_of(path: Path, picture: Image.Image) -> NDArray[np.uint8] | None:
        found = own(path, picture)
        told.append(found is not None)
        return found

    monkeypatch.setattr(images, "whole_jpeg", told_of)
    return told


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (jpeg(), True),
        (jpeg(quality=30, subsampling=2), True),
        (jpeg(quality=95, subsampling=0), True),
        (jpeg(restart_marker_blocks=3), True),
        (jpeg("L"), True),
        (with_thumbnail(), True),
        (jpeg(progressive=True), False),
        (jpeg("CMYK"), False),
        (turned(), False),
        (jpeg() + b"more", False),
        (jpeg()[:-2], False),
    ],
)
def test_the_numbers_are_pillows(tmp_path: Path, quick: list[bool], content: bytes, wanted: bool) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    try:
        expected = rgb_of(open_image(path))
    except OSError:
        with pytest.raises(OSError, match="truncated"):
            read_rgb(path)
    else:
        image, deep = read_rgb(path)
        assert np.array_equal(image, expected)
        assert not deep
    assert quick == [wanted]


def answer(path: Path, read: Callable[[Path], NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
    try:
        return read(path)
    except (OSError, SyntaxError, ValueError):
        return None


def test_damaged_files_are_refused_as_before(tmp_path: Path, quick: list[bool], rng: np.random.Generator) -> None:
    path, sources, refused = tmp_path / "a.jpg", [jpeg(), jpeg(restart_marker_blocks=3), jpeg("L")], 0
    for k in range(150):
        content = bytearray(sources[k % 3])
        kind, place = rng.integers(0, 3), int(rng.integers(2, len(content)))
        if kind == 0:
            for _ in range(int(rng.integers(1, 20))):
                content[int(rng.integers(2, len(content)))] = int(rng.integers(0, 256))
        elif kind == 1:
            content = content[:place]
        else:
            del content[place : place + int(rng.integers(1, 200))]
        path.write_bytes(bytes(content))
        wanted = answer(path, lambda each: rgb_of(open_image(each)))
        found = answer(path, lambda each: read_rgb(each)[0])
        refused += wanted is None
        assert (wanted is None) == (found is None)
        if wanted is not None and found is not None:
            assert np.array_equal(wanted, found)
    assert 20 < refused < 140
    assert any(quick)


def test_pictures_are_read_without_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    wanted = rgb_of(open_image(path))
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    assert np.array_equal(read_rgb(path)[0], wanted)
