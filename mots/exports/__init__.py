"""Results in the files of other trades' tools: OTAnalytics (traffic), TRACAB (sports), Rerun (viewing)."""

from mots.lazy import lazy_package

MODULES = (
    "ottrk", "rerun_log", "tracab",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
