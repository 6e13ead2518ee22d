"""Files and frames to scores: scoring, tables, plots, tuning."""

from mots.lazy import lazy_package

MODULES = (
    "event_table", "score_plots", "score_table", "scoring", "step_scoring", "tuning",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
