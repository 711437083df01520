"""Measures both programs as they run: real processes, real files, real sockets."""
