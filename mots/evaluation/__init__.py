"""Files and frames to scores: scoring, tables, plots, tuning."""
