"""Scout: which files are in the directories we watch, on every host, right now."""

__version__ = "0.1.0"
