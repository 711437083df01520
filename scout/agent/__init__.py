"""The agent: one directory, watched and reported."""
