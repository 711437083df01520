"""What the log says about the contact to the master: each turn once, and never without end.

Rules of this file:

1. A line tells a turn for the worse or the better; an attempt that ends as the one before says
   nothing.
2. After a refusal a new registration is no turn for the better before it has proven itself: a
   master may take an agent in and refuse what it has, again and again.
3. On a line that breaks and heals all the time, few turns are told; how many were not is counted,
   and how things are is told at the end.

Times are monotonic seconds. Owned by one thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scout.core.damper import Damper

LINES, PERIOD = 4, 300.0
"""Lines, and in how many seconds: two times lost and found again."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the log: what happened, and its fields. `bad`: an operator may want to look."""

    text: str
    bad: bool
    fields: Mapping[str, object] = field(default_factory=dict)


class Contact:
    """One agent's contact to its master, as its operator is told of it."""

    def __init__(self) -> None:
        self.refusal = ""
        """Why the master refuses us, until a stream has proven that it does no longer."""
        self._trouble: str | None = None
        self._damper: Damper[Line] = Damper(LINES, PERIOD)

    def registered(self, now: float) -> Line | None:
        """The master has taken us in."""
        return None if self.refusal else self._well(now)

    def proven(self, now: float) -> Line | None:
        """It has also taken what we have."""
        self.refusal = ""
        return self._well(now)

    def ended(self, code: str, reason: str, *, refused: bool, now: float) -> Line | None:
        """A stream, or an attempt to open one, ended with that status. `refused`: the master itself
        said no."""
        self.refusal = reason if refused else ""
        if code == self._trouble:
            return None
        self._trouble = code
        text = "the master refused the registration" if refused else "lost the master"
        return self._tell(Line(text, True, {"code": code, "reason": reason}), now)

    def late(self, now: float) -> Line | None:
        """What was held back last, once its time has come. To be asked now and then."""
        told = self._damper.take(now)
        return _counted(*told) if told else None

    def _well(self, now: float) -> Line | None:
        if self._trouble is None:
            return None
        self._trouble = None
        return self._tell(Line("registered with the master again", False), now)

    def _tell(self, line: Line, now: float) -> Line | None:
        others = self._damper.admit(now, line)
        return None if others is None else _counted(line, others)


def _counted(line: Line, others: int) -> Line:
    if not others:
        return line
    return Line(line.text, line.bad, {**line.fields, "others_not_logged": others})
