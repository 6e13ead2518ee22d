"""What `mots count` makes of paths: doubts, flows, occupancy, traffic, players, teams, pictures; and the same live."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_analytics import ACROSS, FLAT, RATE, table_of_paths, walk

import mots
from mots.analytics.ground import Ground, SpeedMeter, ground_path, motion_of
from mots.analytics.lines import Crossing, LineCounter, crossings_of
from mots.analytics.maps import TopView, heat_map
from mots.analytics.paths import LONGEST_GAP, paths_of
from mots.analytics.pitch import TEMPLATES, template
from mots.analytics.scene import Line, Scene, Zone
from mots.analytics.teams import ODD, UNKNOWN, Team, lab_of, shirt_colours, teams_of
from mots.analytics.zones import Visit, visits_of
from mots.cli import main
from mots.counting.counts import count, count_table, teams_in
from mots.counting.doubts import doubts_of
from mots.counting.flows import Flow, flows_of, occupancy_of
from mots.counting.live import SceneWatcher, ZoneCounter
from mots.counting.sports import player_of
from mots.counting.traffic import passings_of
from mots.labels import FrameLabels
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks
from mots.video.frame import Frame

SQUARE = Zone("square", np.array([[100.0, 50.0], [200.0, 50.0], [200.0, 150.0], [100.0, 150.0]]))
SIZE = (240, 320)


def labels_of(number: int, feet: dict[int, tuple[float, float]], class_id: int = 2) -> FrameLabels:
    """A frame of boxes of 20 x 30 that stand at these points."""
    masks = Masks.from_crops(
        SIZE, [(round(x) - 10, round(y) - 30) for x, y in feet.values()], [np.ones((30, 20), bool)] * len(feet)
    )
    n = len(feet)
    return FrameLabels(
        number, number / RATE, np.array(list(feet), np.int64), np.full(n, class_id), np.ones(n, np.float32), masks,
        Masks.empty(SIZE),
    )  # fmt: skip


def test_crossings_of_short_and_of_joined_tracks_are_doubtful() -> None:
    times, points = walk((150, 20), (150, 200), 4)
    gap = (times < 1.0) | (times > 2.6)
    blink = walk((150, 80), (150, 130), 0.4)
    paths = paths_of(table_of_paths({1: (times, points), 2: (times[gap], points[gap]), 3: blink}))
    found = doubts_of(crossings_of(paths, (ACROSS,)), paths)
    assert [(each.crossing.track_id, each.reason) for each in found] == [(3, "short"), (2, "joined")]


def test_flows_go_from_the_first_to_the_last_place() -> None:
    def crossing(track: int, line: str, time: float, name: str = "car") -> Crossing:
        return Crossing(line, "forward", track, name, time, 0)

    crossings = [crossing(1, "in", 1.0), crossing(1, "out", 5.0), crossing(2, "in", 2.0), crossing(3, "out", 1.0)]
    visits = [Visit("yard", 1, "car", 2.0, 4.0), Visit("yard", 2, "bus", 3.0, 9.0), Visit("yard", 4, "car", 0.0, 1.0)]
    assert flows_of(crossings, visits) == [Flow("in", "out", "car", 1), Flow("in", "yard", "car", 1)]


def test_occupancy_is_time_in_the_zone() -> None:
    visits = [Visit("z", 1, "car", 0.0, 4.0), Visit("z", 2, "car", 3.0, 10.0), Visit("other", 3, "car", 0.0, 10.0)]
    first, second = occupancy_of(visits, ["z"], 10.0, 5.0)
    assert (first.start, first.end, first.most, first.entries, first.exits) == (0.0, 5.0, 2, 2, 1)
    assert first.mean == pytest.approx((4 + 2) / 5)
    assert (second.mean, second.most, second.entries, second.exits) == (1.0, 1, 0, 1)
    (empty,) = occupancy_of([], ["z"], 0.0, 1e-9)
    assert (empty.mean, empty.most) == (0.0, 0)


def test_a_motionless_object_on_the_border_visits_once_at_most() -> None:
    for x in (99.5, 100.0, 100.2, 200.0):
        times = np.arange(0, 60, 1 / RATE)
        points = np.full((len(times), 2), [x, 100.0])
        assert len(visits_of(paths_of(table_of_paths({1: (times, points)})), (SQUARE,))) <= 1


def test_hours_of_one_track_are_smoothed_in_a_moment() -> None:
    times = np.arange(0, 3600 * 4, 0.1)
    points = np.full((len(times), 2), 120.0)
    (path,) = paths_of(table_of_paths({1: (times, points)}))
    assert path.points == pytest.approx(points, abs=1e-6)
    assert motion_of(ground_path(path, FLAT)).distance_m == pytest.approx(0.0, abs=1e-6)


def test_headways_and_gaps() -> None:
    tracks = {k: walk((150, 20), (150, 200), 4) for k in (1, 2, 3)}  # 45 pixels a second: 2.25 m/s on the flat ground
    tracks = {k: (times + 2.0 * k, points) for k, (times, points) in tracks.items()}
    paths = paths_of(table_of_paths(tracks))
    grounds = {path.track_id: ground_path(path, FLAT) for path in paths}
    found = passings_of(crossings_of(paths, (ACROSS,)), grounds)
    assert math.isnan(found[0].headway_s)
    assert [each.headway_s for each in found[1:]] == pytest.approx([2.0, 2.0], abs=0.02)
    assert [each.speed_kmh for each in found] == pytest.approx([2.25 * 3.6] * 3, rel=0.02)
    assert found[1].gap_m == pytest.approx(4.5, rel=0.03)
    assert all(math.isnan(each.speed_kmh) for each in passings_of(crossings_of(paths, (ACROSS,)), {}))


def test_sprints_are_runs_of_high_speed() -> None:
    times = np.arange(0, 20, 0.05)
    fast = ((times > 3) & (times < 5)) | ((times > 9) & (times < 9.3)) | ((times > 12) & (times < 14))
    x = np.cumsum(np.where(fast, 8.0, 2.0)) * 0.05 * 20.0
    (path,) = paths_of(table_of_paths({7: (times, np.stack([x, np.full(len(x), 60.0)], axis=1))}))
    ground = ground_path(path, FLAT)
    player = player_of(motion_of(ground), ground, {7: "B"})
    assert (player.sprints, player.team) == (2, "B")
    assert 20.0 < player.sprint_m < 2 * 2 * 8.0  # the beginning and the end of each are smoothed away


# Teams


def coloured(rng: np.random.Generator, centres: list[tuple[float, ...]], count: int) -> dict[int, np.ndarray]:
    return {k: np.array(centres[k % len(centres)]) + rng.normal(0, 4, 3) for k in range(count)}


@pytest.mark.parametrize("seed", range(5))
def test_two_colours_are_two_teams_and_what_is_far_from_both_is_neither(seed: int) -> None:
    rng = np.random.default_rng(seed)
    colours = coloured(rng, [(50, 60, 40), (45, 10, -60), (52, 58, 42)], 21)
    colours[100], colours[101] = np.array([80.0, -70, 70]), np.array([47.5, 35, -10])
    found = {team.track_id: team for team in teams_of(colours, [200])}
    assert {found[k].team for k in range(21) if k % 3 != 1} == {"A"}
    assert {found[k].team for k in range(21) if k % 3 == 1} == {"B"}
    assert min(found[k].score for k in range(21)) > 0.5
    assert found[100].team == ODD
    assert found[101].team == UNKNOWN  # between both
    assert found[200].team == UNKNOWN  # never seen well


def test_one_colour_is_no_two_teams() -> None:
    rng = np.random.default_rng(1)
    assert {team.team for team in teams_of(coloured(rng, [(50, 20, 20)], 12))} == {UNKNOWN}
    assert teams_of({}) == []
    assert [team.team for team in teams_of({3: np.zeros(3)})] == [UNKNOWN]


def test_a_shirt_s_colour_is_that_of_the_breast() -> None:
    image = np.zeros((100, 60, 3), np.uint8)
    image[20:50, 10:40] = (200, 30, 30)
    masks = Masks.from_crops((100, 60), [(10, 0), (0, 0)], [np.ones((100, 30), bool), np.ones((4, 4), bool)])
    colours = shirt_colours(image, masks)
    assert colours[0] == pytest.approx(lab_of(np.array([[200, 30, 30]], np.uint8))[0])
    assert np.isnan(colours[1]).all()
    assert lab_of(np.array([[255, 255, 255], [0, 0, 0]], np.uint8)) == pytest.approx(
        np.array([[100, 0, 0], [0, 0, 0]]), abs=0.02
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_teams_of_the_toy_world(seed: int) -> None:
    world = World(seed, WorldSettings(teams=True, pan=0.0, walkers=14, vehicles=0, light=0.1))
    frames, truths = [], []
    for k in range(0, 120, 4):
        image, truth = world.frame(k)
        frames.append(Frame(k, k / 25, image))
        truths.append(truth)
    wanted = {identity: world.team_of(identity) for truth in truths for identity in truth.ids.tolist()}
    # Frames in memory have the ids of MOTS text: the instance is the track.
    files = [mots.FrameLabels(t.frame, t.time, t.ids + 2000, t.classes, t.scores, t.masks, t.ignore) for t in truths]
    found = {team.track_id: team.team for team in teams_in(frames, files)}
    assert set(found) == set(wanted)
    clear = {k: team for k, team in found.items() if team in "AB"}
    assert len(clear) >= 0.6 * len(wanted)
    swapped = {k: {"A": "B", "B": "A"}.get(team, team) for k, team in clear.items()}
    right = max(sum(each[k] == wanted[k] for k in clear) for each in (clear, swapped))
    assert right >= 0.95 * len(clear)


# Live


def test_zones_are_counted_live() -> None:
    counter = ZoneCounter(SQUARE)
    visits: list[Visit] = []
    times, points = walk((50, 100), (250, 100), 10)  # inside from 2.5 to 7.5 s
    for k, point in enumerate(points.tolist()):
        visits += counter.update(labels_of(k, {3: (point[0], point[1])}))
        assert (3 in counter.inside) == (2.8 < times[k] < 7.4) or not (2.8 < times[k] < 7.4)
    assert (counter.entries, counter.exits) == (1, 1)
    assert [visits[0].enter, visits[0].leave] == pytest.approx([2.5, 7.5], abs=0.3)
    assert visits[0].class_name == "car"


def test_speeds_are_measured_live() -> None:
    meter = SpeedMeter(
        Ground(np.array([[0.0, 0], [200, 0], [200, 200], [0, 200]]), np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]]))
    )
    _, points = walk((20, 100), (220, 100), 4)  # 50 pixels a second: 2.5 m/s
    speeds = {}
    for k, point in enumerate(points.tolist()):
        speeds = meter.update(labels_of(k, {3: (point[0], point[1])}))
    assert speeds[3] == pytest.approx(2.5, rel=0.05)


def test_a_scene_is_watched_live_and_its_events_are_json() -> None:
    scene = Scene(
        (ACROSS,),
        (SQUARE,),
        (np.array([[0.0, 0], [200, 0], [200, 200], [0, 200]]), np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])),
    )
    watcher = SceneWatcher(scene, {80: "tractor"})
    _, points = walk((150, 35), (150, 200), 6)
    events: list[dict[str, Any]] = []
    for k, point in enumerate(points.tolist()):
        events += watcher.update(labels_of(k, {3: (point[0], point[1])}, 80))
    assert [event["event"] for event in events] == ["enter", "crossing", "exit"]
    crossing = json.loads(json.dumps(events[1]))
    assert (crossing["line"], crossing["direction"], crossing["class"]) == ("across", "forward", "tractor")
    assert crossing["speed_mps"] == pytest.approx(165 / 6 / 20, rel=0.1)


def test_each_exit_has_its_enter_and_short_stays_have_neither() -> None:
    def watched(inside: list[tuple[float, float]], unseen: tuple[float, float] = (0, 0)) -> list[tuple[str, float]]:
        watcher, events = SceneWatcher(Scene((), (SQUARE,))), []
        for k in range(round(12 * RATE)):
            now = k / RATE
            if unseen[0] <= now < unseen[1]:
                events += watcher.update(labels_of(k, {}))
                continue
            within = any(enter <= now < leave for enter, leave in inside)
            events += watcher.update(labels_of(k, {1: (150.0, 100.0) if within else (20.0, 200.0)}))
        return [(event["event"], event["time_s"]) for event in events]

    names = [name for name, _ in watched([(1, 11)], unseen=(4, 4 + LONGEST_GAP + 1))]
    assert names == ["enter", "exit", "enter", "exit"]
    assert [name for name, _ in watched([(1, 1.05)])] == []
    assert [name for name, _ in watched([(1, 20)])] == ["enter"]  # it is inside still


def test_two_classes_with_one_instance_are_two_tracks(tmp_path: Path) -> None:
    frames = [labels_of(k, {1001: (20.0 + k, 60.0), 2001: (300.0 - k, 200.0)}) for k in range(100)]
    table = mots.analytics.frame_table.table_of(frames)
    assert set(table.track_id.tolist()) == {1001, 2001}
    assert len(paths_of(table)) == 2


def test_a_live_counter_knows_a_checkpoint_s_own_classes() -> None:
    counter = LineCounter(ACROSS, {80: "tractor"})
    _, points = walk((150, 20), (150, 200), 4)
    found = [c for k, p in enumerate(points.tolist()) for c in counter.update(labels_of(k, {1: (p[0], p[1])}, 80))]
    assert [crossing.class_name for crossing in found] == ["tractor"]


# Pictures


def test_a_heat_map_is_hot_where_time_was_spent() -> None:
    blank = Image.new("RGB", (200, 100), (0, 0, 0))
    times = np.concatenate([np.arange(0, 50, 0.1), 50 + LONGEST_GAP * 2 + np.arange(0, 1, 0.1)])
    points = np.concatenate([np.full((500, 2), [40.0, 50.0]), np.full((10, 2), [160.0, 50.0])])
    picture = np.asarray(heat_map(blank, [(times, points)])).astype(int).sum(axis=2)
    assert picture[50, 40] > picture[50, 160] > picture[10, 100] == 0
    assert (np.asarray(heat_map(blank, [])) == 0).all()


@pytest.mark.parametrize("name", TEMPLATES)
def test_pitches_lie_inside_their_size_and_are_the_same_at_both_ends(name: str) -> None:
    pitch = template(name)
    points = np.concatenate(pitch.lines)
    assert points.min() >= -1e-9
    assert (points.max(axis=0) <= [pitch.length + 1e-9, pitch.width + 1e-9]).all()
    turned = np.stack([pitch.length - points[:, 0], points[:, 1]], axis=1)
    assert all(np.abs(points - each).sum(axis=1).min() < 0.6 for each in turned[::7])
    view = TopView.of(np.zeros((0, 2)), name)
    corner = view.pixels(np.array([[pitch.length, pitch.width]]))[0]
    assert (corner < [view.size[1], view.size[0]]).all()


# The command


def run_of_walkers(tmp_path: Path) -> tuple[Path, Path]:
    """A run's folder and its frames: four players of two teams that walk across, on a ground of 20 pixels a metre."""
    shirts = [(220, 40, 40), (40, 60, 220), (220, 40, 40), (40, 60, 220)]
    (tmp_path / "frames").mkdir()
    images = []
    for k in range(60):
        image = np.full((*SIZE, 3), 90, np.uint8)
        for n, shirt in enumerate(shirts):
            x, y = 20 + 4 * k, 60 + 45 * n
            image[y - 40 : y, x : x + 20] = 30
            image[y - 34 : y - 18, x : x + 20] = shirt
        Image.fromarray(image).save(tmp_path / f"frames/{k:06d}.png")
        images.append(image)

    class Walkers:
        def detect(self, images: Any, classes: Any = ()) -> list[mots.Detections]:
            own = self.k
            self.k += 1
            masks = Masks.from_crops(
                SIZE, [(20 + 4 * own, 20 + 45 * n) for n in range(4)], [np.ones((40, 20), bool)] * 4
            )
            return [mots.Detections.from_masks(masks, [0.9] * 4, [0] * 4)]

        k = 0

    mots.record(tmp_path / "frames", tmp_path / "run", detector=Walkers(), table="csv", quiet=True, frame_rate=RATE)  # type: ignore[arg-type]
    return tmp_path / "run", tmp_path / "frames"


SPORT = """
size = [240, 320]
[[line]]
name = "half"
points = [[160, 235], [160, 5]]
[[zone]]
name = "left"
polygon = [[5, 5], [100, 5], [100, 235], [5, 235]]
[ground]
image = [[0, 0], [320, 0], [320, 240], [0, 240]]
metres = [[0, 0], [16, 0], [16, 12], [0, 12]]
[pitch]
template = "handball"
"""


def test_a_match_is_counted_with_teams_players_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, frames = run_of_walkers(tmp_path)
    (tmp_path / "scene.toml").write_text(SPORT)
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    words = ["count", str(run), "--scene", str(tmp_path / "scene.toml"), "--output", str(tmp_path / "c")]
    assert main([*words, "--source", str(frames), "--plots", "--parquet", "--interval", "1"]) == 0
    said = capsys.readouterr().out
    assert "half: forward 4, backward 0" in said
    assert "teams: A 2, B 2" in said
    found = {path.stem: path.read_text().splitlines() for path in (tmp_path / "c").glob("*.csv")}
    assert set(found) == {
        "crossings", "counts", "doubtful", "headways", "zones", "occupancy", "flows", "speeds", "players", "teams",
    }  # fmt: skip
    assert found["teams"][0] == "track_id,team,score"
    teams = {row.split(",")[0]: row.split(",")[1] for row in found["teams"][1:]}
    assert teams["1"] == teams["3"] != teams["2"] == teams["4"]
    assert found["players"][0] == "track_id,class,team,distance_m,top_mps,sprints,sprint_m"
    assert [float(row.split(",")[4]) for row in found["players"][1:]] == pytest.approx([4.0] * 4, rel=0.05)
    assert found["flows"][1:] == ["left,half,person,4"]
    for name in ("paths", "heat", "top_paths", "top_heat", "heat/1"):
        with Image.open(tmp_path / f"c/{name}.png") as picture:
            assert np.asarray(picture).std() > 5
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(tmp_path / "c/speeds.parquet").to_pydict()
    assert table["track_id"] == [1, 2, 3, 4]
    assert table["mean_mps"] == pytest.approx([4.0] * 4, rel=0.05)


def test_a_scene_or_a_source_of_other_frames_is_refused(tmp_path: Path) -> None:
    run, frames = run_of_walkers(tmp_path)
    (tmp_path / "scene.toml").write_text(SPORT.replace("[240, 320]", "[480, 640]"))
    with pytest.raises(mots.InputError, match=r"drawn for frames of 480 x 640, and .* has 240 x 320"):
        count(run, tmp_path / "scene.toml", tmp_path / "c")
    (tmp_path / "scene.toml").write_text(SPORT)
    (tmp_path / "other").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "other/000001.png")
    with pytest.raises(mots.InputError, match="results of 240 x 320 frames for a source of 48 x 64"):
        count(run, tmp_path / "scene.toml", tmp_path / "c", source=tmp_path / "other")
    far = "[[line]]\nname = 'far'\npoints = [[2000, 5], [3000, 5]]\n"
    (tmp_path / "scene.toml").write_text(far)
    with pytest.warns(mots.MotsWarning, match="line 'far' lies outside of where objects were seen"):
        count(run, tmp_path / "scene.toml", tmp_path / "d")
    assert len(list((tmp_path / "frames").iterdir())) == 60
    for missing in ("nope", "nope.txt"):
        with pytest.raises(mots.InputError, match="no such file or folder"):
            count(tmp_path / missing, tmp_path / "scene.toml", tmp_path / "e")
    assert frames.is_dir()


def test_a_table_of_other_results_is_not_counted(tmp_path: Path) -> None:
    run, _ = run_of_walkers(tmp_path)
    (tmp_path / "scene.toml").write_text(SPORT)
    count(run, tmp_path / "scene.toml", tmp_path / "c")
    text = run / "frames.txt"
    lines = text.read_text().splitlines(keepends=True)
    text.write_text("".join(lines[:-4]))
    with pytest.raises(mots.InputError, match=r"frames\.csv is a table of other results than frames\.txt"):
        count(run, tmp_path / "scene.toml", tmp_path / "d")
    text.write_text("".join(lines))
    (run / "other.txt").write_text("")
    with pytest.raises(mots.InputError, match="2 text files here: name one of them"):
        count(run, tmp_path / "scene.toml", tmp_path / "d")
    (tmp_path / "s").mkdir()
    (tmp_path / "s/crossings.csv").write_bytes((run / "frames.csv").read_bytes())
    with pytest.raises(mots.InputError, match="is what is read"):
        count(tmp_path / "s/crossings.csv", tmp_path / "scene.toml", tmp_path / "s", overwrite=True)


def test_counts_of_a_table_in_memory() -> None:
    counts = count_table(
        table_of_paths({1: walk((150, 20), (150, 200), 4)}), Scene((ACROSS,)), teams=[Team(1, "A", 1.0)]
    )
    assert [crossing.track_id for crossing in counts.crossings] == [1]
    assert counts.motions == []
    assert Line("across", ACROSS.points).name == counts.scene.lines[0].name


def test_pictures_and_tables_are_replaced_only_if_asked(tmp_path: Path) -> None:
    run, _ = run_of_walkers(tmp_path)
    (tmp_path / "scene.toml").write_text(SPORT)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/heat.png").write_text("mine")
    with pytest.raises(mots.InputError, match=r"heat\.png exists"):
        count(run, tmp_path / "scene.toml", tmp_path / "c", plots=True)
    assert (tmp_path / "c/heat.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_rate": "10"}, "frame_rate is '10': wanted a number"),
        ({"interval": "1"}, "interval is '1': wanted a number"),
        ({"scene": {}}, "scene is a dict: wanted a Scene"),
    ],
)
def test_wrong_arguments_of_count_are_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"scene": Scene((ACROSS,)), "output": tmp_path / "c", **change}
    with pytest.raises(mots.InputError, match=message):
        count(tmp_path, **arguments)


def test_wrong_arguments_elsewhere_are_named() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    calls: list[tuple[Any, str]] = [
        (lambda: LineCounter("x"), "line is a str: wanted a Line"),  # type: ignore[arg-type]
        (lambda: LineCounter(ACROSS).update("x"), "frame is a str: wanted a frame"),  # type: ignore[arg-type]
        (lambda: Line("a", ["x", "y"]), "line 'a': wanted points"),  # type: ignore[arg-type]
        (lambda: Line("a", [[True, False], [2, 3]]), "line 'a'"),  # type: ignore[arg-type]
        (lambda: mots.Stream(detector="yolo"), r"detector is a str: wanted one with the method detect\(\)"),  # type: ignore[arg-type]
        (lambda: mots.track([image], settings={"a": 1}), "settings is a dict: wanted Settings"),  # type: ignore[arg-type]
        (lambda: mots.track({}), "source is a dict"),
        (lambda: mots.Stream(classes={"person": 1}), "classes is"),
        (lambda: mots.Stream(classes=True), "classes is True"),
    ]
    for call, message in calls:
        with pytest.raises(mots.InputError, match=message):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: mots.ZoneCounter(None),  # type: ignore[arg-type]
        lambda: mots.ZoneCounter(ACROSS),  # type: ignore[arg-type]
        lambda: mots.ZoneCounter(SQUARE).update(3),  # type: ignore[arg-type]
        lambda: mots.SpeedMeter(None),  # type: ignore[arg-type]
        lambda: mots.SpeedMeter(FLAT).update(3),  # type: ignore[arg-type]
        lambda: mots.SceneWatcher(None),  # type: ignore[arg-type]
        lambda: mots.SceneWatcher(Scene((ACROSS,))).update(None),  # type: ignore[arg-type]
        lambda: mots.LineCounter(ACROSS).update(3),  # type: ignore[arg-type]
        lambda: mots.Ground("a", "b"),  # type: ignore[arg-type]
        lambda: mots.tables.frames(None),  # type: ignore[arg-type]
        lambda: mots.tables.frames([1, 2]),  # type: ignore[list-item]
        lambda: SceneWatcher(Scene((ACROSS,), size=(1080, 1920))).update(labels_of(0, {1: (50.0, 50.0)})),
    ],
)
def test_wrong_arguments_of_live_counters_are_named(call: Callable[[], object]) -> None:
    with pytest.raises(mots.InputError, match=r"wanted|needs|drawn for"):
        call()


def test_plots_are_refused_before_tables_are_written(tmp_path: Path) -> None:
    run, _ = run_of_walkers(tmp_path)
    scene = Scene((ACROSS,), (SQUARE,))
    out = tmp_path / "counted"
    out.mkdir()
    (out / "paths.png").write_bytes(b"mine")
    with pytest.raises(mots.InputError, match=r"paths\.png exists"):
        count(run, scene, out, plots=True)
    assert [path.name for path in out.iterdir()] == ["paths.png"]
    with pytest.raises(mots.InputError, match="an interval of 1e-07 s gives more than"):
        count(run, scene, tmp_path / "other", interval=1e-7)
    (tmp_path / "wrong").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "wrong/000000.png")
    with pytest.raises(mots.InputError, match="frames of 48 x 64"):
        count(run, scene, tmp_path / "other", plots=True, source=tmp_path / "wrong")
