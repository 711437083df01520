"""What both programs do with their host: logging, systemd, signals, loop lag, exit codes, HTTP."""
