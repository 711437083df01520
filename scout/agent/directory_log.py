"""A log whose lines name a directory: several in one process are told apart by it."""

import logging

from scout.process.log import Log


class DirectoryLog(Log):
    """Safe from any thread, as any log."""

    def __init__(self, logger: logging.Logger, directory: bytes) -> None:
        super().__init__(logger)
        self._directory = directory

    def _tell(self, level: int, message: str, fields: dict[str, object]) -> None:
        super()._tell(level, message, {"directory": self._directory} | fields)
