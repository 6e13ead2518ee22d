"""Where compiled functions are kept when nothing can be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mots

CODE = (
    "import warnings, numpy as np\n"
    "with warnings.catch_warnings(record=True) as said:\n"
    "    warnings.simplefilter('always')\n"
    "    from mots.trackers.compiled import compiled\n"
    "    @compiled\n"
    "    def double(x: float) -> float:\n"
    "        return 2 * x\n"
    "    @compiled\n"
    "    def triple(x: float) -> float:\n"
    "        return 3 * x\n"
    "    print(double(2.0), triple(2.0))\n"
    "print([str(each.message) for each in said if each.category.__name__ == 'CacheWarning'])\n"
)


def run(folder: Path, **environment: str) -> str:
    """Run CODE with a copy of the package in which, like at home, no cache can be made."""
    package = folder / "site/mots"
    ignored = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
    shutil.copytree(Path(mots.__file__).parent, package, ignore=ignored)
    for each in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (each / "__pycache__").write_text("")
    (folder / "nowhere").write_text("")
    nowhere = str(folder / "nowhere/home")
    bare = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), nowhere)
    (folder / "code.py").write_text(CODE)
    (folder / "code.py").chmod(0o444)
    everything = {
        **os.environ,
        **bare,
        "PYTHONPATH": str(package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment,
    }
    everything.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, env=everything, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_without_a_place_of_its_own_the_cache_is_a_private_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    numbers, said = run(tmp_path, TMPDIR=str(tmp_path / "temporary")).splitlines()
    (folder,) = (tmp_path / "temporary").iterdir()
    assert numbers == "4.0 6.0"
    assert said.count("compiled functions are kept in") == 1
    assert str(folder) in said
    assert folder.stat().st_mode & 0o077 == 0
