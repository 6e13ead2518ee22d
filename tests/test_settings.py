import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mots import setting_ranges
from mots.cli import main
from mots.errors import InputError, MotsError
from mots.settings import PRESETS, Settings, changed, load, settings_toml, value_of
from mots.trackers.lifecycle import State


def test_printed_settings_give_themselves_back(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    for preset in PRESETS:
        settings = load(preset)
        file.write_text(settings_toml(settings))
        assert load("default", file) == settings


def test_a_file_goes_over_the_preset_and_a_flag_over_both(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("frame_rate = 12\n[detector]\nconf = 0.3\n[tracker.lifecycle]\nmemory = 9\n")
    settings = load("kitti-mots", file, {"detector.conf": 0.4})
    assert settings.frame_rate == 12.0
    assert settings.detector.conf == 0.4
    assert settings.tracker.lifecycle.memory == 9.0
    assert load("kitti-mots").source.default_rate == 10.0


def test_stages_are_data(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[[tracker.stages]]\nname = "only"\nstates = ["confirmed", "lost"]\nmin_score = 0.2\nmax_score = 2\n'
        "limit = 0.5\n"
    )
    (stage,) = load("default", file).tracker.stages
    assert stage.states == (State.CONFIRMED, State.LOST)
    assert (stage.min_score, stage.mask_weight) == (0.2, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame_rat = 3", "unknown setting 'frame_rat': did you mean frame_rate"),
        ("[tracker.lifecycle]\nmemoryy = 3", "unknown setting 'tracker.lifecycle.memoryy': did you mean tracker.lif"),
        ("[detector]\nconf = 'high'", "detector.conf is 'high': wanted a number"),
        ("[detector]\nimgsz = 1.5", "detector.imgsz is 1.5: wanted a whole number"),
        ("[detector]\nhalf = 1", "detector.half is 1: wanted true or false"),
        ("detector = 3", "detector is a table"),
        ("[tracker]\nsolver = 'magic'", "tracker.solver is 'magic': wanted one of scipy, lap"),
        ("[[tracker.stages]]\nname = 'x'", "tracker.stages[0] lacks limit"),
        (
            "[[tracker.stages]]\nname = 'x'\nstates = ['gone']\nmin_score = 0\nmax_score = 1\nlimit = 1",
            "states[0] is 'gone': wanted one of tentative",
        ),
        ("x = [", "not TOML"),
    ],
)
def test_mistakes_are_named_with_the_correction(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(MotsError) as caught:
        load("default", file)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_unknown_presets_and_files() -> None:
    with pytest.raises(MotsError, match="unknown preset 'x': there are default, kitti-mots"):
        load("x")
    with pytest.raises(MotsError, match="No such file"):
        load("default", Path("no.toml"))


def test_values_of_flags() -> None:
    assert [value_of(text) for text in ("3", "2.5", "true", '["a"]', "word")] == [3, 2.5, True, ["a"], "word"]


def test_defaults_are_the_classes_of_kitti() -> None:
    assert Settings().classes == ("person", "car")
    assert replace(Settings(), classes=()) != Settings()


def test_class_names_may_be_one_text_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text('classes = "person, bus"\n')
    assert load("default", tmp_path / "s.toml").classes == ("person", "bus")
    assert load("default", changes={"classes": "person"}).classes == ("person",)
    assert load("default", changes={"classes": ["person", "car"]}).classes == ("person", "car")
    assert main(["track", "--set", "classes=person", "--print-settings"]) == 0
    assert 'classes = ["person"]' in capsys.readouterr().out


def test_a_stage_is_addressed_by_its_name_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = {stage.name: stage.limit for stage in Settings().tracker.stages}
    wanted = {**limits, "lost": 0.5}
    (tmp_path / "s.toml").write_text("[tracker.stages.lost]\nlimit = 0.5\n")
    for settings in (
        load("default", changes={"tracker.stages.lost.limit": 0.5}),
        load("default", tmp_path / "s.toml"),
        changed(Settings(), {"tracker.stages.lost.limit": 0.5}),
    ):
        assert {stage.name: stage.limit for stage in settings.tracker.stages} == wanted
    assert main(["track", "--set", "tracker.stages.lost.limit=0.5", "--print-settings"]) == 0
    (tmp_path / "printed.toml").write_text(capsys.readouterr().out)
    assert load("default", tmp_path / "printed.toml").tracker.stages[1].limit == 0.5
    with pytest.raises(MotsError, match=r"tracker\.stages\.gone"):
        load("default", changes={"tracker.stages.gone.limit": 0.5})


@pytest.mark.parametrize("value", ["3", "true", "[1, 2]"])
def test_class_names_of_another_kind_are_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "--set", f"classes={value}", "--print-settings"]) == 2
    assert "classes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("tracker.gate", math.nan, "above 0"),
        ("tracker.gate", 0.0, "above 0"),
        ("tracker.lifecycle.memory", -1.0, "a finite number, 0 or more"),
        ("tracker.lifecycle.memory", math.inf, "a finite number, 0 or more"),
        ("tracker.duplicate_iou", 1.5, "0 to 1"),
        ("tracker.appearance.views", 0, "1 to 1e+06"),
        ("tracker.motion.acceleration_noise", 0.0, "above 0"),
        ("tracker.stages.lost.mask_weight", -0.1, "0 to 1"),
        ("detector.imgsz", 0, "32 to 8192"),
        ("detector.conf", 2.0, "0 to 1"),
        ("frame_rate", -5.0, "a finite number, 0 or more"),
        ("source.default_rate", 0.0, "above 0"),
        ("source.reconnecting.attempts", -1, "0 to 1e+06"),
        ("camera.window", 1, "3 to 255"),
    ],
)
def test_a_number_without_sense_is_refused_with_its_range(name: str, value: float, wanted: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"{name} is {value!r}: wanted {wanted}")):
        load(changes={name: value})


def numbers_of(settings: Any, before: str = "") -> Iterator[tuple[str, float]]:
    for each in dataclasses.fields(settings):
        value = getattr(settings, each.name)
        if dataclasses.is_dataclass(value):
            yield from numbers_of(value, f"{before}{each.name}.")
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for item in value:
                yield from numbers_of(item, f"{before}{each.name}.{item.name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{before}{each.name}", value


def test_every_number_has_a_range_that_holds_its_default_and_no_nonsense() -> None:
    every = dict(numbers_of(Settings()))
    assert len(every) > 100
    for name, value in every.items():
        setting_ranges.check_value(value, name, "x")
        for wrong in (math.nan, -1.0, -math.inf):
            with pytest.raises(InputError, match=re.escape(name)):
                setting_ranges.check_value(wrong, name, "x")
    known = {".".join(name.split(".")[-words:]) for name in every for words in (1, 2)}
    assert set(setting_ranges.RANGES) <= known  # no range of a setting that is gone


def test_one_class_as_a_text_is_that_class(tmp_path: Path) -> None:
    assert load(changes={"classes": "car"}).classes == ("car",)
    (tmp_path / "s.toml").write_text('classes = "person, car"\n')
    assert load("default", tmp_path / "s.toml").classes == ("person", "car")
