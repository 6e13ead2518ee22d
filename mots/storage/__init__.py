"""Containers of other people's data, read with limits: zip archives, JSON, arrays, INI."""

from mots.lazy import lazy_package

MODULES = (
    "archive", "array_file", "json_file", "run_folder", "seqinfo", "toml_file",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
