"""Scores of results against truth. Nothing here reads files."""
