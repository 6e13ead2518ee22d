"""Scores of results against truth, from arrays. Nothing here reads files."""
