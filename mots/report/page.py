"""`mots report`: one file of HTML that needs nothing else."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from mots.errors import InputError
from mots.files import cannot_write, check_target, write_whole
from mots.report.collect import Inputs, collect
from mots.video.frame import Source

__all__ = ["report"]


def report(
    results: str | Path,
    source: str | Path | Source | None = None,
    *,
    output: str | Path,
    truth: str | Path | None = None,
    benchmark: str = "kitti-mots",
    detections: str | Path | None = None,
    scene: str | Path | None = None,
    sequence: str | None = None,
    frame_rate: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a page about results; its path.

    `results`: a run's folder or MOTS text. `source`: the frames, shown in the page. `truth`: then the page shows where
    the score was lost, by the rules of `benchmark`. `detections`: saved ones, which tell a low score from no detection.
    `scene`: its counts are shown too; MOTS text has its times from `frame_rate`, by default the source's. Raises
    InputError and FormatError for what cannot be read, MotsError where the page cannot be written.
    """
    output = Path(output)
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output}: wanted a name that ends in .html", parameters=("output",))
    read = [Path(each) for each in (results, source, truth, detections, scene) if isinstance(each, (str, Path))]
    check_target(output, overwrite, read)
    if detections is not None and truth is None:
        raise InputError("detections only say something with truth", parameters=("detections", "truth"))
    inputs = Inputs(
        Path(results),
        str(source) if isinstance(source, Path) else source,
        None if truth is None else Path(truth),
        benchmark,
        None if detections is None else Path(detections),
        None if scene is None else Path(scene),
        sequence,
        frame_rate,
    )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, page(collect(inputs)).encode("utf-8"))
    except OSError as error:
        raise cannot_write(output, error) from error
    return output


def page(data: dict[str, Any]) -> str:
    """The page of its data."""
    folder = resources.files("mots.report")
    parts = {name: (folder / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    content = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    content = content.replace("<", "\\u003c")  # so that no text of the data ends the block
    html = parts["html"].replace("/*CSS*/", parts["css"]).replace("/*JS*/", parts["js"])
    return html.replace("/*DATA*/", content)
