"""What runs a checkpoint: exports are made once, checked against torch, kept, and made anew where they are damaged."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import logging
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mots.cli.entry import main
from mots.errors import FormatError, InputError, MissingDependency, MotsWarning
from mots.models.exporting import export, probe
from mots.models.runtimes import choice, exports
from mots.models.runtimes.choice import ExportingRuntime, chosen_backend
from mots.models.runtimes.exports import Agreement, compared
from mots.models.runtimes.openvino_runtime import OpenVinoRuntime, SignalStack
from mots.models.runtimes.torch_runtime import TorchRuntime, import_torch
from mots.models.weights import find
from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg
from mots.toy.world import World, WorldSettings

pytest.importorskip("openvino")
pytest.importorskip("ultralytics")


Image = NDArray[np.uint8]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/mots/exports"


@pytest.fixture(scope="module")
def image() -> Image:
    """A picture of the toy world."""
    picture, _ = next(iter(World(3, WorldSettings()).frames(1)))
    return picture


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Path:
    """A cache with the export for the picture."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        detector().detect([image])
    return place / "mots/exports"


@pytest.fixture
def filled(cache: Path, made: Path) -> Path:
    """A cache with the export for the picture, to be changed."""
    shutil.copytree(made, cache)
    return cache


def detector(**changes: Any) -> YOLOv8Seg:
    return YOLOv8Seg(DetectorSettings("demo", **{"conf": 0.3, "device": "cpu", **changes}))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "mots"]


def test_an_export_is_made_once_told_and_finds_what_torch_finds(
    cache: Path, image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    torch = import_torch("tests")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    with caplog.at_level(logging.INFO, "mots"):
        ours = detector()
        (found,) = ours.detect([image])
    assert torch.get_num_threads() == threads + 1  # Ultralytics' export sets it for the whole process
    torch.set_num_threads(threads)
    assert isinstance(ours.runtime, ExportingRuntime)
    assert len(told(caplog)) == 1
    assert "exported to openvino" in told(caplog)[0]
    (folder,) = cache.glob("*/openvino-*")
    times = {each.name: each.stat().st_mtime_ns for each in folder.iterdir()}
    (expected,) = detector(backend="torch").detect([image])
    assert len(found) == len(expected) > 3
    assert np.abs(found.boxes - expected.boxes).max() < 0.01
    assert np.diag(found.masks.iou(expected.masks)).min() > 0.999
    assert np.array_equal(found.classes, expected.classes)
    # The second time it is there: nothing is told, and no file is touched.
    caplog.clear()
    with caplog.at_level(logging.INFO, "mots"):
        (again,) = detector().detect([image])
    assert not told(caplog)
    assert np.array_equal(again.boxes, found.boxes)
    assert np.array_equal(again.masks.pixels, found.masks.pixels)
    assert {each.name: each.stat().st_mtime_ns for each in folder.iterdir()} == times


def signal_stack() -> tuple[int | None, int, int]:
    """The memory, flags and size of this thread's stack for signals; nothing where there is no such call."""
    stack = SignalStack()
    if not sys.platform.startswith("linux"):
        return None, 0, 0
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack.memory, stack.flags, stack.size


def test_each_input_size_has_its_own_export(cache: Path, image: Image) -> None:
    before = signal_stack()
    ours = detector()
    ours.detect([image])
    ours.detect([np.ascontiguousarray(image[:, : image.shape[1] // 2])])
    assert len(list(cache.glob("*/openvino-*"))) == 2
    # OpenVINO's stack for signals is freed with its models: left behind, it would make the next Ctrl-C a crash.
    assert signal_stack() == before


def copied(made: Path) -> Any:
    """Ultralytics' export, which has been made before."""

    def export_to(weights: Path, backend: str, shape: tuple[int, int], folder: Path, device: str) -> Path:
        (source,) = made.glob("*/openvino-*")
        for each in source.iterdir():
            if each.name != "export.json":
                shutil.copy(each, folder)
        return next(folder.glob("*.xml"))

    return export_to


@pytest.mark.parametrize("damage", ["cut", "changed", "no table", "other version", "no text", "other layout"])
def test_a_damaged_or_old_export_is_made_anew(
    filled: Path, made: Path, image: Image, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = filled.glob("*/openvino-*")
    weights, table = next(folder.glob("*.bin")), folder / "export.json"
    content = json.loads(table.read_text())
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "changed":
        weights.write_bytes(bytes(reversed(weights.read_bytes())))
    elif damage == "no table":
        table.unlink()
    elif damage == "no text":
        table.write_bytes(b"\xff\x00")
    elif damage == "other layout":
        table.write_text(json.dumps({**content, "layout": 0}))
    else:
        table.write_text(json.dumps({**content, "versions": {"openvino": "1.0"}}))
    height, width = (int(side) for side in folder.name.rpartition("-")[2].split("x"))
    path = find("demo")
    assert exports.cached(path, "openvino", (height, width)) is None
    monkeypatch.setattr(exports, "export_to", copied(made))
    (again,) = detector().detect([image])
    assert len(again) > 3
    assert exports.cached(path, "openvino", (height, width)) is not None
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]  # nothing temporary is left


def test_an_export_that_differs_from_torch_is_not_used(
    cache: Path, made: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "export_to", copied(made))
    monkeypatch.setattr(exports, "agreement", lambda *_: ({0: "person", 1: "car"}, Agreement(7.0, 0.5)))
    ours = detector()
    with pytest.warns(MotsWarning, match=r"run by torch: its export to openvino differs from torch: boxes within 7"):
        (found,) = ours.detect([image])
    (expected,) = detector(backend="torch").detect([image])
    assert np.array_equal(found.boxes, expected.boxes)
    named = detector(backend="openvino")
    with pytest.raises(InputError, match="differs from torch"):
        named.detect([image])


def test_an_export_that_cannot_be_made_leaves_torch(cache: Path, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise FormatError("no export today")

    monkeypatch.setattr(exports, "export_to", fails)
    with pytest.warns(MotsWarning, match="run by torch: no export today"):
        assert len(detector().detect([image])[0]) > 3


def test_a_cache_that_cannot_be_written_leaves_torch(
    tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(MotsWarning, match="run by torch"):
        assert len(detector().detect([image])[0]) > 3


def test_what_auto_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_backend("auto", "cpu") == "openvino"
    assert chosen_backend("auto", "cuda:0") == "torch"
    assert chosen_backend("torch", "cpu") == "torch"
    assert chosen_backend("onnxruntime", "cuda:0") == "onnxruntime"
    monkeypatch.setattr(choice, "cuda_devices", lambda: 1)
    assert chosen_backend("auto", "auto") == "torch"
    monkeypatch.setattr(choice, "cuda_devices", lambda: 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert chosen_backend("auto", "auto") == "torch"


def test_a_backend_that_does_not_fit_the_file_is_refused(cache: Path, tmp_path: Path) -> None:
    path, _ = export("demo", "openvino", None, 64, tmp_path / "out")
    assert isinstance(YOLOv8Seg(str(path)).runtime, OpenVinoRuntime)
    with pytest.raises(InputError, match="runs with openvino, not with torch"):
        YOLOv8Seg(DetectorSettings(str(path), backend="torch"))
    assert isinstance(detector(backend="torch").runtime, TorchRuntime)


def test_tensorrt_without_its_package_says_so(cache: Path, image: Image) -> None:
    if importlib.util.find_spec("tensorrt") is not None:
        pytest.skip("TensorRT is installed here")
    with pytest.raises(MissingDependency, match="tensorrt"):
        detector(backend="tensorrt").detect([image])
    with pytest.raises(MissingDependency, match="tensorrt"):
        choice.runtime_of(Path("x.engine"), "tensorrt")


def answers(shift: float = 0.0, flip: float = 0.0) -> list[NDArray[np.float32]]:
    """Predictions (4 + 2 classes + 3, 40) and prototypes (3, 16, 16) of a network, and a part of them changed."""
    rng = np.random.default_rng(4)
    boxes = np.concatenate([rng.uniform(20, 44, (2, 40)), rng.uniform(8, 30, (2, 40))])
    prediction = np.concatenate([boxes, rng.random((2, 40)), rng.normal(size=(3, 40))]).astype(np.float32)
    planes = rng.normal(size=(3, 16, 16)).astype(np.float32)
    prediction[0, prediction[4:6].max(axis=0).argmax()] += shift
    planes[:, rng.random((16, 16)) < flip] *= -1
    return [prediction, planes]


def test_agreement_measures_boxes_and_masks() -> None:
    same = compared(answers(), answers(), 2)
    assert same.pixels == 0
    assert same.iou == 1
    assert same.holds
    moved = compared(answers(), answers(shift=1.5), 2)
    assert moved.pixels == pytest.approx(1.5, abs=1e-5)
    assert not moved.holds
    assert compared(answers(), answers(shift=0.5), 2).holds
    other = compared(answers(), answers(flip=0.3), 2)
    assert other.pixels == 0
    assert 0.2 < other.iou < 0.8
    assert not other.holds
    assert not compared(answers(), [answers()[0][:, :30], answers()[1]], 2).holds


def test_the_command_exports_and_refuses(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo", "--imgsz", "64", "--output", str(tmp_path / "out")]) == 0
    assert "mask IoU 1.0000 of torch's answers" in capsys.readouterr().out
    assert sorted(each.suffix for each in (tmp_path / "out").iterdir()) == [".bin", ".xml", ".yaml"]
    assert main(["export", "demo", "--imgsz", "64", "--output", str(tmp_path / "out")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["export", "demo", "--imgsz", "64", "--output", str(tmp_path / "out"), "--overwrite"]) == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("mine")
    assert main(["export", "demo", "--imgsz", "64", "--output", str(tmp_path / "mine")]) == 2
    assert (tmp_path / "mine/diary.txt").read_text() == "mine"
    for words, told in ((["demo", "--size", "10"], "wanted HEIGHTxWIDTH"), (["nothing.pt"], "no weights 'nothing.pt'")):
        assert main(["export", *words]) == 2
        assert told in capsys.readouterr().err


def test_the_export_by_hand_is_the_one_that_is_used(
    cache: Path, image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    export("demo", "openvino", image.shape[:2], 640)
    with caplog.at_level(logging.INFO, "mots"):
        detector(imgsz=640).detect([image])
    assert not told(caplog)


def test_the_probe_has_the_shape_and_the_range() -> None:
    picture = probe((96, 160))
    assert picture.shape == (3, 96, 160)
    assert picture.dtype == np.float32
    assert 0 <= picture.min() < picture.max() <= 1


def test_nothing_is_reported_to_the_makers_of_packages() -> None:
    code = """
import sys
from mots.models.runtimes.openvino_runtime import import_openvino
from mots.models.ultralytics_setup import set_up_ultralytics
import_openvino("a test")
from openvino.tools.ovc import convert_impl
assert convert_impl.tm.__name__.endswith("telemetry_stub"), convert_impl.tm
assert "openvino_telemetry" not in sys.modules
set_up_ultralytics()
from ultralytics.utils import ONLINE
assert not ONLINE
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_calls_at_once_give_the_same_numbers(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.parent.parent))
    images = [picture for picture, _ in World(3, WorldSettings()).frames(6)]
    found = detector()
    inputs = [found.prepare(image) for image in images]
    wanted = [found.infer([each])[0] for each in inputs]
    assert isinstance(found.runtime, ExportingRuntime)
    monkeypatch.setattr(found.runtime, "most_at_once", 2)
    found.expect_calls(2)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            for one, two in zip(pool.map(lambda each: found.infer([each])[0], inputs), wanted, strict=True):
                assert np.array_equal(one.prediction, two.prediction)
                assert np.array_equal(one.prototypes, two.prototypes)
    (runtime,) = found.runtime.by_shape.values()
    assert isinstance(runtime, OpenVinoRuntime)
    assert runtime.ready[0] == 2
    assert runtime.ready[1].qsize() == 2  # each request was given back
    found.expect_calls(1)
    assert np.array_equal(found.infer(inputs[:1])[0].prediction, wanted[0].prediction)
    assert runtime.ready[0] == 1


def test_an_export_that_cannot_be_compiled_is_replaced_by_torch(
    made: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.parent.parent))

    def refuses(self: OpenVinoRuntime) -> Any:
        raise FormatError("cannot compile the model")

    monkeypatch.setattr(OpenVinoRuntime, "requests", refuses)
    found = detector()
    with pytest.warns(MotsWarning, match="is run by torch: cannot compile"):
        assert len(found.detect([image])[0]) > 0


def test_a_failed_export_is_tried_once_for_all_threads(
    cache: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    tries: list[float] = []

    def fails(*_: Any) -> Any:
        tries.append(time.monotonic())
        time.sleep(0.2)
        raise FormatError("no export")

    monkeypatch.setattr(exports, "made", fails)
    found = YOLOv8Seg(DetectorSettings(weights="demo", device="cpu", backend="openvino", imgsz=320))
    inputs = found.prepare(image)
    with ThreadPoolExecutor(3) as pool:
        errors = [each.exception() for each in [pool.submit(found.infer, [inputs]) for _ in range(3)]]
    assert len(tries) == 1
    assert {type(error) for error in errors} == {InputError}
