"""Pure: no clock, no file descriptor, no thread, no logger, no environment."""
