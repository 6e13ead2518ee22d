"""The rules of the house, held over the syntax trees."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "torchvision", "ultralytics", "torchreid", "onnxruntime"}
SOURCES = sorted(
    path
    for folder in ("mots", "trackers")
    for path in (ROOT / folder).rglob("*.py")
    if "mots/trackers" not in str(path)
)


def module_of(path: Path) -> str:
    """The name under which a file is imported: trackers/ is mots.trackers."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("mots", *parts) if parts[0] == "trackers" else parts).removesuffix(".__init__")


def imports_of(path: Path, top_level_only: bool = False) -> set[str]:
    """Modules that a file imports, in full; inside functions too unless only the top level is asked for."""
    tree = ast.parse(path.read_text())
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


SAVED = ("mots.trackers.snapshot", "mots.trackers.tracker")  # a tracker's state goes to a file


def test_the_sources_were_found() -> None:
    assert len(SOURCES) > 30
    assert {"mots.trackers.masks", "mots.cli.entry", "mots.encodings.rle"} <= {module_of(path) for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_keep_to_the_floors(path: Path) -> None:
    module, imports = module_of(path), imports_of(path)
    roots = {name.partition(".")[0] for name in imports}
    own = {name for name in imports if name.partition(".")[0] == "mots"}
    if module.startswith("mots.trackers"):
        assert all(name.startswith("mots.trackers") for name in own), "the core imports nothing of the engine"
        assert roots <= {
            "__future__",
            "collections",
            "dataclasses",
            "enum",
            "itertools",
            "lap",
            "mots",
            "numba",
            "numpy",
            "scipy",
            "typing",
        } | ({"pathlib", "zipfile"} if module in SAVED else set())
    if module.startswith("mots.formats"):
        assert not any(name.startswith("mots.metrics") for name in own)
    if module.startswith("mots.metrics"):
        assert not any(name.startswith("mots.formats") for name in own)
    if not module.startswith("mots.models"):
        assert not roots & HEAVY, "torch and its kin are imported under mots/models only"
    assert not {name.partition(".")[0] for name in imports_of(path, top_level_only=True)} & (
        HEAVY | {"cv2", "supervision"}
    )
    assert "trackers" not in roots, "the core is imported as mots.trackers"


def test_nothing_imports_tools_or_tests() -> None:
    for path in SOURCES:
        assert not {name.partition(".")[0] for name in imports_of(path)} & {"tools", "tests", "oracles", "conftest"}
