"""Files for other trades' tools, read back by those tools where they are installed."""

import bz2
import csv
import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from test_analytics import RATE, table_of_paths, walk

import mots
from mots.analytics.lines import crossings_of
from mots.analytics.paths import paths_of
from mots.analytics.scene import Line, Scene
from mots.analytics.tables import FrameTableFile
from mots.cli import main
from mots.encodings.rle import encode
from mots.encodings.runs import runs_of
from mots.exports import ottrk, tracab
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks

GROUND = (np.array([[0.0, 0], [400, 0], [400, 200], [0, 200]]), np.array([[0.0, 0], [40, 0], [40, 20], [0, 20]]))
PITCH = Scene((), (), GROUND, "handball")
ACROSS = Line("across", np.array([[50.0, 100.0], [250.0, 100.0]]))
START = datetime(2024, 5, 1, 12, 0, tzinfo=timezone.utc)


def tracks() -> dict[int, tuple[np.ndarray, np.ndarray]]:
    return {1: walk((100, 20), (100, 180), 4), 2: walk((300, 180), (300, 20), 4)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_tracab_is_read_by_kloppy(tmp_path: Path) -> None:
    kloppy = pytest.importorskip("kloppy.tracab", reason="kloppy is not installed")
    files = tracab.write(
        tmp_path / "m.dat", table_of_paths(tracks(), "person"), PITCH, {1: "A", 2: "B"}, {1: "No. 10"}, 25
    )
    found = kloppy.load(meta_data=str(files[1]), raw_data=str(files[0]), coordinates="tracab")
    assert len(found) == 99
    assert found.metadata.frame_rate == 25
    players = {str(player.player_id): data for player, data in found.records[50].players_data.items()}
    assert set(players) == {"home_10", "away_2"}
    home = players["home_10"]
    # At 2 s it is at (100, 100) pixels: 10 m from the left and 10 m from the top of 40 x 20 m.
    assert (home.coordinates.x, home.coordinates.y) == pytest.approx((-1000, 0), abs=25)
    assert home.speed == pytest.approx(4.0, rel=0.05)


def test_tracab_needs_a_pitch_and_lines_are_whole(tmp_path: Path) -> None:
    with pytest.raises(mots.InputError, match="needs \\[ground\\] and \\[pitch\\]"):
        tracab.write(tmp_path / "m.dat", table_of_paths(tracks()), Scene((ACROSS,)), {})
    tracab.write(tmp_path / "m.dat", table_of_paths(tracks()), PITCH, {}, frame_rate=10)
    for number, line in enumerate((tmp_path / "m.dat").read_text().splitlines()):
        frame, players, ball, end = line.split(":")
        assert (int(frame), end) == (number, "")
        assert all(len(player.split(",")) == 6 for player in players.rstrip(";").split(";"))
        assert ball.endswith("H,Alive;")
    with pytest.raises(mots.InputError, match="exists"):
        tracab.write(tmp_path / "m.dat", table_of_paths(tracks()), PITCH, {})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("date", "wanted"),
    [
        ("2024-05-01", "2024-05-01 00:00:00"),
        ("2024-05-01T12:00:00", "2024-05-01 12:00:00"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01 10:00:00"),
        ("2024-05-01 12:00:00.25", "2024-05-01 12:00:00"),
    ],
)
def test_every_date_that_is_taken_can_be_read(date: str, wanted: str, tmp_path: Path) -> None:
    files = tracab.write(
        tmp_path / "m.dat", table_of_paths(tracks(), "person"), PITCH, {1: "A"}, start=ottrk.start_of(date)
    )
    assert f'dtDate="{wanted}"' in files[1].read_text()
    kloppy = pytest.importorskip("kloppy.tracab", reason="kloppy is not installed")
    kloppy.load(meta_data=str(files[1]), raw_data=str(files[0]))


def test_no_two_players_of_a_team_have_one_number() -> None:
    sides = {2: 1, 10: 1, 11: 1, 12: 0, 13: 1}
    assert tracab.jerseys_of(sides, {2: "No. 10", 13: "9"}) == {2: 10, 13: 9, 10: 11, 11: 12, 12: 12}
    with pytest.raises(mots.InputError, match="tracks 2 and 13 of one team both have the number 10"):
        tracab.jerseys_of(sides, {2: "No. 10", 13: "10"})


@pytest.mark.parametrize("to", ["ottrk", "events", "tracab"])
def test_no_export_replaces_what_it_reads(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = Masks.from_crops((48, 64), [(10, 10)], [np.ones((20, 9), bool)])
    files = {
        "r.txt": f"0 2001 2 48 64 {encode(runs_of(mask))[0].decode()}\n",
        "s.toml": "[[line]]\nname = 'a'\npoints = [[1, 1], [60, 40]]\n[pitch]\ntemplate = 'handball'\n"
        "[ground]\nimage = [[0, 0], [64, 0], [64, 48], [0, 48]]\nmetres = [[0, 0], [40, 0], [40, 20], [0, 20]]\n",
        "x_metadata.xml": "track_id,team,score\n1,A,1.0\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    common = ["--to", to, "--frame-rate", "10", "--overwrite", "--scene", str(tmp_path / "s.toml")]
    common += ["--teams", str(tmp_path / "x_metadata.xml")]
    targets = ["r.txt", "s.toml", *(["x.dat"] if to == "tracab" else [])]
    for target in targets:
        assert main(["convert", str(tmp_path / "r.txt"), str(tmp_path / target), *common]) == 2
        assert "is what is read" in capsys.readouterr().err
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_tracab_keeps_the_times_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from test_editing import run_of

    run = run_of(tmp_path)  # 40 frames at 10 a second
    (tmp_path / "s.toml").write_text(
        "size = [120, 200]\n[pitch]\ntemplate = 'handball'\n[ground]\n"
        "image = [[0, 0], [200, 0], [200, 120], [0, 120]]\nmetres = [[0, 0], [40, 0], [40, 20], [0, 20]]\n"
    )
    words = ["convert", str(run), str(tmp_path / "m.dat"), "--to", "tracab", "--scene", str(tmp_path / "s.toml")]
    assert main([*words, "--frame-rate", "25"]) == 0
    assert len((tmp_path / "m.dat").read_text().splitlines()) == pytest.approx(3.9 * 25, abs=2)
    assert main([*words, "--frame-rate", "29.97", "--overwrite"]) == 2
    assert "whole frames a second" in capsys.readouterr().err
    (tmp_path / "s.toml").write_text((tmp_path / "s.toml").read_text().replace("[120, 200]", "[240, 400]"))
    assert main([*words, "--overwrite"]) == 2
    assert "drawn for frames of 240 x 400" in capsys.readouterr().err
    assert main(["count", str(run), "--scene", str(tmp_path / "s.toml"), "--output", str(tmp_path / "c")]) == 2
    (tmp_path / "s.toml").write_text((tmp_path / "s.toml").read_text().replace("[240, 400]", "[120, 200]"))
    words = ["count", str(run), "--scene", str(tmp_path / "s.toml"), "--output", str(tmp_path / "c")]
    assert main([*words, "--frame-rate", "30"]) == 2
    assert "has the times already" in capsys.readouterr().err


def test_a_table_and_its_text_give_one_tracab(tmp_path: Path) -> None:
    from test_report import Rows, text_of

    # It comes in at the left edge, which cuts it in the first frames.
    rows: Rows = {k: {1: (max(4 * k - 16, 0), 40, 4 * k + 4, 90)} for k in range(40)}
    text = text_of(tmp_path / "run/v.txt", rows)
    with FrameTableFile(tmp_path / "run") as table:
        for frame in mots.read_results(text, frame_rate=10.0):
            table.write(frame)
    (tmp_path / "s.toml").write_text(
        "[pitch]\ntemplate = 'handball'\n[ground]\n"
        "image = [[0, 0], [200, 0], [200, 120], [0, 120]]\nmetres = [[0, 0], [40, 0], [40, 20], [0, 20]]\n"
    )
    for results, name in ((text, "a.dat"), (text.parent, "b.dat")):
        words = ["convert", str(results), str(tmp_path / name), "--to", "tracab", "--scene", str(tmp_path / "s.toml")]
        assert main([*words, "--frame-rate", "10"]) == 0
    assert (tmp_path / "a.dat").read_text() == (tmp_path / "b.dat").read_text()


def test_ottrk_holds_what_otanalytics_reads(tmp_path: Path) -> None:
    table = table_of_paths(tracks())
    path = ottrk.write(tmp_path / "m.ottrk", table, "street.mp4", (240, 320), RATE, START)
    whole = json.loads(bz2.decompress(path.read_bytes()))
    video = whole["metadata"]["video"]
    assert (video["filename"], video["filetype"], video["width"], video["height"]) == ("street", ".mp4", 320, 240)
    assert video["recorded_start_date"] == START.timestamp()
    detections = whole["data"]["detections"]
    assert len(detections) == len(table)
    first = detections[0]
    assert (first["x"], first["y"], first["w"], first["h"]) == (100.0, 5.0, 20.0, 30.0)
    assert (first["frame"], first["occurrence"], first["class"]) == (1, START.timestamp(), "car")
    own = [each for each in detections if each["track-id"] == 1]
    assert [each["first"] for each in own].count(True) == [each["finished"] for each in own].count(True) == 1
    assert own[0]["first"]
    assert own[-1]["finished"]


def test_events_have_otanalytics_columns(tmp_path: Path) -> None:
    paths = paths_of(table_of_paths(tracks()))
    ottrk.write_events(tmp_path / "e.csv", crossings_of(paths, (ACROSS,)), paths, START)
    with (tmp_path / "e.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["road_user_id"] for row in rows] == ["1"]
    assert (rows[0]["section_name"], rows[0]["event_type"], rows[0]["occurrence_day"]) == (
        "across",
        "section-enter",
        "2024-05-01",
    )
    assert rows[0]["occurrence_time"].startswith("12:00:0")
    assert float(rows[0]["coordinate_px_y"]) == pytest.approx(100, abs=3)


def test_the_commands_write_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(4, WorldSettings(height=90, width=160))
    with mots.DetectionWriter(tmp_path / "w.npz", 25.0) as writer:
        for k in range(30):
            writer.write(k, k / 25, world.detections(k))
    mots.record(tmp_path / "w.npz", tmp_path / "run", table="csv", quiet=True)
    scene = tmp_path / "scene.toml"
    scene.write_text(
        "[[line]]\nname = 'a'\npoints = [[80, 89], [80, 2]]\n[ground]\n"
        "image = [[0, 40], [160, 40], [160, 90], [0, 90]]\n"
        "metres = [[0, 0], [40, 0], [40, 20], [0, 20]]\n[pitch]\ntemplate = 'handball'\n"
    )
    (tmp_path / "teams.csv").write_text("track_id,team,score\n1,A,0.9\n2,B,0.9\n")
    for words, name in (
        (["--to", "ottrk", "--source", "v.mp4", "--start-date", "2024-05-01 12:00:00"], "m.ottrk"),
        (["--to", "events", "--scene", str(scene)], "e.csv"),
        (["--to", "tracab", "--scene", str(scene), "--teams", str(tmp_path / "teams.csv")], "m.dat"),
    ):
        assert main(["convert", str(tmp_path / "run"), str(tmp_path / name), *words]) == 0
        assert (tmp_path / name).stat().st_size > 100
    assert (tmp_path / "m_metadata.xml").is_file()
    for words, message in (
        (["--to", "tracab"], "needs --scene"),
        (["--to", "ottrk", "--start-date", "yesterday"], "'yesterday' is no date"),
        (["--to", "tracab", "--scene", str(scene), "--teams", str(scene)], "not a table of teams"),
    ):
        assert main(["convert", str(tmp_path / "run"), str(tmp_path / "x.dat"), *words]) == 2
        assert message in capsys.readouterr().err


def test_rerun_reads_its_recording(tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason="the view extra is not installed")
    world = World(4, WorldSettings(height=90, width=160))
    with mots.DetectionWriter(tmp_path / "w.npz", 25.0) as writer:
        for k in range(10):
            writer.write(k, k / 25, world.detections(k))
    mots.record(tmp_path / "w.npz", tmp_path / "run", table="csv", quiet=True)
    assert main(["view", str(tmp_path / "run"), "--output", str(tmp_path / "m.rrd")]) == 0
    assert (tmp_path / "m.rrd").read_bytes()[:3] == b"RRF"
    assert not list(tmp_path.glob("*.part"))
