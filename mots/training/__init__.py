"""Data sets for fine-tuning, from a benchmark's truth."""
