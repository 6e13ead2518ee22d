"""The wheel, installed without torch."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from mots.detection import saved_detections as saved
from mots.toy.world import World, WorldSettings

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: object, cwd: Path) -> str:
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("mots_engine-*.whl")
    return built


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mots"}
    inside = {path.relative_to(ROOT / "trackers").as_posix() for path in (ROOT / "trackers").glob("*.py")}
    assert {name.removeprefix("mots/trackers/") for name in names if name.startswith("mots/trackers/")} == inside
    assert {"mots/py.typed", "mots/models/demo.pt", "mots/cli/entry.py"} <= set(names)
    assert len(names) == len(set(names))


def test_saved_detections_are_tracked_on_an_installation_without_torch(wheel: Path, tmp_path: Path) -> None:
    world = World(8, WorldSettings(height=90, width=160))
    with saved.DetectionWriter(tmp_path / "street.npz", 25.0, {}) as writer:
        for k in range(30):
            writer.write(k, k / 25, world.detections(k))
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    constraints = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel, cwd=tmp_path)
    listed = run(python, "-m", "pip", "list", "--format", "freeze", cwd=tmp_path).lower()
    assert not [heavy for heavy in ("torch", "ultralytics", "opencv") if f"\n{heavy}" in listed]
    said = run(tmp_path / "venv/bin/mots", "track", "street.npz", "--output", "out", cwd=tmp_path)
    assert said.startswith("30 frames, ")
    assert (tmp_path / "out/street.txt").stat().st_size > 1000
    # What needs more says in one line what to install.
    (tmp_path / "walk").mkdir()
    from PIL import Image

    Image.new("RGB", (160, 90)).save(tmp_path / "walk/0.png")
    for arguments, advice in (
        (["track", "walk", "--weights", "demo"], "pip install '.[models]' in the project's folder"),
        (
            ["track", "walk", "--detections", "street.npz", "--video"],
            "drawing needs OpenCV: pip install opencv-python-headless",
        ),
    ):
        done = subprocess.run(
            [str(tmp_path / "venv/bin/mots"), *arguments, "--output", f"no-{len(arguments)}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert advice in done.stderr
        assert "Traceback" not in done.stderr
