"""`mots render`: a source with results drawn in, as a video or as pictures."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mots.errors import InputError
from mots.files import cannot_write, check_target, write_whole
from mots.rendering.annotator import Annotator, Drawing
from mots.rendering.captions import Captions
from mots.rendering.saved_results import SavedFrame, SavedResults, check_frame_size
from mots.video.frame import Frame, Source
from mots.video.opening import source_of
from mots.video.writer import VideoWriter

__all__ = ["PictureFolder", "render"]

TITLES = ("results", "truth")
TITLE_GROUND = (40, 40, 40)


class PictureFolder:
    """Writes frames as `<number>.png` into a folder, as a `VideoWriter` writes them into a video."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def write(self, image: NDArray[np.uint8], number: int) -> None:
        """Write one frame (H, W, 3). Raises MotsError."""
        content = io.BytesIO()
        Image.fromarray(image).save(content, "PNG", compress_level=3)
        path = self.folder / f"{number:06d}.png"
        try:
            write_whole(path, content.getvalue())
        except OSError as error:
            raise cannot_write(path, error, "the frames before are there") from error

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """No file is open between frames."""


def render(
    source: str | Path | Source,
    results: str | Path,
    output: str | Path,
    *,
    truth: str | Path | None = None,
    only: Collection[int] | None = None,
    frames: tuple[int | None, int | None] = (None, None),
    sequence: str | None = None,
    drawing: Drawing | None = None,
    overwrite: bool = False,
) -> int:
    """Draw results into the frames of their source; how many frames were written.

    `results`: a run's folder, or a file or folder of any readable format; `sequence`: which, where it holds several.
    `output`: a .mp4, or a folder of PNGs named by their frames' numbers. `truth`: drawn into a second picture beside
    the first. `only`: ids of tracks, as people see them. `frames`: numbers from the first to before the second; None:
    all. Raises InputError and FormatError for what cannot be read or does not belong together, MotsError where the
    output cannot be written.
    """
    output = Path(output)
    opened = source_of(source)
    own = [SavedResults(results, sequence)] + ([] if truth is None else [SavedResults(truth, sequence)])
    read = [Path(each) for each in (source, results, truth) if isinstance(each, (str, Path))]
    video = output.suffix.lower() == ".mp4"
    if output.suffix and not video and not output.is_dir():
        raise InputError(f"{output}: wanted a name that ends in .mp4, or a folder for PNGs", parameters=("output",))
    if video or output.exists():
        check_target(output, overwrite, read)
    if only is not None:
        known = {identity for frame in own[0] for identity in frame.labels.ids.tolist()}
        missing = sorted(set(only) - known)
        if missing:
            raise InputError(f"{results}: no track {missing[0]}", parameters=("only",))
    drawing = replace(drawing or Drawing(), names=own[0].names)
    if drawing.scores and not own[0].has_table:
        raise InputError(f"{results}: no scores here: a run keeps them with --table", parameters=("drawing",))
    annotators = [
        Annotator(opened.frame_rate, drawing=replace(drawing, scores=drawing.scores and each.has_table)) for each in own
    ]
    count = matched = 0
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(output, error) from error
    with ExitStack() as stack:
        writer: VideoWriter | PictureFolder = VideoWriter(output, opened.frame_rate) if video else PictureFolder(output)
        stack.enter_context(writer)
        for frame in between(opened, *frames):
            pictures = []
            for each, annotator, title in zip(own, annotators, TITLES, strict=False):
                saved = chosen(each.frame(frame.number, frame.time, frame.image.shape[:2]), only, each is own[0])
                check_frame_size(each.path, saved.labels.size, frame.image.shape)
                matched += len(saved.labels)
                picture = annotator.draw(frame.image, saved)
                pictures.append(titled(picture, title, annotator) if len(own) > 1 else picture)
            whole = pictures[0] if len(pictures) == 1 else np.concatenate(pictures, axis=1)
            if isinstance(writer, VideoWriter):
                writer.write(whole, frame.time)
            else:
                writer.write(whole, frame.number)
            count += 1
    if count == 0:
        raise InputError(f"{opened.name}: no frames from {frames[0]} to before {frames[1]}", parameters=("frames",))
    if matched == 0 and own[0].frames:
        first, last = min(own[0].frames), max(own[0].frames)
        raise InputError(f"{results}: no object in these frames; it has some from frame {first} to {last}")
    return count


def between(source: Source, first: int | None, stop: int | None) -> Iterator[Frame]:
    """The frames of a source with numbers from `first` to before `stop`."""
    for frame in source:
        if stop is not None and frame.number >= stop:
            return
        if first is None or frame.number >= first:
            yield frame


def chosen(frame: SavedFrame, only: Collection[int] | None, of_results: bool) -> SavedFrame:
    """The objects of these ids; all of truth."""
    if only is None or not of_results:
        return frame
    rows = np.flatnonzero(np.isin(frame.labels.ids, list(only)))
    return frame.take(rows)


def titled(picture: NDArray[np.uint8], title: str, annotator: Annotator) -> NDArray[np.uint8]:
    """The picture under a bar with a title."""
    captions = annotator.captions or Captions(annotator.cv2, 0.5)
    _, high, below = captions.size_of(title)
    bar = np.full((2 * (high + below + 2), picture.shape[1], 3), TITLE_GROUND, np.uint8)
    captions.draw(bar, [title], [(0, 2, 1, 3)], [TITLE_GROUND], [0])
    return np.concatenate([bar, picture])
