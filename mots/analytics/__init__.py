"""What follows from results: the table of frames, paths, lines and zones, the ground, teams."""

from mots.lazy import lazy_package

MODULES = (
    "feet", "frame_table", "ground", "lines", "maps", "paths", "pitch", "scene", "tables", "teams", "zones",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
