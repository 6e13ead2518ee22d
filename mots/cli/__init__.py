"""The command line, one file a command."""

from mots.cli.entry import main

__all__ = ["main"]
