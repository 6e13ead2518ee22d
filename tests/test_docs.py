"""What README and the documentation say: their Python runs, their commands parse, their settings are those in force."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mots
from mots.cli.entry import build_parser
from mots.formats import mots_text
from mots.toy.world import World, WorldSettings
from mots.video.writer import VideoWriter

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = tuple(f"# {what}: not run by the tests" for what in ("training", "a download", "a model of yours"))


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of each fenced block of a language."""
    return [
        (f"{page.relative_to(ROOT)}:{page.read_text()[: match.start()].count(chr(10)) + 1}", match.group(1))
        for page in PAGES
        for match in re.finditer(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]


PYTHON = [(place, text) for place, text in blocks("python") if not text.startswith(NOT_RUN)]
COMMANDS = [
    (place, line.partition("  #")[0])
    for place, text in blocks("")
    for line in text.splitlines()
    if line.startswith("mots ")
]


def test_snippets_were_found() -> None:
    assert len(PYTHON) >= 7
    assert len(COMMANDS) >= 25
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the snippets name: a video, its truth and results."""
    folder = tmp_path_factory.mktemp("docs")
    world = World(5, WorldSettings(height=180, width=320))
    table, text = mots_text.IdTable(), ""
    with VideoWriter(folder / "match.mp4", 25) as writer:
        for k, (image, truth) in enumerate(world.frames(8)):
            writer.write(image, k / 25)
            text += mots_text.lines(truth.take(np.flatnonzero(truth.classes == 0)), table)
    (folder / "out").mkdir()
    for name in ("truth.txt", "out/match.txt"):
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("at", "code"), PYTHON, ids=[at for at, _ in PYTHON])
def test_python_runs(at: str, code: str, place: Path, shared: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    environment = {"MOTS_WEIGHTS": str(shared / "weights"), "PATH": "/usr/bin:/bin", "HOME": str(place)}
    # From the checkout or from the installed package, as the tests themselves.
    environment["PYTHONPATH"] = str(Path(mots.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{at}\n{done.stderr}"
    if "print(" in code:
        assert done.stdout.strip(), at


@pytest.mark.parametrize(("at", "line"), COMMANDS, ids=[f"{at} {line}" for at, line in COMMANDS])
def test_commands_parse(at: str, line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if word not in ("[", "]")]
    assert build_parser().parse_args(words).run is not None


def test_the_settings_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/settings_page.py"), "--check"],
        env={"PYTHONPATH": str(Path(mots.__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_reference_names_everything_public() -> None:
    reference = (ROOT / "docs/api.md").read_text()
    listed = {line.rpartition(".")[2] for line in reference.splitlines() if line.startswith("::: ")}
    assert listed == set(mots.__all__) - {"__version__"}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target
