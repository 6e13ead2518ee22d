"""What is counted in a scene: lines, zones and points of the ground, from `scene.toml`.

```toml
[[line]]
name = "north"
points = [[100, 200], [500, 200]]

[[zone]]
name = "crossing"
polygon = [[10, 10], [200, 10], [200, 90], [10, 90]]

[ground]
image = [[100, 400], [540, 400], [420, 250], [220, 250]]
metres = [[0, 0], [7, 0], [7, 20], [0, 20]]

[pitch]
template = "football"
```

For a camera of KITTI, [ground] has `calibration = "calib/0002.txt"` (its P2) and `height = 1.65` (metres) instead.
`size = [height, width]` before the tables says for which frames it was drawn. All points are in pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.analytics.ground import Ground
from mots.analytics.pitch import TEMPLATES
from mots.errors import FormatError, InputError
from mots.files import read_file
from mots.storage import toml_file

__all__ = ["Line", "Scene", "Zone", "load"]

CAMERA_HEIGHT = 1.65  # metres, of KITTI's car


@dataclass(frozen=True, eq=False)
class Line:
    """`points`: (2, 2) x y in pixels. An object crosses it forwards where it goes from the left hand to the right hand
    of somebody who walks from the first point to the second on the picture."""

    name: str
    points: NDArray[np.float64]

    def __post_init__(self) -> None:
        points = as_points(self.points, f"line '{self.name}'")
        if points.shape != (2, 2) or not np.isfinite(points).all() or (points[0] == points[1]).all():
            raise InputError(f"line '{self.name}': wanted two different points [x, y]")
        check_pixels(points, f"line '{self.name}'")
        object.__setattr__(self, "points", points)


@dataclass(frozen=True, eq=False)
class Zone:
    """`polygon`: (K, 2) corners x y in pixels; a point is inside by the even-odd rule."""

    name: str
    polygon: NDArray[np.float64]

    def __post_init__(self) -> None:
        polygon = as_points(self.polygon, f"zone '{self.name}'")
        if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
            raise InputError(f"zone '{self.name}': wanted three or more corners [x, y]")
        check_pixels(polygon, f"zone '{self.name}'")
        crossed = crossing_edges(polygon)
        if crossed is not None:
            first, second = crossed
            raise InputError(
                f"zone '{self.name}': its edges after corners {first + 1} and {second + 1} cross: name the corners in "
                "their order around it"
            )
        x, y = polygon.T
        if abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) < 2.0:  # twice the area
            raise InputError(f"zone '{self.name}': its corners lie on one line: wanted an area")
        object.__setattr__(self, "polygon", polygon)


@dataclass(frozen=True, eq=False)
class Scene:
    """`ground`: points of the picture (K, 2) in pixels and of the ground (K, 2) in metres, or None. `pitch`: the name
    of a template, or "". `size`: (height, width) of the frames for which it was drawn, or None."""

    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    ground: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    pitch: str = ""
    size: tuple[int, int] | None = None

    def check_size(self, size: tuple[int, int], what: str) -> None:
        """Raise InputError where `what` has frames of another (height, width) than those for which the scene was drawn;
        zeros: its size is not known."""
        if self.size is not None and size != (0, 0) and tuple(size) != self.size:
            (h, w), (high, wide) = self.size, size
            raise InputError(
                f"the scene was drawn for frames of {h} x {w}, and {what} has {high} x {wide} (height x width)",
                parameters=("scene",),
            )


def as_points(value: Any, where: str) -> NDArray[np.float64]:
    """Numbers as an array. Raises InputError for what is none."""
    try:
        array = np.asarray(value)
        if any(isinstance(each, bool) for row in value if isinstance(row, (list, tuple)) for each in row):
            raise ValueError
        if array.dtype.kind not in "fiu":
            raise ValueError
    except (ValueError, TypeError):
        raise InputError(f"{where}: wanted points [x, y] of numbers") from None
    return array.astype(np.float64)


def check_pixels(points: NDArray[np.float64], where: str) -> None:
    """Raise InputError for points that are shares of the frame."""
    if points.max() <= 1.0 and points.min() >= 0.0:
        raise InputError(f"{where}: its points lie between 0 and 1, as shares of the frame: wanted pixels")


def crossing_edges(polygon: NDArray[np.float64]) -> tuple[int, int] | None:
    """Two edges of a polygon (K, 2) that cross each other, by the corners before them; None where there are none."""
    ends = np.roll(polygon, -1, axis=0)
    for i in range(len(polygon)):
        for j in range(i + 2, len(polygon) - (i == 0)):
            a, b, c, d = polygon[i], ends[i], polygon[j], ends[j]
            if turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0:
                return i, j
    return None


def turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    """Above 0 where the way from a over b to c turns to the right on the picture, below 0 to the left."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def load(path: str | Path) -> Scene:
    """The scene of a file. Raises FormatError with what is wrong: no TOML, an unknown table, points of another form, a
    name twice."""
    path = Path(path)
    whole = toml_file.load(path)
    for name in whole:
        if name not in ("line", "zone", "ground", "pitch", "size"):
            raise FormatError(f"{path}: unknown '{name}': there are size, [[line]], [[zone]], [ground] and [pitch]")
    try:
        lines = tuple(Line(*named(each, "points", path, "line")) for each in entries(whole, "line", path))
        zones = tuple(Zone(*named(each, "polygon", path, "zone")) for each in entries(whole, "zone", path))
        ground = ground_of(whole["ground"], path) if "ground" in whole else None
        if ground is not None:
            Ground(*ground)  # raises where the points give no map
    except InputError as error:
        raise FormatError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    names = [("line", each.name) for each in lines] + [("zone", each.name) for each in zones]
    for kind, name in names:
        if [other for _, other in names].count(name) > 1:
            raise FormatError(f"{path}: the {kind} '{name}' stands there twice: give each line and zone its own name")
    return Scene(lines, zones, ground, pitch_of(whole.get("pitch"), path), frame_size(whole.get("size"), path))


def pitch_of(table: Any, path: Path) -> str:
    """The template of `[pitch]`, "" where there is none. Raises FormatError."""
    if table is None:
        return ""
    if not isinstance(table, Mapping) or set(table) != {"template"} or table["template"] not in TEMPLATES:
        raise FormatError(f"{path}: [pitch] has template, which is one of {', '.join(TEMPLATES)}")
    return str(table["template"])


def frame_size(value: Any, path: Path) -> tuple[int, int] | None:
    """(height, width) of `size`. Raises FormatError."""
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == 2 and all(type(each) is int and each > 0 for each in value)
    if not good:
        raise FormatError(f"{path}: size is [height, width] in pixels")
    return value[0], value[1]


def entries(whole: Mapping[str, Any], kind: str, path: Path) -> list[Any]:
    """The tables `[[kind]]` of a file."""
    found = whole.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise FormatError(f"{path}: {kind}s are tables [[{kind}]]")
    return found


def named(table: Mapping[str, Any], key: str, path: Path, kind: str) -> tuple[str, NDArray[np.float64]]:
    """The name of a table, and its points."""
    unknown = set(table) - {"name", key}
    if unknown or not isinstance(table.get("name"), str) or key not in table:
        raise FormatError(f"{path}: a [[{kind}]] has name and {key}, and nothing else")
    return table["name"], points_of(table[key], f"{path}: {kind} '{table['name']}'")


def points_of(value: Any, where: str) -> NDArray[np.float64]:
    """(K, 2) of a list of [x, y]. Raises FormatError."""
    try:
        points = np.array(value, np.float64)
        if any(isinstance(each, bool) for point in value for each in point):
            raise ValueError
    except (ValueError, TypeError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise FormatError(f"{where}: wanted points [x, y]")
    return points


def calibrated(table: Mapping[str, Any], path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Four points of the ground in front of a camera of KITTI: metres to the right and ahead of it.

    The ground is the plane `height` metres below the camera, which looks along it (Geiger et al., "Vision meets
    robotics: the KITTI dataset", 2013: 1.65 m; P2 projects into the left colour camera). Raises FormatError.
    """
    height = table.get("height", CAMERA_HEIGHT)
    good = isinstance(height, (int, float)) and not isinstance(height, bool) and 0 < height < 100
    if set(table) - {"calibration", "height"} or not isinstance(table["calibration"], str) or not good:
        raise FormatError(f"{path}: [ground] with a calibration has the file's path, and a height in metres")
    file = path.parent / table["calibration"]
    try:
        lines = read_file(file).decode("ascii", "replace").splitlines()
        line = next(line for line in lines if re.match(r"P2\b", line))
        matrix = np.array([float(word) for word in line.replace(":", " ").split()[1:]]).reshape(3, 4)
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror})") from error
    except (StopIteration, ValueError) as error:
        raise FormatError(f"{file}: no P2 of twelve numbers, as KITTI's calibrations have it") from error
    metres = np.array([[-4.0, 6.0], [4.0, 6.0], [8.0, 40.0], [-8.0, 40.0]])
    points = np.column_stack([metres[:, 0], np.full(4, float(height)), metres[:, 1], np.ones(4)]) @ matrix.T
    return points[:, :2] / points[:, 2:], metres


def ground_of(table: Any, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points of `[ground]`. Raises FormatError."""
    if isinstance(table, Mapping) and "calibration" in table:
        return calibrated(table, path)
    if not isinstance(table, Mapping) or set(table) != {"image", "metres"}:
        raise FormatError(f"{path}: [ground] has image and metres, and nothing else")
    image, metres = (points_of(table[key], f"{path}: ground.{key}") for key in ("image", "metres"))
    if len(image) != len(metres) or len(image) < 4:
        counts = f"{len(image)} points of the image and {len(metres)} in metres"
        raise FormatError(f"{path}: [ground] has {counts}: wanted four or more of each")
    return image, metres
