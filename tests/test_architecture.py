"""The rules of the folders, checked on the syntax trees; docs/development.md gives the reasons."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "torchvision", "ultralytics", "torchreid", "onnxruntime", "openvino"}
# What every folder may use.
FILES = {
    "__main__",
    "adapters",
    "classes",
    "errors",
    "files",
    "labels",
    "lazy",
    "names",
    "optional",
    "setting_ranges",
    "settings",
}  # what every folder may use
SOURCES = sorted(
    path
    for folder in ("mots", "trackers")
    for path in (ROOT / folder).rglob("*.py")
    if "mots/trackers" not in str(path.relative_to(ROOT))
)


def module_of(path: Path) -> str:
    """The name under which a file is imported: trackers/ is mots.trackers."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("mots", *parts) if parts[0] == "trackers" else parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


def folder_of(module: str) -> str:
    """The folder below mots/ that a module lies in; "" for the files of mots/ itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] not in FILES else ""


def imports_in(path: Path, nodes: Iterator[ast.AST]) -> set[str]:
    """Names that these nodes import, in full."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def imports_of(path: Path) -> set[str]:
    """Everything that a file imports, inside functions too."""
    return imports_in(path, ast.walk(ast.parse(path.read_text())))


def imports_at_start(path: Path) -> set[str]:
    """What is imported as soon as the file is, without what is for type checkers alone."""
    return imports_in(path, iter(ast.parse(path.read_text()).body))


def modules_in(names: set[str]) -> set[str]:
    """The modules of this project among imported names."""
    return {name for name in names if name in MODULES}


def test_the_sources_were_found() -> None:
    assert len(SOURCES) > 100
    assert {"mots.trackers.masks", "mots.cli.entry", "mots.encodings.rle"} <= set(MODULES)
    assert {folder_of(module) for module in MODULES} >= {"", "trackers", "encodings", "formats", "pipeline"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_keep_to_the_rules(module: str) -> None:
    path = MODULES[module]
    imports = imports_of(path)
    roots = {name.partition(".")[0] for name in imports}
    folder, folders = folder_of(module), {folder_of(name) for name in modules_in(imports) if name != "mots"} - {""}
    if folder == "trackers":
        at_start = {name for name in imports_at_start(path) if name.partition(".")[0] == "mots"}
        assert all(name.startswith("mots.trackers") for name in at_start), "trackers imports nothing of mots"
        # The one exception: conversions of `Masks` import the encodings when they are called.
        assert folders - {"trackers"} <= ({"encodings"} if module == "mots.trackers.masks" else set())
        assert not roots & (HEAVY | {"cv2", "av", "PIL", "rich", "supervision"})
    if folder == "encodings":
        assert folders <= {"encodings", "trackers"}
    if folder == "formats":
        assert "metrics" not in folders
    if folder == "metrics":
        assert "formats" not in folders
    if folder == "detection":
        assert "pipeline" not in folders
    if folder != "models":
        assert not roots & HEAVY, "torch and what builds on it are imported under mots/models only"
    if folder not in ("cli", "toy"):
        assert "toy" not in folders, "only cli and tools import toy"
    if folder != "cli" and module != "mots.__main__":
        assert "cli" not in folders, "nothing imports cli"
    late = {name.partition(".")[0] for name in imports_at_start(path)}
    assert not late & (HEAVY | {"cv2", "supervision"}), "heavy packages are imported where they are used"
    assert "trackers" not in roots, "the core is imported as mots.trackers"
    assert not roots & {"tools", "tests", "oracles", "conftest"}


def test_no_imports_go_in_a_circle() -> None:
    edges = {module: modules_in(imports_at_start(path)) - {module} for module, path in MODULES.items()}
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    # `from mots import x` names the package beside the module; lazy packages import nothing by themselves.
    edges = {module: {name for name in names if name not in packages} for module, names in edges.items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for name in sorted(edges[module]):
                visit(name, (*trail, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


def test_nothing_private_is_used_from_another_folder() -> None:
    for module, path in MODULES.items():
        for name in imports_of(path):
            last = name.rpartition(".")[2]
            private = last.startswith("_") and not last.startswith("__")
            assert not (private and name.startswith("mots.") and folder_of(name) != folder_of(module)), name


def test_folders_stay_small() -> None:
    for folder in {path.parent for path in SOURCES}:
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        # The core stays flat, and the command line has a file for each command.
        limit = {"mots": 12, "trackers": 22, "cli": 28}.get(folder.name, 14)
        assert count <= limit, folder


def test_packages_know_their_modules() -> None:
    for module in MODULES:
        package, _, name = module.rpartition(".")
        if package.count(".") and package not in ("mots.trackers", "mots.cli"):  # those two name what is public
            assert name in dir(importlib.import_module(package)), module


def test_only_known_files_lie_beside_the_folders() -> None:
    assert {path.stem for path in (ROOT / "mots").glob("*.py")} == FILES | {"__init__"}
