"""What reading the directories costs, and how long pauses keep it to its share of the time.

By the clock on the wall, since that is what a server feels. The shares are those of the process:
all of its directories have them together. Owned by one thread.
"""

from math import sqrt

from scout.agent.core.budget import Budget

SHARE_WATCHED = 0.008
SHARE_POLLED = 0.05
"""How much of the time reading may take: a poll stretches itself beyond `--poll-interval` to stay
under. With events a scan is a safety net that finds nothing; without, it is all there is."""

SHARE_DOUBTED, SAVED = 0.25, 10.0
"""How much of the time scans may take because events were lost, or could not say enough: the rest
is the storm's. Saved up for so many seconds: after a quiet time there is no pause."""

REMEMBERED = 3
"""Scans of which the quickest counts: one may be slow because the machine was busy for a moment,
and that shall not stretch the pause. A slow server is slow each time."""


class Shares:
    """The time that the directories of one process have together."""

    def __init__(self) -> None:
        self.doubted = Budget(SHARE_DOUBTED, SAVED)
        self._roots = {True: 0.0, False: 0.0}

    def weigh(self, *, watched: bool, before: float, now: float) -> float:
        """One directory weighs `now` instead of `before`. What all of its kind weigh."""
        self._roots[watched] = max(now, self._roots[watched] - before + now)
        return self._roots[watched]


class Cost:
    """The times in seconds that the last scans of one directory took.

    Its pause grows with the square root of what a scan takes: for a sum of shares that is given,
    no other rule makes changes that no event tells wait shorter on average. So a hundred small
    directories are read hardly later because of a huge one.
    """

    def __init__(self, shares: Shares | None = None) -> None:
        self._shares = shares or Shares()
        self._seconds: tuple[float, ...] = ()
        self._weight = {True: 0.0, False: 0.0}

    def spend(self, seconds: float) -> None:
        """A scan took `seconds`."""
        self._seconds = (*self._seconds[1 - REMEMBERED :], seconds)

    def pause(self, *, watched: bool) -> float:
        """Seconds from the end of a scan to the beginning of the next one."""
        seconds = min(self._seconds, default=0.0)
        weight = sqrt(seconds)
        self._weigh(not watched, 0.0)
        together = self._weigh(watched, weight)
        share = SHARE_WATCHED if watched else SHARE_POLLED
        return seconds / share * (together / weight if weight else 1.0)

    def forget(self) -> None:
        """There is nothing to read any more: the others have the time."""
        self._seconds = ()
        self._weigh(True, 0.0)
        self._weigh(False, 0.0)

    def _weigh(self, watched: bool, weight: float) -> float:
        before, self._weight[watched] = self._weight[watched], weight
        return self._shares.weigh(watched=watched, before=before, now=weight)


class Repeats:
    """When one directory may be read again because events were lost, or could not say enough."""

    def __init__(self, shares: Shares) -> None:
        self._own = Budget(SHARE_DOUBTED, SAVED)
        self._all = shares.doubted

    def spend(self, seconds: float, held: float | None, now: float) -> None:
        """A scan took `seconds`, until `now`; for `held` of them it kept the other directories from
        being read, None if all the time."""
        self._own.spend(seconds, now)
        self._all.spend(seconds if held is None else min(held, seconds), now)

    @property
    def ready(self) -> float:
        """When the next one may begin."""
        return max(self._own.ready, self._all.ready)
