"""Tables, lines, zones and the ground, on paths whose truth is known."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mots
from mots.analytics import scene as scenes
from mots.analytics import tables
from mots.analytics.feet import foot_points
from mots.analytics.frame_table import COLUMNS, FrameTable, from_rows, occlusion, table_of
from mots.analytics.ground import Ground, ground_path, motion_of
from mots.analytics.lines import LineCounter, crossings_of
from mots.analytics.paths import LONGEST_GAP, Path2D, paths_of, smoothed
from mots.analytics.scene import Line, Scene, Zone, load
from mots.analytics.tables import FrameTableFile
from mots.analytics.zones import is_inside, visits_of
from mots.cli import main
from mots.counting.counts import count, count_table
from mots.errors import FormatError, InputError, MissingDependency, MotsError
from mots.labels import FrameLabels
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks

SIZE = (240, 320)
RATE = 20.0
ACROSS = Line("across", np.array([[50.0, 100.0], [250.0, 100.0]]))


def table_of_paths(paths: dict[int, tuple[np.ndarray, np.ndarray]], name: str = "car") -> FrameTable:
    """The table of tracks that stand for their times (N,) at their foot points (N, 2), in boxes of 20 x 30."""
    rows = [
        (round(t * RATE), t, track, name, 0.9, x - 10, y - 30, x + 10, y, 600, x, y, 0.0, 0, 1000 + track)
        for track, (times, points) in paths.items()
        for t, (x, y) in zip(times.tolist(), points.tolist(), strict=True)
    ]
    return from_rows(sorted(rows))


def walk(start: tuple[float, float], end: tuple[float, float], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(0.0, seconds, 1 / RATE)
    way = times[:, None] / seconds
    return times, np.array(start) * (1 - way) + np.array(end) * way


def crossed(paths: dict[int, tuple[np.ndarray, np.ndarray]], line: Line = ACROSS) -> list[tuple[str, int]]:
    found = crossings_of(paths_of(table_of_paths(paths)), (line,))
    return [(each.direction, each.track_id) for each in found]


# Lines


def test_forward_is_from_the_left_hand_to_the_right_hand_of_who_walks_along_the_line() -> None:
    down, up = walk((150, 20), (150, 200), 4), walk((150, 200), (150, 20), 4)
    assert crossed({1: down}) == [("forward", 1)]
    assert crossed({1: up}) == [("backward", 1)]
    turned = Line("turned", ACROSS.points[::-1])
    assert crossed({1: down}, turned) == [("backward", 1)]
    upright = Line("upright", np.array([[150.0, 200.0], [150.0, 20.0]]))  # walked upwards: left is left
    assert crossed({1: walk((20, 100), (300, 100), 4)}, upright) == [("forward", 1)]


def test_only_the_line_between_its_ends_counts() -> None:
    assert crossed({1: walk((20, 20), (20, 200), 4), 2: walk((290, 20), (290, 200), 4)}) == []


@pytest.mark.parametrize("seed", range(20))
def test_jitter_at_the_line_is_no_crossing_and_each_identity_counts_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, points = walk((60, 100), (240, 100), 10)  # along the line itself
    along = (times, points + np.stack([np.zeros(len(times)), rng.normal(0, 1.0, len(times))], axis=1))
    assert crossed({1: along}) == []
    times, points = walk((150, 40), (150, 160), 6)
    points = points + rng.normal(0, 2.0, points.shape)
    points[rng.integers(0, len(points), 4), 1] += rng.choice([-40.0, 40.0], 4)  # half hidden: the foot jumps
    assert crossed({1: (times, points)}) == [("forward", 1)]
    back = np.concatenate([points, points[::-1], points])
    assert crossed({1: (np.arange(len(back)) / RATE, back)}) == [("forward", 1), ("backward", 1)]


def test_fast_objects_and_gaps_at_the_line_are_counted() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.3])
    jump = np.array([[150.0, 10.0], [150.0, 70.0], [150.0, 130.0], [150.0, 190.0]])  # two frames at the line
    assert crossed({1: (times, jump)}) == [("forward", 1)]
    times, points = walk((150, 20), (150, 200), 6)
    seen = (times < 2.0) | (times > 4.5)  # nothing for 2.5 s while it crosses
    (found,) = crossings_of(paths_of(table_of_paths({1: (times[seen], points[seen])})), (ACROSS,))
    assert found.direction == "forward"
    assert 2.0 <= found.time <= 4.5


def test_the_time_of_a_crossing_is_interpolated() -> None:
    times, points = walk((150, 40), (150, 160), 6)
    (found,) = crossings_of(paths_of(table_of_paths({1: (times, points)})), (ACROSS,))
    assert found.time == pytest.approx(3.0, abs=0.02)


def frames_of(paths: dict[int, tuple[np.ndarray, np.ndarray]]) -> Iterator[FrameLabels]:
    every = sorted({t for times, _ in paths.values() for t in times.tolist()})
    for k, now in enumerate(every):
        here = {i: p[t == now][0] for i, (t, p) in paths.items() if (t == now).any()}
        corners = [(round(x) - 10, round(y) - 30) for x, y in here.values()]
        masks = Masks.from_crops(SIZE, corners, [np.ones((30, 20), bool)] * len(here))
        ids = np.array(list(here), np.int64)
        none = np.zeros(len(ids), np.int64)
        yield FrameLabels(k, now, ids, none, np.ones(len(ids), np.float32), masks, Masks.empty(SIZE))


@pytest.mark.parametrize("seed", range(5))
def test_the_live_counter_counts_what_the_table_s_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    paths = {}
    for track in range(1, 9):
        ends = [(float(rng.uniform(60, 240)), 20.0), (float(rng.uniform(60, 240)), 200.0)]
        paths[track] = walk(ends[1 - track % 2], ends[track % 2], 6.0)
    counter = LineCounter(ACROSS)
    live = [crossing for frame in frames_of(paths) for crossing in counter.update(frame)]
    after = crossings_of(paths_of(table_of_paths(paths)), (ACROSS,))
    assert sorted((c.direction, c.track_id) for c in live) == sorted((c.direction, c.track_id) for c in after)
    assert counter.counts == {"forward": 4, "backward": 4}
    times = {c.track_id: c.time for c in after}
    assert all(abs(c.time - times[c.track_id]) < 0.5 for c in live)


# Zones

SQUARE = Zone("square", np.array([[100.0, 50.0], [200.0, 50.0], [200.0, 150.0], [100.0, 150.0]]))


def test_a_zone_s_inside_is_that_of_the_even_odd_rule() -> None:
    # A zone's edges must not cross; the rule holds for any polygon.
    star = Zone("star", np.array([[0.0, 0], [10, 0], [10, 10]]))
    object.__setattr__(star, "polygon", np.array([[0.0, 0], [10, 10], [10, 0], [0, 10]]))
    points = np.array([[2.0, 1.0], [8.0, 5.0], [5.0, 1.0], [1.0, 5.0], [20.0, 5.0]])
    assert is_inside(star, points).tolist() == [False, True, False, True, False]


def test_visits_have_their_times_and_jitter_at_the_border_is_none() -> None:
    rng = np.random.default_rng(3)
    through = walk((50, 100), (250, 100), 10)  # inside from 2.5 to 7.5 s
    times, points = walk((50, 49.0), (250, 49.0), 10)
    border = (times, points + rng.normal(0, 0.3, points.shape))
    visits = visits_of(paths_of(table_of_paths({1: through, 2: border})), (SQUARE,))
    assert [visit.track_id for visit in visits] == [1]
    assert [visits[0].enter, visits[0].leave] == pytest.approx([2.5, 7.5], abs=0.1)


def test_a_long_gap_ends_a_visit_and_a_short_one_does_not() -> None:
    times = np.concatenate([np.arange(0, 2, 0.05), np.arange(3, 5, 0.05), np.arange(60, 62, 0.05)])
    visits = visits_of(paths_of(table_of_paths({1: (times, np.full((len(times), 2), 120.0))})), (SQUARE,))
    spans = [each for visit in visits for each in (visit.enter, visit.leave)]
    assert spans == pytest.approx([0.0, 4.95, 60.0, 61.95])


# The ground

METRES = np.array([[0.0, 0.0], [7.0, 0.0], [7.0, 20.0], [0.0, 20.0]])
IMAGE = np.array([[40.0, 220.0], [280.0, 220.0], [200.0, 80.0], [120.0, 80.0]])


def test_four_points_are_mapped_exactly_and_more_by_least_squares() -> None:
    ground = Ground(IMAGE, METRES)
    assert ground.to_metres(IMAGE) == pytest.approx(METRES, abs=1e-9)
    assert ground.error == pytest.approx(0.0, abs=1e-9)
    inner = np.array([[160.0, 150.0], [180.0, 100.0]])
    noisy = ground.to_metres(inner) + np.array([[0.1, 0.0], [0.0, -0.1]])
    more = Ground(np.concatenate([IMAGE, inner]), np.concatenate([METRES, noisy]))
    assert 0.0 < more.error < 0.1
    assert np.isnan(ground.to_metres(np.array([[160.0, -500.0]]))).all()  # above the horizon


@pytest.mark.parametrize(
    "image",
    [
        [[0, 0], [1, 1], [2, 2], [0, 5]],
        [[0, 0], [0, 0], [5, 5], [0, 5]],
        [[0, 0], [1, 0], [2, 0], [3, 0]],
    ],
)
def test_points_that_give_no_map_are_refused(image: list[list[float]]) -> None:
    with pytest.raises(InputError, match="give no map"):
        Ground(np.array(image, np.float64), METRES)


def path_of(
    times: np.ndarray, metres: np.ndarray, rng: np.random.Generator | None = None, noise: float = 0.0
) -> Path2D:
    """A path on a ground of 20 pixels a metre."""
    raw = metres * 20.0 + (rng.normal(0, noise, metres.shape) if rng is not None else 0.0)
    return Path2D(
        1,
        "car",
        np.arange(len(times)),
        times,
        smoothed(times, raw),
        raw,
        np.full(len(times), 30.0),
        np.zeros(len(times), bool),
    )


FLAT = Ground(np.array([[0.0, 0], [200, 0], [200, 200], [0, 200]]), np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]]))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("speed", [0.0, 1.5, 8.0, 20.0])
def test_speeds_and_distances_are_those_of_the_path_within_their_uncertainty(speed: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(np.unique(np.round(np.arange(0, 10, 0.05) + rng.uniform(-0.015, 0.015, 200), 4)))  # uneven
    times = times[(times < 4) | (times > 4.8)]  # and a gap
    metres = np.stack([speed * times, np.full(len(times), 3.0)], axis=1)
    found = motion_of(ground_path(path_of(times, metres, rng, noise=1.5), FLAT))
    span = times[-1] - times[0]
    assert found.mean_mps == pytest.approx(speed, abs=0.12)
    assert found.distance_m == pytest.approx(speed * span, abs=0.12 * span)
    assert 0.005 < found.uncertainty_mps < 0.2
    assert speed - 0.1 <= found.top_mps <= speed + 6 * found.uncertainty_mps


def test_a_sprint_is_found_and_an_hour_s_absence_is_no_distance() -> None:
    times = np.arange(0, 12, 0.05)
    speed = np.where((times > 5) & (times < 7), 8.0, 2.0)
    metres = np.stack([np.cumsum(speed) * 0.05, np.zeros(len(times))], axis=1)
    assert motion_of(ground_path(path_of(times, metres), FLAT)).top_mps == pytest.approx(8.0, abs=0.1)
    later = np.concatenate([times, times + 3600])
    twice = motion_of(ground_path(path_of(later, np.concatenate([metres, metres + 500])), FLAT))
    once = motion_of(ground_path(path_of(times, metres), FLAT))
    assert twice.distance_m == pytest.approx(2 * once.distance_m, rel=0.02)


def test_too_few_places_have_no_speed() -> None:
    found = motion_of(ground_path(path_of(np.array([0.0, 0.1]), np.zeros((2, 2))), FLAT))
    assert math.isnan(found.mean_mps)
    assert math.isnan(found.distance_m)


def test_smoothing_keeps_lines_leaves_out_jumps_and_stops_at_gaps() -> None:
    times = np.arange(0, 5, 0.05)
    line = np.stack([10 + 30 * times, 50 - 5 * times], axis=1)
    assert smoothed(times, line) == pytest.approx(line, abs=1e-6)
    jumped = line.copy()
    jumped[40] += 60
    assert np.abs(smoothed(times, jumped) - line).max() < 1.0
    both = np.concatenate([line, line + 200])
    apart = smoothed(np.concatenate([times, times + 5 + LONGEST_GAP]), both)
    assert apart == pytest.approx(both, abs=1e-6)


# Tables


def test_the_foot_point_is_the_middle_of_the_lowest_rows() -> None:
    wide = np.zeros((40, 20), bool)
    wide[:, 5:10] = True
    wide[:5] = True
    masks = Masks.from_crops(SIZE, [(100, 50), (0, 0)], [wide, np.zeros((3, 3), bool)])
    assert foot_points(masks).tolist() == [[107.5, 90.0], [0.0, 0.0]]


def test_the_table_says_what_the_frames_say(tmp_path: Path) -> None:
    world = World(8, WorldSettings(height=90, width=160, walkers=6, vehicles=2))
    truth = [world.truth(k) for k in range(6)]
    table = table_of(truth)
    assert len(table) == sum(int((frame.masks.areas() > 0).sum()) for frame in truth)
    first = truth[0]
    rows = table.frame == first.frame
    full = np.flatnonzero(first.masks.areas())
    assert table.boxes[rows].tolist() == first.masks.boxes[full].tolist()
    assert table.area[rows].tolist() == first.masks.areas()[full].tolist()
    assert ((table.occluded >= 0) & (table.occluded <= 1)).all()
    with FrameTableFile(tmp_path) as file:
        for frame in truth:
            file.write(frame)
    read = tables.read(tmp_path / "frames.csv")
    for name in ("frame", "track_id", "classes", "area", "boxes", "mots_id", "predicted"):
        assert (getattr(read, name) == getattr(table, name)).all()
    assert read.foot == pytest.approx(table.foot, abs=0.01)


def test_the_share_under_others_is_counted_in_the_box() -> None:
    hidden = np.ones((40, 20), bool)
    hidden[20:, :10] = False  # a quarter of its box is another one's
    masks = Masks.from_crops(SIZE, [(10, 10), (10, 30)], [hidden, np.ones((20, 10), bool)])
    assert occlusion(masks).tolist() == [0.25, 0.0]


def test_files_and_tracks_name_an_object_by_the_same_number() -> None:
    masks = Masks.from_crops(SIZE, [(10, 10)], [np.ones((5, 5), bool)])
    one = FrameLabels(0, 0.0, np.array([2_001_234]), np.array([0]), np.ones(1, np.float32), masks, Masks.empty(SIZE))
    assert (table_of([one]).track_id[0], table_of([one]).mots_id[0]) == (1234, 2_001_234)


def test_a_stopped_table_replaces_none_and_keeps_its_rows(tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("old")
    with pytest.raises(InputError, match=r"frames\.csv exists"):
        FrameTableFile(tmp_path)

    def stopped() -> None:
        with FrameTableFile(tmp_path, overwrite=True) as file:
            file.write(next(iter(frames_of({1: walk((150, 100), (150, 120), 1)}))))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (tmp_path / "frames.csv").read_text() == "old"
    assert len((tmp_path / "frames.csv.partial").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "wanted the columns frame, time_s"),
        (f"{','.join(COLUMNS)}\n1,2\n", r"frames\.csv:2: not a row"),
        (f"{','.join(COLUMNS)}\n1,nan,1,car,1,0,0,1,1,1,0,0,0,0,1001\n", r"frames\.csv:2: .*time_s is nan"),
        (f"{','.join(COLUMNS)}\n1,0,1,car,1,0,0,1,1,{10**20},0,0,0,0,1001\n", r"frames\.csv:2: .*area is 1000"),
        (f"{','.join(COLUMNS)}\n{','.join(['x'] * len(COLUMNS))}\n", r"frames\.csv:2: not a row"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text(text)
    with pytest.raises(FormatError, match=message):
        tables.read(tmp_path / "frames.csv")


def test_a_data_frame_has_the_same_columns(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    frame = tables.frames(frames_of({1: walk((150, 100), (150, 120), 1)}))
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == 20
    assert frame["foot_y"].is_monotonic_increasing


# The command


SCENE = """
[[line]]
name = "across"
points = [[50, 100], [250, 100]]
[[zone]]
name = "square"
polygon = [[100, 50], [200, 50], [200, 150], [100, 150]]
[ground]
image = [[40, 220], [280, 220], [200, 80], [120, 80]]
metres = [[0, 0], [7, 0], [7, 20], [0, 20]]
"""


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_run_is_counted_from_its_table(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    paths = {1: walk((150, 20), (150, 200), 6), 2: walk((120, 200), (120, 60), 6)}

    class Walkers:
        names: dict[int, str] = {}  # noqa: RUF012
        coarse = False

        def __init__(self) -> None:
            self.frames = frames_of(paths)

        def detect(self, images: Any, classes: Any = ()) -> list[mots.Detections]:
            masks = next(self.frames).masks
            return [mots.Detections.from_masks(masks, [0.9] * len(masks), [0] * len(masks))]

    images = [(np.zeros((*SIZE, 3), np.uint8), k / RATE) for k in range(120)]
    mots.record(images, tmp_path / "run", detector=Walkers(), table=kind, quiet=True)
    (tmp_path / "scene.toml").write_text(SCENE)
    words = ["count", str(tmp_path / "run"), "--scene", str(tmp_path / "scene.toml"), "--output", str(tmp_path / "c")]
    assert main([*words, "--interval", "2"]) == 0
    assert "across: forward 1, backward 1\nsquare: 2 visits\n2 tracks with speeds" in capsys.readouterr().out
    crossings = rows_in(tmp_path / "c/crossings.csv")
    assert [(row["direction"], row["class"], row["track_id"]) for row in crossings] == [
        ("forward", "person", "1"),
        ("backward", "person", "2"),
    ]
    assert float(crossings[0]["time_s"]) == pytest.approx(80 / 30, abs=0.1)
    counts = rows_in(tmp_path / "c/counts.csv")
    assert [(row["direction"], row["start_s"], row["end_s"], row["count"]) for row in counts] == [
        ("forward", "2.000", "4.000", "1"),
        ("backward", "4.000", "5.950", "1"),
    ]
    assert {row["zone"] for row in rows_in(tmp_path / "c/zones.csv")} == {"square"}
    assert all(float(row["distance_m"]) > 5 for row in rows_in(tmp_path / "c/speeds.csv"))
    assert main(words) == 2
    assert "exists: choose another folder" in capsys.readouterr().err
    # MOTS text has no times of its own.
    text = [*words[:1], str(tmp_path / "run/arrays.txt"), *words[2:], "--overwrite"]
    assert main(text) == 2
    assert "MOTS text has no times" in capsys.readouterr().err
    assert main([*text, "--frame-rate", str(RATE)]) == 0
    again = rows_in(tmp_path / "c/crossings.csv")
    assert [row["track_id"] for row in again] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[line]\n", "not TOML"),
        ("[[lines]]\nname = 'a'\n", "unknown 'lines': there are size"),
        ("[line]\nname = 'a'\n", r"lines are tables \[\[line\]\]"),
        ("[[line]]\npoints = [[0, 0], [1, 1]]\n", r"a \[\[line\]\] has name and points"),
        ("[[line]]\nname = 'a'\npoints = [[0, 0]]\n", "line 'a': wanted two different points"),
        ("[[line]]\nname = 'a'\npoints = [[0, 0], [0, 0]]\n", "line 'a': wanted two different points"),
        ("[[line]]\nname = 'a'\npoints = [[0, 0], ['x', 0]]\n", r"line 'a': wanted points \[x, y\]"),
        ("[[line]]\nname = 'a'\npoints = [[0, 0], [nan, 0]]\n", r"line 'a': wanted points \[x, y\]"),
        ("[[zone]]\nname = 'z'\npolygon = [[0, 0], [1, 1]]\n", "zone 'z': wanted three or more"),
        (
            "[[zone]]\nname = 'z'\npolygon = [[0, 0], [1, 1], [0, 1]]\ncolour = 1\n",
            r"a \[\[zone\]\] has name and polygon",
        ),
        ("[ground]\nimage = [[0, 0]]\nmetres = [[0, 0]]\n", "four or more of each"),
        ("[ground]\nimage = [[0, 0]]\n", r"\[ground\] has image and metres"),
        (SCENE + "[[line]]\nname = 'across'\npoints = [[0, 0], [9, 9]]\n", "the line 'across' stands there twice"),
        ("", "nothing to count"),
    ],
)
def test_a_scene_s_mistakes_are_named_with_the_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text(text)
    with pytest.raises(MotsError, match=rf"scene\.toml: .*{message}|scene\.toml: {message}"):
        count(tmp_path, tmp_path / "scene.toml", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_counted_in_nothing(tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text(SCENE)
    counts = count_table(from_rows([]), load(tmp_path / "scene.toml"))
    assert (counts.crossings, counts.visits, counts.motions) == ([], [], [])
    assert count_table(from_rows([]), Scene()).end == 0.0


def test_the_vehicles_of_a_real_street_are_counted_as_by_eye(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    line = Line("road", np.array([[150.0, 200.0], [520.0, 200.0]]))
    weights = str(shared / "weights/yolov8n-seg.onnx")
    try:
        frames = mots.track(shared / "data/traffic/street.mp4", preset="traffic", weights=weights)
        counter, first = LineCounter(line), []
        for frame in frames:
            first += counter.update(frame)
            if frame.frame == 180:
                break
    except MissingDependency as error:
        pytest.skip(str(error))
    # Counted by eye: downwards at about frames 12, 68, 118 and 168, none upwards.
    assert [crossing.direction for crossing in first] == ["forward"] * 4
    assert [round(crossing.time * 24) for crossing in first] == pytest.approx([12, 68, 118, 168], abs=6)


def test_a_calibration_of_kitti_is_a_ground(tmp_path: Path) -> None:
    # P2 of KITTI's sequence 0002: f = 721.5377, c = (609.5593, 172.854)
    numbers = "721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884"
    (tmp_path / "calib.txt").write_text(f"P0: 1\nP2: {numbers}\nR_rect 1\n")
    (tmp_path / "scene.toml").write_text('[ground]\ncalibration = "calib.txt"\n')
    scene = scenes.load(tmp_path / "scene.toml")
    assert scene.ground is not None
    ground = Ground(*scene.ground)
    # A point of the ground 10 m ahead and 2 m to the right, projected by hand.
    depth = 10 + 0.002745884
    pixel = ((721.5377 * 2 + 609.5593 * 10 + 44.85728) / depth, (721.5377 * 1.65 + 172.854 * 10 + 0.2163791) / depth)
    assert ground.to_metres(np.array([pixel]))[0] == pytest.approx([2.0, 10.0], abs=1e-6)
    for text, message in (
        ('[ground]\ncalibration = "none.txt"\n', r"none\.txt: cannot be read"),
        ('[ground]\ncalibration = "scene.toml"\n', "no P2 of twelve numbers"),
        ('[ground]\ncalibration = "calib.txt"\nheight = -1\n', "a height in metres"),
    ):
        (tmp_path / "scene.toml").write_text(text)
        with pytest.raises(FormatError, match=message):
            scenes.load(tmp_path / "scene.toml")
