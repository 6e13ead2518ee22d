"""Files and frames to scores: scoring, tables, plots, tuning."""

from mots.lazy import lazy_package

MODULES = (
    "box_scoring", "davis_scoring", "event_table", "score_plots", "score_table", "scoring", "step_scoring", "tuning",
    "youtube_vos_scoring",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
