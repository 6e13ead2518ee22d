from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mots.video import images
from mots.video.images import open_image


def test_a_picture_is_whole_and_its_file_closed(tmp_path: Path) -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = open_image(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    assert np.array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize("kept", [0, 7, 60])
def test_what_cannot_be_read_is_an_oserror(tmp_path: Path, kept: int) -> None:
    Image.fromarray(np.zeros((50, 50), np.uint8)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:kept])
    with pytest.raises(OSError, match=r"cannot identify|truncated|broken|Truncated"):
        open_image(tmp_path / "a.png")


def test_a_replaced_opener_that_wants_more_packages_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wants_more(*arguments: Any) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    (tmp_path / "a.png").write_bytes(b"broken")
    monkeypatch.setattr(images, "opener", wants_more)
    with pytest.raises(OSError, match="cannot identify"):
        open_image(tmp_path / "a.png")
