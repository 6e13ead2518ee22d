"""`python -m mots` is the command `mots`."""

from mots.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
