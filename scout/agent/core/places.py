"""Which directory of this process serves which real path: two that lead to one would list its files
twice, and the later one has to wait.

Owned by one thread.
"""


class Places:
    """The real paths that are taken."""

    def __init__(self) -> None:
        self._holders: dict[bytes, bytes] = {}
        self._held: dict[bytes, bytes] = {}

    def admit(self, directory: bytes, real: bytes) -> str:
        """`directory`, a configured path, leads to `real`. Empty if that place is its own from now
        on; else why it must not be served. Either way it leaves the place that it had."""
        holder = self._holders.get(real, directory)
        if holder == directory and self._held.get(directory) == real:
            return ""
        self.leave(directory)
        if holder != directory:
            name = holder.decode("utf-8", "backslashreplace")
            return f"it leads to the same directory as {name}, which is watched already"
        self._holders[real] = directory
        self._held[directory] = real
        return ""

    def leave(self, directory: bytes) -> None:
        """`directory` leads nowhere any more."""
        real = self._held.pop(directory, None)
        if real is not None:
            del self._holders[real]
