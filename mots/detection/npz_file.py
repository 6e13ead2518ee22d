"""Detections as npz: compact, with times, embeddings and the camera's motion.

Arrays in blocks of frames, `00000.frames` and so on (see `ARRAYS`), and `about`, a JSON text with the size, the frame
rate, the numbers of frames and blocks, the names of classes that COCO lacks, and whether the masks were refined
(`fitted`). Blocks are written and read one by one, so a long video needs no more memory than a short one. numpy's
`load` opens the file.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from mots.detection.measurement import FrameMeasurement
from mots.errors import FormatError
from mots.files import FrameFile
from mots.storage.array_file import ArrayFile
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL
from mots.video.frame import NO_IMAGE

__all__ = ["BLOCK", "NpzWriter", "about", "frames"]

BLOCK = 32  # frames that are encoded or decoded together
LARGEST = 2**31  # frame numbers, and pixels of a frame, are below
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that an archive can hold

ARRAYS = {
    "frames": "(F,) int64 frame numbers",
    "times": "(F,) float64 seconds",
    "counts": "(F,) int64 detections of each frame",
    "cameras": "(F, 2, 3) float64, the camera's motion to each frame; a file without it has a fixed camera",
    "boxes": "(N, 4) float32",
    "scores": "(N,) float32",
    "classes": "(N,) int64",
    "embeddings": "(N, D) float32",
    "mask_boxes": "(N, 4) int32 tight boxes of the masks",
    "bits": "(B,) uint8, the masks' crops row by row, packed eight pixels a byte, each mask from a byte of its own",
}


class NpzWriter:
    """Writes the npz form block by block under a temporary name, and renames the file at the end.

    A block that does not fit on the disk is removed whole: the file then ends with the block before.
    """

    def __init__(self, path: Path, frame_rate: float, names: Mapping[int, str], refined: bool = False) -> None:
        self.output, self.pipe = FrameFile(path), Pipe()
        self.frame_rate, self.names, self.refined = frame_rate, dict(names), refined
        self.file = zipfile.ZipFile(cast("IO[bytes]", self.pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.block: list[FrameMeasurement] = []
        self.length = 0
        self.marks: list[tuple[int, int, int]] = []  # members, bytes and frames before each block
        self.size = (0, 0)

    def write(self, frame: int, time: float, detections: Detections, motion: NDArray[np.float64] = STILL) -> None:
        self.block.append(FrameMeasurement(frame, time, NO_IMAGE, detections, motion))
        self.size = detections.size
        if len(self.block) == BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write the frames that are held."""
        if not self.block:
            return
        block, self.block = self.block, []
        every = [each.detections for each in block]
        arrays: dict[str, NDArray[Any]] = {
            "frames": np.array([each.frame for each in block], np.int64),
            "times": np.array([each.time for each in block], np.float64),
            "counts": np.array([len(d) for d in every], np.int64),
            "cameras": np.array([each.motion for each in block], np.float64),
            "boxes": np.concatenate([d.boxes for d in every]),
            "scores": np.concatenate([d.scores for d in every]),
            "classes": np.concatenate([d.classes for d in every]),
            "embeddings": stacked_embeddings(every),
            "mask_boxes": np.concatenate([d.masks.boxes for d in every]),
            "bits": np.concatenate(
                [np.packbits(d.masks.crop(i)) for d in every for i in range(len(d))] or [np.zeros(0, np.uint8)]
            ),
        }
        self.marks.append((len(self.file.filelist), self.output.size, self.length))
        try:
            for name, array in arrays.items():
                self.add(f"{len(self.marks) - 1:05d}.{name}", array)
            self.output.append(self.pipe.taken())
        except OSError:
            self.take_back()
            raise
        self.length += len(block)

    def take_back(self) -> None:
        """Remove the last block from the file and from its table of contents."""
        members, size, self.length = self.marks.pop()
        self.forget(members)
        self.output.cut(size)
        self.pipe.taken()
        self.pipe.position = self.file.start_dir = size

    def forget(self, members: int) -> None:
        """Remove all but the first `members` from the table of contents."""
        for member in self.file.filelist[members:]:
            del self.file.NameToInfo[member.filename]
        del self.file.filelist[members:]

    def add(self, name: str, array: NDArray[Any]) -> None:
        content = io.BytesIO()
        np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
        # A fixed time: the same detections give the same file.
        self.file.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), content.getvalue(), zipfile.ZIP_DEFLATED)

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.length == 0 and not self.block:
            self.output.discard()
            return
        try:
            self.flush()
        finally:
            self.finish(whole=kind is None)

    def finish(self, whole: bool = True) -> None:
        """Write the end of the file. Where it does not fit, blocks are removed for it, and OSError is raised."""
        full: OSError | None = None
        while True:
            told: dict[str, Any] = {"frame_rate": self.frame_rate, "length": self.length, "blocks": len(self.marks)}
            told |= {"names": self.names, "size": self.size, "fitted": self.refined}
            members = len(self.file.filelist)
            try:
                self.add("about", np.array(json.dumps(told)))
                self.file._write_end_record()  # type: ignore[attr-defined]  # as `close` does, but it can be repeated
                self.output.append(self.pipe.taken())
                break
            except OSError as error:
                full = error
                self.forget(members)
                if not self.marks:
                    self.output.discard()
                    raise
                self.take_back()
        self.output.close(whole)
        self.file.close()
        if full is not None:
            raise full


class Pipe:
    """The target of the zip archive, a file that cannot seek: keeps what was written until it is taken."""

    def __init__(self) -> None:
        self.held, self.position = bytearray(), 0

    def write(self, data: Any) -> int:
        self.held += data
        self.position += len(data)
        return len(data)

    def tell(self) -> int:
        return self.position

    def flush(self) -> None: ...

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self.held)
        self.held.clear()
        return data


def stacked_embeddings(every: list[Detections]) -> NDArray[np.float32]:
    """(N, D) embeddings of all frames; a frame without detections may have D = 0."""
    filled = [d.embeddings for d in every if len(d)]
    return np.concatenate(filled) if filled else np.zeros((0, 0), np.float32)


def about(path: Path) -> dict[str, Any]:
    """The content of `about`. Raises FormatError for another file."""
    try:
        with ArrayFile(path) as archive:
            whole: dict[str, Any] = json.loads(str(archive.read("about")))
        whole["names"] = {int(number): str(name) for number, name in whole["names"].items()}
        whole["frame_rate"] = float(whole["frame_rate"])
        whole["length"], whole["blocks"] = int(whole["length"]), int(whole["blocks"])
        whole["fitted"] = bool(whole.get("fitted", False))
        height, width = int(whole["size"][0]), int(whole["size"][1])
        if not (0 <= height < LARGEST and 0 <= width < LARGEST and height * width < LARGEST):
            raise ValueError(f"frames of {height} x {width}")
        if not 0 <= whole["frame_rate"] < 1e6 or not 0 <= whole["blocks"] < LARGEST:
            raise ValueError(f"{whole['frame_rate']} frames a second, {whole['blocks']} blocks")
        whole["size"] = (height, width)
    except FormatError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FormatError(f"{path}: not a file of saved detections ({error})") from error
    return whole


def frames(path: Path) -> Iterator[FrameMeasurement]:
    """The frames in order, block by block. Raises FormatError for a damaged file."""
    whole = about(path)
    last = -1
    with ArrayFile(path) as archive:
        for block in range(whole["blocks"]):
            arrays = {name: archive.read(f"{block:05d}.{name}") for name in ARRAYS if name != "cameras"}
            cameras = f"{block:05d}.cameras"
            still = np.broadcast_to(STILL, (len(arrays["frames"]), 2, 3))
            arrays["cameras"] = archive.read(cameras) if cameras in archive.names else still
            try:
                check_block(arrays)
                for each in unpacked(arrays, whole["size"]):
                    if not last < each.frame < LARGEST:
                        raise ValueError(f"frame {each.frame} after frame {last}")
                    last = each.frame
                    yield each
            except (ValueError, IndexError, TypeError, OverflowError) as error:
                raise FormatError(f"{path}: damaged ({error}): save the detections again") from error


# Names, dimensions and numpy's letter of the numbers in each array of a block.
KINDS = {
    "frames": (1, "i"), "times": (1, "f"), "counts": (1, "i"), "cameras": (3, "f"), "boxes": (2, "f"),
    "scores": (1, "f"), "classes": (1, "i"), "embeddings": (2, "f"), "mask_boxes": (2, "i"), "bits": (1, "u"),
}  # fmt: skip


def check_block(arrays: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError where the arrays of a block do not belong together."""
    for name, (dimensions, kind) in KINDS.items():
        array = arrays[name]
        if array.ndim != dimensions or array.dtype.kind != kind:
            raise ValueError(f"array '{name}' is {array.shape} of {array.dtype}: wanted {ARRAYS[name]}")
    frames, found = len(arrays["frames"]), len(arrays["boxes"])
    counts = arrays["counts"]
    if any(len(arrays[name]) != frames for name in ("times", "counts", "cameras")):
        raise ValueError("times, counts or cameras are not one for each frame")
    if any(len(arrays[name]) != found for name in ("scores", "classes", "embeddings", "mask_boxes")):
        raise ValueError("scores, classes, embeddings or masks are not one for each box")
    if (counts < 0).any() or (counts > found).any() or counts.sum() != found:
        raise ValueError("the counts do not add up to the boxes")
    if arrays["mask_boxes"].shape[1] != 4 or arrays["boxes"].shape[1] != 4 or arrays["cameras"].shape[1:] != (2, 3):
        raise ValueError("boxes of other than 4 numbers, or a camera's motion of other than 2 x 3")
    spans = arrays["mask_boxes"][:, 2:].astype(np.int64) - arrays["mask_boxes"][:, :2]
    if (spans < 0).any() or int(((spans[:, 0] * spans[:, 1] + 7) // 8).sum()) != arrays["bits"].size:
        raise ValueError("the masks' bits do not fill their boxes")


def unpacked(arrays: dict[str, NDArray[Any]], size: tuple[int, int]) -> Iterator[FrameMeasurement]:
    """The frames of one block; every frame is of (height, width)."""
    spans = (arrays["mask_boxes"][:, 2:] - arrays["mask_boxes"][:, :2]).astype(np.int64)
    areas = spans[:, 0] * spans[:, 1]
    byte_starts = np.concatenate([[0], np.cumsum((areas + 7) // 8)])
    bits = np.unpackbits(arrays["bits"])
    masks = Masks(size, arrays["mask_boxes"], bits, 8 * byte_starts[:-1])
    detections = Detections(arrays["boxes"], masks, arrays["scores"], arrays["classes"], arrays["embeddings"])
    detections.check()
    ends = np.cumsum(arrays["counts"])
    for frame, time, start, stop, motion in zip(
        arrays["frames"].tolist(),
        arrays["times"].tolist(),
        ends - arrays["counts"],
        ends,
        arrays["cameras"],
        strict=True,
    ):
        yield FrameMeasurement(frame, time, NO_IMAGE, detections.take(np.arange(start, stop)), motion)
