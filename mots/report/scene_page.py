"""A starter for a scene: a file to fill in, a frame to look at, and a page to draw lines and zones on."""

from __future__ import annotations

import io
import json
from importlib import resources
from pathlib import Path

from PIL import Image

from mots.errors import InputError
from mots.files import cannot_write, check_target, write_whole
from mots.report.film import data_url
from mots.video.opening import open_source

__all__ = ["write"]

STARTER = """# Lines, zones and points of the ground of {name}, in pixels of its frames.
# scene.html draws them by clicking.
size = [{height}, {width}]

# Forward: from the left hand to the right hand of who walks from the first point to the second.
[[line]]
name = "middle"
points = [[{left}, {middle}], [{right}, {middle}]]

# [[zone]]
# name = "crossing"
# polygon = [[100, 100], [300, 100], [300, 200], [100, 200]]

# Four or more points whose place on the ground is known, in metres.
# [ground]
# image = [[100, 400], [540, 400], [420, 250], [220, 250]]
# metres = [[0, 0], [7, 0], [7, 20], [0, 20]]

# [pitch]
# template = "football"
"""


def write(source: str | Path, output: str | Path, frame: int | None = None, *, overwrite: bool = False) -> list[Path]:
    """Write `scene.toml`, `frame.png` and `scene.html` into the folder `output`; the files.

    `frame`: which one to draw on; without it the first. Raises InputError for a frame that is not there, MotsError
    where the files cannot be written.
    """
    output = Path(output)
    opened = open_source(source)
    image = next((each.image for each in opened if frame is None or each.number == frame), None)
    if image is None:
        raise InputError(f"{opened.name}: no frame {frame}", parameters=("frame",))
    files = [output / name for name in ("scene.toml", "frame.png", "scene.html")]
    for file in files:
        check_target(file, overwrite, [Path(source)])
    height, width = image.shape[:2]
    text = STARTER.format(
        name=opened.name, height=height, width=width, left=round(0.1 * width), right=round(0.9 * width),
        middle=height // 2,
    )  # fmt: skip
    picture = io.BytesIO()
    Image.fromarray(image).save(picture, "PNG")
    shown = io.BytesIO()
    Image.fromarray(image).save(shown, "WEBP", quality=85)
    data = {"name": opened.name, "size": [height, width], "picture": data_url(shown.getvalue(), "webp")}
    content = json.dumps(data).replace("<", "\\u003c")
    page = (resources.files("mots.report") / "scene.html").read_text(encoding="utf-8").replace("/*DATA*/", content)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file, each in zip(files, (text.encode(), picture.getvalue(), page.encode("utf-8")), strict=True):
            write_whole(file, each)
    except OSError as error:
        raise cannot_write(output, error) from error
    return files
