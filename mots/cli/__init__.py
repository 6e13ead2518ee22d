"""The command line: one file a command, which parses, calls and prints."""

from mots.cli.entry import main

__all__ = ["main"]
