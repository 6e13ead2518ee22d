"""`mots count`: what a scene asks for, of a run's results."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mots.analytics import scene as scenes
from mots.analytics import tables
from mots.analytics.frame_table import FrameTable, table_of
from mots.analytics.ground import Ground, GroundPath, Motion, ground_path, motion_of
from mots.analytics.lines import Crossing, crossings_of
from mots.analytics.paths import Path2D, paths_of
from mots.analytics.teams import Shirts, Team, teams_of
from mots.analytics.zones import Visit, visits_of
from mots.counting.doubts import Doubt, doubts_of
from mots.counting.files import write
from mots.counting.flows import Flow, Occupancy, flows_of, occupancy_of
from mots.counting.sports import Player, player_of
from mots.counting.traffic import Passing, passings_of
from mots.errors import FormatError, InputError, MotsWarning
from mots.files import read_file
from mots.formats.convert import read_results
from mots.formats.mots_text import people_numbers, split_id
from mots.labels import FrameLabels, HasLabels
from mots.storage.run_folder import TABLE_ENDINGS, folder_of, tables_in, texts_in
from mots.video.frame import Frame

__all__ = ["Counts", "count", "count_table", "table_of_results", "teams_in"]

MOST_INTERVALS = 100_000


@dataclass(frozen=True)
class Counts:
    """Everything that was counted. `end`: the last moment in seconds. `size`: (height, width) of the frames where
    that is known, zeros otherwise."""

    scene: scenes.Scene
    end: float = 0.0
    size: tuple[int, int] = (0, 0)
    paths: list[Path2D] = field(default_factory=list)
    grounds: list[GroundPath] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    passings: list[Passing] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    occupancy: list[Occupancy] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    motions: list[Motion] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)
    players: list[Player] = field(default_factory=list)


def table_of_results(results: Path, frame_rate: float | None) -> FrameTable:
    """The table of a run's folder or of MOTS text.

    A folder's `frames.csv` or `frames.parquet` has the times; those of MOTS text are frame / `frame_rate`. The size of
    the frames is that of the text beside a table. Raises InputError where there are no results, no times, or a table
    of other results.
    """
    if not results.exists():
        raise InputError(f"{results}: no such file or folder")
    if results.is_dir():
        there = tables_in(results)
        texts = texts_in(results)
        if there and len(texts) <= 1:
            if frame_rate is not None:
                message = f"{there[0]} has the times already: leave the frame rate out"
                raise InputError(message, parameters=("frame_rate",))
            table = tables.read(there[0])
            if texts and not is_of(table, texts[0]):
                message = f"{there[0]} is a table of other results than {texts[0].name}: track again with a table"
                raise InputError(message, parameters=("table", "overwrite"))
            return replace(table, size=size_of_text(text_of(results)))
        if len(texts) != 1:
            raise InputError(f"{results}: {len(texts)} text files here: name one of them")
        results = texts[0]
    if results.suffix in TABLE_ENDINGS:
        return replace(tables.read(results), size=size_of_text(text_of(results)))
    if frame_rate is None:
        raise InputError(
            f"{results}: MOTS text has no times: track with a table, or name the frames a second",
            parameters=("table", "frame_rate"),
        )
    if not 0 < frame_rate < float("inf"):
        raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
    return table_of(read_results(results, frame_rate=frame_rate))


def has_table(results: Path) -> bool:
    """Whether `table_of_results` reads a table of a run's folder."""
    return results.is_dir() and bool(tables_in(results)) and len(texts_in(results)) <= 1


def is_of(table: FrameTable, text: Path) -> bool:
    """Whether a table has the objects of MOTS text: the same tracks in the same frames. Raises FormatError."""
    try:
        fields = [line.split(b" ", 2) for line in read_file(text).splitlines()]
        wanted = {(int(frame), split_id(int(identity))[1]) for frame, identity, _ in fields}
    except (OSError, ValueError) as error:
        raise FormatError(f"{text}: not MOTS text ({error})") from error
    return wanted == set(zip(table.frame.tolist(), table.track_id.tolist(), strict=True))


def warn_of_places(scene: scenes.Scene, table: FrameTable) -> None:
    """Warn of lines and zones that lie wholly where no object was ever seen: the scene may be of other frames."""
    if not len(table):
        return
    low, high = table.boxes[:, :2].min(axis=0), table.boxes[:, 2:].max(axis=0)
    shapes = [*((f"line '{each.name}'", each.points) for each in scene.lines)]
    shapes += [(f"zone '{each.name}'", each.polygon) for each in scene.zones]
    for name, points in shapes:
        if (points.max(axis=0) < low).any() or (points.min(axis=0) > high).any():
            seen = f"x {low[0]:.0f} to {high[0]:.0f}, y {low[1]:.0f} to {high[1]:.0f}"
            message = f"{name} lies outside of where objects were seen ({seen}): is the scene of these frames?"
            warnings.warn(MotsWarning(message), stacklevel=3)


def count_table(
    table: FrameTable,
    scene: scenes.Scene,
    interval: float | None = None,
    teams: Iterable[Team] = (),
    size: tuple[int, int] = (0, 0),
) -> Counts:
    """Everything that a scene asks for, of a table. `interval`: seconds of each row of occupancies; None: all of them.
    Raises InputError for a ground that gives no map."""
    paths = paths_of(table)
    end = float(table.time_s.max()) if len(table) else 0.0
    grounds: list[GroundPath] = []
    if scene.ground is not None:
        ground = Ground(*scene.ground)
        grounds = [ground_path(path, ground) for path in paths]
    motions = [motion_of(path) for path in grounds]
    crossings = crossings_of(paths, scene.lines)
    visits = visits_of(paths, scene.zones)
    every = list(teams)
    by_track = {team.track_id: team.team for team in every}
    return Counts(
        scene,
        end,
        size,
        paths,
        grounds,
        crossings,
        doubts_of(crossings, paths),
        passings_of(crossings, {path.track_id: path for path in grounds}),
        visits,
        occupancy_of(visits, [zone.name for zone in scene.zones], end, interval or max(end, 1e-9)),
        flows_of(crossings, visits),
        motions,
        every,
        [player_of(motion, path, by_track) for motion, path in zip(motions, grounds, strict=True)],
    )


def teams_in(frames: Iterable[Frame], results: Iterable[HasLabels]) -> list[Team]:
    """The team of each person, from the shirts in the frames. `results`: those of MOTS text or of `mots.track`; frames
    are paired by their numbers. Raises InputError for results of another frame size."""
    shirts, people = Shirts(), set()
    by_frame = {each.labels.frame: each for each in results}
    for frame in frames:
        found = by_frame.get(frame.number)
        if found is None or not len(found.labels):
            continue
        if found.labels.size != frame.image.shape[:2]:
            (h, w), (high, wide) = found.labels.size, frame.image.shape[:2]
            raise InputError(f"results of {h} x {w} frames for a source of {high} x {wide}: name the right source")
        shirts.add(frame.image, found)
        people |= set(found.labels.ids[found.labels.classes == 0].tolist())
    tracks: Mapping[int, np.ndarray] = shirts.tracks()
    if not all(isinstance(each, FrameLabels) for each in by_frame.values()):
        return teams_of(tracks, people)
    numbers = people_numbers(i for each in by_frame.values() for i in each.labels.ids.tolist())
    return teams_of({numbers[key]: colour for key, colour in tracks.items()}, [numbers[each] for each in people])


def count(
    results: str | Path,
    scene: str | Path | scenes.Scene,
    output: str | Path,
    *,
    interval: float | None = None,
    frame_rate: float | None = None,
    source: str | Path | None = None,
    sport: bool = False,
    plots: bool = False,
    parquet: bool = False,
    overwrite: bool = False,
) -> Counts:
    """Count what a scene asks for, and write the tables into `output` (see docs/counting.md).

    `results`: a run's folder or MOTS text, see `table_of_results`. `interval`: seconds of each row of counts.csv; None:
    all of them. `source`: the frames, for teams and for pictures. `sport`: also players and, with a source, their
    teams; so where the scene has a pitch. `plots`: also pictures. `parquet`: each table as Parquet too. Raises
    InputError and FormatError for what cannot be read, MotsError where a file cannot be written.
    """
    results, output = Path(results), Path(output)
    if not isinstance(scene, (str, Path, scenes.Scene)):
        raise InputError(f"scene is a {type(scene).__name__}: wanted a Scene or the path of a scene.toml")
    found = scene if isinstance(scene, scenes.Scene) else scenes.load(scene)
    sport = sport or bool(found.pitch)
    if not (found.lines or found.zones or found.ground or sport):
        raise InputError(f"{scene}: nothing to count: wanted [[line]], [[zone]] or [ground]")
    for name, value in (("interval", interval), ("frame_rate", frame_rate)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise InputError(f"{name} is {value!r}: wanted a number", parameters=(name,))
    if interval is not None and not 0 < interval < float("inf"):
        raise InputError(f"an interval of {interval}: wanted seconds, above 0", parameters=("interval",))
    table = table_of_results(results, frame_rate)
    if interval is not None and len(table) and float(table.time_s.max()) / interval > MOST_INTERVALS:
        message = f"an interval of {interval:g} s gives more than {MOST_INTERVALS} rows a zone"
        raise InputError(message, parameters=("interval",))
    text = text_of(results)
    size = table.size
    found.check_size(size, str(results))
    warn_of_places(found, table)
    teams: list[Team] = []
    if sport and source is not None:
        if text is None:
            raise InputError(f"{results}: no MOTS text beside the table: teams need the masks")
        teams = teams_in(frames_of(source), read_results(text))
    counts = count_table(table, found, interval, teams, size)
    read = [results, *([text] if text else []), None if isinstance(scene, scenes.Scene) else Path(scene)]
    if source is not None:
        read.append(Path(source))
    pictures = {}
    if plots:
        from mots.counting.plots import check, pictures_of

        image = None if source is None else first_frame(source, table)
        if image is not None and size != (0, 0) and image.shape[:2] != size:
            (h, w), (high, wide) = size, image.shape[:2]
            raise InputError(f"{source}: frames of {high} x {wide}, and {results} is of {h} x {w} (height x width)")
        pictures = pictures_of(counts, image, sport=sport)
        check(output, pictures, read, overwrite)
    write(output, counts, interval, read, sport=sport, parquet=parquet, overwrite=overwrite)
    if plots:
        from mots.counting.plots import write_pictures

        write_pictures(output, pictures)
    return counts


def text_of(results: Path) -> Path | None:
    """The MOTS text of results: the file itself, or the only one in a run's folder."""
    if results.is_file() and results.suffix not in TABLE_ENDINGS:  # the table of a run lies beside its text
        return results if results.suffix == ".txt" else None
    texts = texts_in(folder_of(results))
    return texts[0] if len(texts) == 1 else None


def size_of_text(text: Path | None) -> tuple[int, int]:
    """(height, width) of the frames in the first line of MOTS text; zeros where there is none."""
    if text is None:
        return 0, 0
    with text.open("rb") as file:
        fields = file.readline(200).split(b" ")
    return (
        (int(fields[3]), int(fields[4])) if len(fields) > 5 and fields[3].isdigit() and fields[4].isdigit() else (0, 0)
    )


def frames_of(source: str | Path) -> Iterable[Frame]:
    """The frames of a source."""
    from mots.video.opening import open_source

    return open_source(source)


def first_frame(source: str | Path, table: FrameTable) -> np.ndarray | None:
    """The first image of a source that results were found in, or its first one."""
    first = int(table.frame.min()) if len(table) else 0
    found = None
    for frame in frames_of(source):
        found = frame.image if found is None or frame.number == first else found
        if frame.number >= first:
            break
    return found
